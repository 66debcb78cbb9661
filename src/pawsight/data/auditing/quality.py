"""Photos that a person would want to look at before training on them, by their facts alone.

Each rule has a limit of its own and one relative to the photo's class: what a
person calls too dark depends on whether the others are night photos as well.
Nothing here opens a photo.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pawsight.data.catalog import Catalog
from pawsight.data.duplicates.near_duplicates import BLANK_CONTRAST
from pawsight.records import IntArray

Values = NDArray[np.float64]
Flags = NDArray[np.bool_]

# The limits were set by looking at 22,498 photos of cats and dogs, most of them of animals
# for adoption: at what lies just beyond each, most people would take another photo.
DARK = 70  # brightness plus contrast, 0..255: what about five of six pixels stay below
BRIGHT = 180  # brightness minus contrast: what about five of six pixels stay above
BLURRED = 4.0  # sharpness by contrast; ordinary photos have 10 to 70
TINY = 64  # pixels of the shorter side: half of what the networks see
ODD = 2.5  # longer by shorter side; 16:9 is 1.8, a cinema screen 2.4

_FEWEST = 20  # photos of a class that say what is usual in it; else all classes say it together
_TOO_EARLY = "file ends too early"  # how the problem of a truncated photo begins


@dataclass(frozen=True, slots=True)
class Remark:
    """Something about one photo.

    Attributes:
        index: Of the photo, in the catalog.
        value: The measure that the list is sorted by.
        reason: What it is, for people.
    """

    index: int
    value: float
    reason: str


@dataclass(frozen=True, slots=True)
class _Facts:
    """The facts of the usable photos as columns, shape [N] each."""

    indices: IntArray
    labels: IntArray
    brightness: Values
    contrast: Values
    sharpness: Values
    width: Values
    height: Values

    @property
    def is_blank(self) -> Flags:
        return self.contrast < BLANK_CONTRAST

    @property
    def shorter(self) -> Values:
        return np.minimum(self.width, self.height)

    @property
    def longer(self) -> Values:
        return np.maximum(self.width, self.height)


def remarks(catalog: Catalog) -> dict[str, list[Remark]]:
    """Look for photos that are dark, bright, blurred, blank, tiny, odd_aspect or truncated.

    Returns:
        For each of these, the photos, the worst first.
    """
    facts = _columns(catalog)
    found = {name: rule(facts) for name, rule in _RULES.items()}
    found["truncated"] = _truncated(catalog)
    return found


def _dark(facts: _Facts) -> list[Remark]:
    light = facts.brightness + facts.contrast
    wrong = (light < DARK) & (light < 0.5 * _usual(light, facts)) & ~facts.is_blank
    return _remarks(
        facts, wrong, light, lambda i: f"mean brightness {facts.brightness[i]:.0f} of 255"
    )


def _bright(facts: _Facts) -> list[Remark]:
    light = facts.brightness - facts.contrast
    room = 255 - light
    wrong = (light > BRIGHT) & (room < 0.5 * _usual(room, facts)) & ~facts.is_blank
    return _remarks(
        facts, wrong, -light, lambda i: f"mean brightness {facts.brightness[i]:.0f} of 255"
    )


def _blurred(facts: _Facts) -> list[Remark]:
    # By contrast, since the edges of a pale photo are weak however sharp they are. What is
    # tiny was enlarged, and is no sharper than it can be.
    edges = facts.sharpness / np.maximum(facts.contrast, 1.0)
    wrong = (edges < BLURRED) & (edges < 0.2 * _usual(edges, facts))
    wrong &= ~facts.is_blank & (facts.shorter >= TINY)
    return _remarks(facts, wrong, edges, lambda i: f"sharpness {edges[i]:.1f}, where 10 is usual")


def _blank(facts: _Facts) -> list[Remark]:
    return _remarks(
        facts,
        facts.is_blank,
        facts.contrast,
        lambda i: f"one colour all over; its brightness varies by {facts.contrast[i]:.1f} of 255",
    )


def _tiny(facts: _Facts) -> list[Remark]:
    wrong = (facts.shorter < TINY) & (facts.shorter < 0.5 * _usual(facts.shorter, facts))
    return _remarks(facts, wrong, facts.shorter, lambda i: _size(facts, i))


def _odd(facts: _Facts) -> list[Remark]:
    shape = facts.longer / np.maximum(facts.shorter, 1)
    wrong = (shape > ODD) & (shape > 1.5 * _usual(shape, facts))
    return _remarks(
        facts,
        wrong,
        -shape,
        lambda i: f"{_size(facts, i)}, {shape[i]:.1f} times as long as short",
    )


_RULES: dict[str, Callable[[_Facts], list[Remark]]] = {
    "dark": _dark,
    "bright": _bright,
    "blurred": _blurred,
    "blank": _blank,
    "tiny": _tiny,
    "odd_aspect": _odd,
}


def _truncated(catalog: Catalog) -> list[Remark]:
    """Photos whose end is missing, those that are kept and those that are left out."""
    found = []
    for index, photo in enumerate(catalog.photos):
        if photo.flaw:
            found.append(Remark(index, 1.0, f"kept: {photo.flaw}"))
        elif photo.problem.startswith(_TOO_EARLY):
            found.append(Remark(index, 0.0, f"left out: {photo.problem}"))
    return found


def size_differences(catalog: Catalog) -> list[str]:
    """Say in sentences how sizes and shapes differ, where that matters to training."""
    facts = _columns(catalog)
    if len(facts.indices) < _FEWEST:
        return []
    said = []
    small, large = np.quantile(facts.shorter, [0.05, 0.95])
    if large > 4 * small:
        said.append(
            f"One in twenty photos is smaller than {small:.0f} pixels on its shorter side, one in "
            f"twenty larger than {large:.0f}: the small ones are enlarged and look softer."
        )
    shape = np.log(facts.width / np.maximum(facts.height, 1))
    share = float((np.abs(shape - np.median(shape)) > np.log(1.5)).mean())
    if share > 0.05:
        said.append(
            f"{100 * share:.0f} % of the photos have a shape more than 1.5 times as wide or as "
            f"narrow as the usual one, which stretching distorts; --resize crop or pad does not."
        )
    usual = {
        catalog.class_names[label] if label >= 0 else "": float(
            np.median(facts.shorter[facts.labels == label])
        )
        for label, count in zip(*np.unique(facts.labels, return_counts=True), strict=True)
        if count >= _FEWEST
    }
    if len(usual) > 1 and max(usual.values()) > 1.5 * min(usual.values()):
        low, high = min(usual, key=lambda name: usual[name]), max(usual, key=lambda n: usual[n])
        said.append(
            f"Photos of '{high}' are usually larger ({usual[high]:.0f} pixels on the shorter side) "
            f"than those of '{low}' ({usual[low]:.0f}): a network may learn that instead."
        )
    return said


def _columns(catalog: Catalog) -> _Facts:
    photos = [catalog.photos[i] for i in catalog.usable]

    def column(name: str) -> Values:
        return np.fromiter((getattr(photo, name) for photo in photos), np.float64, len(photos))

    names = {name: number for number, name in enumerate(catalog.class_names)}
    labels = np.fromiter((names.get(p.label, -1) for p in photos), np.int64, len(photos))
    facts = ("brightness", "contrast", "sharpness", "width", "height")
    return _Facts(catalog.usable, labels, *(column(name) for name in facts))


def _usual(values: Values, facts: _Facts) -> Values:
    """Give each photo the median of its class, of all photos where the class is small."""
    usual = np.full(len(values), np.median(values) if len(values) else 0.0)
    order = np.argsort(facts.labels, kind="stable")
    _, starts = np.unique(facts.labels[order], return_index=True)
    for members in np.split(order, starts[1:]):
        if len(members) >= _FEWEST:
            usual[members] = np.median(values[members])
    return usual


def _remarks(
    facts: _Facts, wrong: Flags, badness: Values, reason: Callable[[int], str]
) -> list[Remark]:
    """Make remarks on the photos that are wrong, those of the smallest value first."""
    places = np.flatnonzero(wrong)
    places = places[np.argsort(badness[places], kind="stable")]
    return [
        Remark(int(facts.indices[i]), round(abs(float(badness[i])), 3), reason(int(i)))
        for i in places
    ]


def _size(facts: _Facts, place: int) -> str:
    return f"{facts.width[place]:.0f} x {facts.height[place]:.0f} pixels"
