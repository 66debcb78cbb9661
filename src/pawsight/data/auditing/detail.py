"""Find photos with far less detail than pixels: enlarged from small pictures.

In photos, the power of the luma falls with the frequency f about as f ** -2.2. Enlarging
adds pixels, but no detail: beyond the frequencies of the small picture, hardly any power
is left. So each photo's power in the upper bands is compared with the power that is
expected from its lower bands.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from pawsight.data.auditing.facts import AuditFacts
from pawsight.data.auditing.findings import PhotoItem
from pawsight.data.decoding.analysis import analysis_batches
from pawsight.data.decoding.traces import BANDS
from pawsight.data.result_cache import cached_result
from pawsight.records import IntArray, Pixels

_VERSION = 1  # to be raised whenever the same photos give other findings
_EXPONENT = 2.2  # by which power falls in photos of cats, dogs, ants and bees
_NUM_LOWER = 2  # bands, 4 to 16 cycles; the stronger one predicts the power of the others
_UPPER = slice(3, 6)  # the bands that are checked, 24 to 64 cycles
# Decades of power that each of these bands lacks in an enlarged photo. Of 600 photos of cats,
# dogs, ants and bees, none lacks more than 0.7; of 300 photos of flowers enlarged from 32 to 128
# pixels, none lacks less than 1.3.
LACKING = 1.0
MIN_SIDE = 128  # pixels of the shorter side, for 64 cycles


def enlarged(facts: AuditFacts) -> list[PhotoItem]:
    """Find photos enlarged from pictures of less than about 48 x 48 pixels."""
    pixels = facts.pixels
    if pixels is None:
        return []
    sides = np.array(
        cached_result(
            "enlarged", _VERSION, facts.catalog, pixels, lambda: _sides(pixels, facts.indices)
        ),
        np.float64,
    )
    return facts.items(
        (sides > 0) & (facts.shorter >= MIN_SIDE) & ~facts.is_blank,
        sides,
        lambda i: (
            f"{facts.width[i]:.0f} x {facts.height[i]:.0f} pixels with the detail of about "
            f"{sides[i]:.0f} x {sides[i]:.0f}"
        ),
    )


def _sides(pixels: Pixels, indices: IntArray) -> list[float]:
    batches = analysis_batches(pixels, indices)
    return [
        side for batch in batches for side in detail_sides(batch["traces"]["spectrum"]).tolist()
    ]


def detail_sides(spectra: NDArray[np.float32]) -> NDArray[np.float64]:
    """Estimate the size of square images that would suffice for the detail of photos.

    Args:
        spectra: Power in each of `BANDS`, shape [N, 7].

    Returns:
        Side in pixels, shape [N]: 16, 32 or 48, or 0 for a photo with as much detail as usual.
    """
    power = np.log10(np.maximum(spectra.astype(np.float64), 1e-3))
    centres = np.sqrt(np.array(BANDS) * np.array([*BANDS[1:], 80.0]))
    fall = _EXPONENT * np.log10(centres)
    expected = (power + fall)[:, :_NUM_LOWER].max(axis=1, keepdims=True) - fall
    lacking = expected - power
    is_enlarged = lacking[:, _UPPER].min(axis=1) > LACKING
    # The first band that lacks half as much begins at the finest detail of the small picture.
    first = (lacking[:, : _UPPER.stop] > LACKING / 2).argmax(axis=1)
    return np.where(is_enlarged, 2.0 * np.array(BANDS)[first], 0.0)
