"""Check single photos, by their facts alone.

Most checks have two limits, a fixed one and one relative to the photo's class: whether a
person would call a photo too dark depends on whether the rest of its class are night photos.
Nothing here opens a photo.
"""

from __future__ import annotations

import numpy as np

from pawsight.data.auditing.facts import AuditFacts
from pawsight.data.auditing.findings import PhotoItem
from pawsight.data.decoding.decode_errors import ENDS_TOO_EARLY

# The limits were set by inspecting 22,498 photos of cats and dogs, most of them of animals
# for adoption: most people would retake a photo that is just beyond a limit.
DARK = 70  # brightness plus contrast, 0..255; about five of six pixels are darker than this sum
BRIGHT = 180  # brightness minus contrast; about five of six pixels are brighter
BLURRED = 4.0  # sharpness divided by contrast; ordinary photos have 10 to 70
TINY = 64  # pixels of the shorter side: half of the size at which networks receive photos
ODD = 2.5  # longer side divided by shorter side; 16:9 is 1.8, a cinema screen 2.4


def broken(facts: AuditFacts) -> list[PhotoItem]:
    """Find photos that are left out: they cannot be decoded, or have no label."""
    return [
        facts.item(index, reason=photo.problem)
        for index, photo in enumerate(facts.catalog.photos)
        if photo.problem
    ]


def truncated(facts: AuditFacts) -> list[PhotoItem]:
    """Find photos whose end is missing, whether they are used or left out."""
    items = []
    for index, photo in enumerate(facts.catalog.photos):
        if photo.flaw:
            items.append(facts.item(index, 1.0, f"kept: {photo.flaw}"))
        elif photo.problem.startswith(ENDS_TOO_EARLY):
            items.append(facts.item(index, 0.0, f"left out: {photo.problem}"))
    return items


def blank(facts: AuditFacts) -> list[PhotoItem]:
    """Find photos of a single colour."""
    return facts.items(
        facts.is_blank,
        facts.contrast,
        lambda i: f"one colour all over; its brightness varies by {facts.contrast[i]:.1f} of 255",
    )


def unlike(facts: AuditFacts) -> list[PhotoItem]:
    """Find photos unlike the rest of their class."""
    return [facts.item(outlier.index, outlier.score, outlier.reason) for outlier in facts.outliers]


def dark(facts: AuditFacts) -> list[PhotoItem]:
    """Find photos whose lighter parts are dark."""
    light = facts.brightness + facts.contrast
    is_found = (light < DARK) & (light < 0.5 * facts.usual(light)) & ~facts.is_blank
    return facts.items(is_found, light, lambda i: _brightness(facts, i))


def bright(facts: AuditFacts) -> list[PhotoItem]:
    """Find photos whose darker parts are pale."""
    light = facts.brightness - facts.contrast
    room = 255 - light
    is_found = (light > BRIGHT) & (room < 0.5 * facts.usual(room)) & ~facts.is_blank
    # The white paper of a drawing is no overexposure.
    is_found &= ~np.isin(facts.indices, [outlier.index for outlier in facts.outliers])
    return facts.items(is_found, -light, lambda i: _brightness(facts, i))


def blurred(facts: AuditFacts) -> list[PhotoItem]:
    """Find photos whose edges are soft."""
    # Divided by contrast, since even sharp edges of a pale photo are weak. Tiny photos are left
    # out: they were enlarged, and cannot be sharp.
    edges = facts.sharpness / np.maximum(facts.contrast, 1.0)
    is_found = (edges < BLURRED) & (edges < 0.2 * facts.usual(edges))
    is_found &= ~facts.is_blank & (facts.shorter >= TINY)
    return facts.items(is_found, edges, lambda i: f"sharpness {edges[i]:.1f}, where 10 is usual")


def tiny(facts: AuditFacts) -> list[PhotoItem]:
    """Find photos with few pixels."""
    is_found = (facts.shorter < TINY) & (facts.shorter < 0.5 * facts.usual(facts.shorter))
    return facts.items(is_found, facts.shorter, lambda i: _size(facts, i))


def odd_aspect(facts: AuditFacts) -> list[PhotoItem]:
    """Find photos whose longer side is much longer than the shorter one."""
    shape = facts.longer / np.maximum(facts.shorter, 1)
    is_found = (shape > ODD) & (shape > 1.5 * facts.usual(shape))
    return facts.items(
        is_found,
        -shape,
        lambda i: f"{_size(facts, i)}, {shape[i]:.1f} times as long as short",
    )


def _brightness(facts: AuditFacts, row: int) -> str:
    return f"mean brightness {facts.brightness[row]:.0f} of 255"


def _size(facts: AuditFacts, row: int) -> str:
    return f"{facts.width[row]:.0f} x {facts.height[row]:.0f} pixels"
