"""The rule that scales values of more than 8 bits to 0..255, for a whole set and its model.

A file of 16-bit, 32-bit or float values does not state which value is white. Scaled by
its own largest value, the same picture could become light or dark. So the values of all
photos of a set are measured, and one rule is used for all of them and for every photo
that the model predicts later.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, field

from pawsight.errors import PhotoError

# Black and white as the formats define them. Other kinds of values have no such definition.
_DEFINED = {"uint16": (0.0, 65535.0)}
# Values that programs write for missing data. Source: defaults of ArcGIS, GRASS, ENVI and GDAL.
_NO_DATA = {-9999.0, -99999.0, -32768.0, -32767.0, -2147483648.0}
_MIN_FLOAT = -1e30  # a smaller value is no measurement
ANY_KIND = "any"
_MAX_BANDS = 1000


@dataclass(frozen=True)
class PixelScale:
    """A rule that turns the values of a photo into 8 bits."""

    # The bands of a TIFF that become red, green and blue, or grey, counted from 1; empty for the
    # bands of the file.
    bands: tuple[int, ...] = ()
    # By kind of values ("uint16", "int16", "float" ...): the value that becomes black, and the
    # value that becomes white. The kind "any" stands for all kinds.
    ranges: dict[str, tuple[float, float]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not all(1 <= band <= _MAX_BANDS for band in self.bands):
            raise ValueError(f"bands are counted from 1 to {_MAX_BANDS}")
        if not all(math.isfinite(end) for ends in self.ranges.values() for end in ends):
            raise ValueError("the ends of a range must be finite")

    def range_of(self, kind: str) -> tuple[float, float] | None:
        """Return the values that become black and white; None if there is no rule for the kind."""
        return self.ranges.get(kind) or self.ranges.get(ANY_KIND) or _DEFINED.get(kind)

    def applied_to(self, samples: str) -> str:
        """Return the range for samples of `describe_samples` as a text; "" if there is none."""
        limits = self.range_of(samples.split(" ")[0]) if samples else None
        return f"{limits[0]:.9g} {limits[1]:.9g}" if limits else ""


STANDARD = PixelScale()


class NoScaleError(PhotoError):
    """The values of a photo cannot be scaled, since no rule states which value is white."""

    def __init__(self, samples: str) -> None:
        kind, low, high = samples.split(" ")
        super().__init__(
            f"{kind} values from {float(low):.4g} to {float(high):.4g}, and it is unknown which is "
            f"white; save it with 8 bits"
        )
        self.samples = samples


def is_usual_no_data(value: float) -> bool:
    """Return whether programs write this value for missing data."""
    return value in _NO_DATA or value < _MIN_FLOAT


def describe_samples(kind: str, low: float, high: float) -> str:
    """Return the kind, the smallest and the largest of a photo's values as one text."""
    return f"{kind} {low:.9g} {high:.9g}"


def measured_scale(all_samples: Iterable[str], bands: tuple[int, ...] = ()) -> PixelScale:
    """Return the rule for the photos of a set.

    Black is 0, or the smallest value of the set if that is negative. White is the
    largest value of the set; for uint16, which cameras write with 8 to 16 bits, it is the
    largest value of the number of bits that the set uses.

    Args:
        all_samples: The result of `describe_samples` for each photo, "" for 8-bit photos.
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
