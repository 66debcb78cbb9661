"""How values of more than 8 bits become 0..255: one rule for a whole set, kept with its model.

A file of 16-bit, 32-bit or float values does not state which value is white: the
same picture would be light or dark by its own largest value. So the values of all
photos of a set are measured, and what follows from them holds for each of them,
and for every photo that the model is given later.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, field

from pawsight.errors import PhotoError

# What the formats define as black and white. Other kinds of values have no such definition.
_DEFINED = {"uint16": (0.0, 65535.0)}
# What programs write where nothing was measured. Source: defaults of ArcGIS, GRASS, ENVI and GDAL.
_NO_DATA = {-9999.0, -99999.0, -32768.0, -32767.0, -2147483648.0}
_MIN_FLOAT = -1e30  # below: no measurement has such a value
ANY_KIND = "any"
_MAX_BANDS = 1000


@dataclass(frozen=True)
class PixelScale:
    """A rule that turns the values of a photo into 8 bits."""

    # The bands of a TIFF that become red, green and blue, or grey, counted from 1; empty takes them
    # as in the file.
    bands: tuple[int, ...] = ()
    # For a kind of values ("uint16", "int16", "float" ...) the one that becomes black and the one
    # that becomes white. The kind "any" is all of them.
    ranges: dict[str, tuple[float, float]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not all(1 <= band <= _MAX_BANDS for band in self.bands):
            raise ValueError(f"bands are counted from 1 to {_MAX_BANDS}")
        if not all(math.isfinite(end) for ends in self.ranges.values() for end in ends):
            raise ValueError("the ends of a range must be finite")

    def range_of(self, kind: str) -> tuple[float, float] | None:
        """Return the values that are black and white; None where there is no rule."""
        return self.ranges.get(kind) or self.ranges.get(ANY_KIND) or _DEFINED.get(kind)

    def applied_to(self, samples: str) -> str:
        """Return as text what the rule does with samples of `describe_samples`; "" is nothing."""
        limits = self.range_of(samples.split(" ")[0]) if samples else None
        return f"{limits[0]:.9g} {limits[1]:.9g}" if limits else ""


STANDARD = PixelScale()


class NoScaleError(PhotoError):
    """The values of a photo cannot be used, since no rule states which of them is white."""

    def __init__(self, samples: str) -> None:
        kind, low, high = samples.split(" ")
        super().__init__(
            f"{kind} values from {float(low):.4g} to {float(high):.4g}, of which none is known to "
            f"be white; save it with 8 bits"
        )
        self.samples = samples


def is_usual_no_data(value: float) -> bool:
    """Return whether programs write this value where nothing was measured."""
    return value in _NO_DATA or value < _MIN_FLOAT


def describe_samples(kind: str, low: float, high: float) -> str:
    """Write the kind of a photo's values, the smallest and the largest as one text."""
    return f"{kind} {low:.9g} {high:.9g}"


def measured_scale(all_samples: Iterable[str], bands: tuple[int, ...] = ()) -> PixelScale:
    """Return the rule that follows from the photos of a set.

    Black is 0, or the smallest value where that is negative, and white is the
    largest value of the set. Values of the kind uint16 are those of cameras with 8 to
    16 bits: white is the largest value of the bits that are used.

    Args:
        all_samples: The result of `describe_samples` for each photo, "" for those of 8 bits.
        bands: As in `PixelScale`.
    """
    ranges: dict[str, tuple[float, float]] = {}
    for samples in set(all_samples) - {""}:
        kind, *ends = samples.split(" ")
        low, high = map(float, ends)
        black, white = ranges.get(kind, (0.0, 0.0))
        ranges[kind] = min(black, low), max(white, high)
    if "uint16" in ranges:
        bits = max(8, int(ranges["uint16"][1]).bit_length())
        ranges["uint16"] = 0.0, 2.0**bits - 1
    return PixelScale(bands=bands, ranges=dict(sorted(ranges.items())))
