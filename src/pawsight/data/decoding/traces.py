"""Measure traces of how a photo was made: borders, text in its corners, and its finest detail.

Traces do not depend on what the photo shows, so where they differ between classes,
a model can separate the classes without using the object.
"""

from __future__ import annotations

import functools

import numpy as np
from numpy.typing import NDArray

from pawsight.data.decoding.channels import largest_difference, luma_of_planes, planes_of
from pawsight.records import ImageArray

Traces = NDArray[np.float32]

SIDES = ("top", "bottom", "left", "right")
CORNERS = ("top left", "top right", "bottom left", "bottom right")
# Cycles per image side at which each band of the spectrum begins; the last band ends at 80.
BANDS = (4, 8, 16, 24, 32, 48, 64)
ROW = np.dtype(
    [
        ("borders", "<f4", (len(SIDES),)),
        ("corners", "<f4", (len(CORNERS),)),
        ("spectrum", "<f4", (len(BANDS),)),
    ]
)

_MAX_BORDER = 0.1  # share of a side that is searched for a border
_MAX_LINE_DEVIATION = 4.0  # standard deviation of the luma in a line of a border
_MAX_MEAN_DIFFERENCE = 6.0  # luma between the lines of a border
_CORNER = (0.12, 0.4)  # share of height and width: where cameras write the date
_HARD_EDGE = 40  # levels between neighbouring pixels in any channel: edges of letters
_LINE_STEP = 4  # every fourth line is enough for a spectrum


def trace(images: ImageArray) -> NDArray[np.void]:
    """Measure the traces of photos.

    Args:
        images: Shape [N, H, W, 3], 0..255.

    Returns:
        Rows of `ROW`, shape [N]. `borders`: the depth of a uniform border at each side, as a
        share of the height or width, 0..0.1. `corners`: the share of hard edges in each
        corner, 0..1. `spectrum`: the power of the luma in each band of frequencies, summed
        over both directions.
    """
    planes = planes_of(images)
    luma = luma_of_planes(planes).astype(np.float32)
    transposed = luma.swapaxes(1, 2)
    rows = np.empty(len(images), ROW)
    sides = (luma, luma[:, ::-1], transposed, transposed[:, ::-1])
    rows["borders"] = np.stack([_border(side) for side in sides], axis=1)
    rows["corners"] = _corners(planes)
    rows["spectrum"] = _spectrum(luma) + _spectrum(transposed)
    return rows


def _border(luma: Traces) -> Traces:
    """Compute the depth of a uniform border at the top, as a share of the height, shape [N]."""
    height = luma.shape[1]
    lines = luma[:, : max(1, round(_MAX_BORDER * height))]
    means = lines.mean(axis=2)
    is_uniform = lines.std(axis=2) < _MAX_LINE_DEVIATION
    is_border = is_uniform & (np.abs(means - means[:, :1]) < _MAX_MEAN_DIFFERENCE)
    depths = np.logical_and.accumulate(is_border, axis=1).sum(axis=1)
    return np.asarray(depths / height, np.float32)


def _corners(planes: ImageArray) -> Traces:
    """Compute the share of hard edges between horizontal neighbours in corners, shape [N, 4]."""
    height, width = planes.shape[2:]
    rows, columns = max(1, round(_CORNER[0] * height)), max(2, round(_CORNER[1] * width))
    corners = [
        planes[:, :, vertical, horizontal]
        for vertical in (slice(rows), slice(-rows, None))
        for horizontal in (slice(columns), slice(-columns, None))
    ]
    steps = [largest_difference(corner[..., 1:], corner[..., :-1]) for corner in corners]
    shares = [(step > _HARD_EDGE).mean(axis=(1, 2)) for step in steps]
    return np.stack(shares, axis=1).astype(np.float32)


def _spectrum(luma: Traces) -> Traces:
    """Compute the mean power along rows in each band, shape [N, len(BANDS)]."""
    lines = luma[:, ::_LINE_STEP]
    window, ends = _window(lines.shape[2]), (*BANDS[1:], lines.shape[2] // 2 + 1)
    bands = [slice(low, high) for low, high in zip(BANDS, ends, strict=True)]
    waves = np.fft.rfft((lines - lines.mean(axis=2, keepdims=True)) * window, axis=2)
    power = (waves.real**2 + waves.imag**2).mean(axis=1)
    # The last bands are empty for images smaller than `analysis.ANALYSIS_SIZE`.
    sums = [power[:, band].sum(axis=1) / max(1, band.stop - band.start) for band in bands]
    return np.asarray(np.stack(sums, axis=1) / lines.shape[2], np.float32)


@functools.lru_cache(maxsize=8)
def _window(length: int) -> Traces:
    """Return a Hann window, which keeps both ends of a line from looking like an edge."""
    return np.hanning(length).astype(np.float32)
