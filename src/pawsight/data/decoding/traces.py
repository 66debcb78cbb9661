"""Traces of how a picture was made: borders, marks in its corners, and the finest detail it has.

None of them depends on what the photo shows, so where they differ between
classes, a model can separate the classes without using the object.
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
# Cycles per image side at which each band of the spectrum begins; the last one ends at 80.
BANDS = (4, 8, 16, 24, 32, 48, 64)
ROW = np.dtype(
    [
        ("borders", "<f4", (len(SIDES),)),
        ("corners", "<f4", (len(CORNERS),)),
        ("spectrum", "<f4", (len(BANDS),)),
    ]
)

_DEEPEST = 0.1  # share of a side that is searched for a border
_EVEN = 4.0  # standard deviation of a line's luma that counts as even
_SAME = 6.0  # levels by which lines of one border differ
_CORNER = (0.12, 0.4)  # share of height and width: where cameras write the date
_HARD = 40  # levels of a channel between neighbouring pixels: edges of letters of any colour
_EVERY = 4  # every fourth line is enough for a spectrum


def trace(images: ImageArray) -> NDArray[np.void]:
    """Measure the traces of pictures.

    Args:
        images: Shape [N, H, W, 3].

    Returns:
        Rows of `ROW`, shape [N]: the depth of an even border on each side, as a share of
        that side, 0..0.1; the share of hard edges in each corner, 0..1; the power of the luma
        in each band of frequencies, both along rows and along columns.
    """
    planes = planes_of(images)
    luma = luma_of_planes(planes).astype(np.float32)
    rows = np.empty(len(images), ROW)
    rows["borders"] = np.stack(
        [_border(each) for each in (luma, luma[:, ::-1], _turned(luma), _turned(luma)[:, ::-1])], 1
    )
    rows["corners"] = _corners(planes)
    rows["spectrum"] = _spectrum(luma) + _spectrum(_turned(luma))
    return rows


def _turned(luma: Traces) -> Traces:
    return luma.swapaxes(1, 2)


def _border(luma: Traces) -> Traces:
    """Return how many first rows are even and alike, as a share of all rows, shape [N]."""
    height = luma.shape[1]
    lines = luma[:, : max(1, round(_DEEPEST * height))]
    means = lines.mean(axis=2)
    is_border = (lines.std(axis=2) < _EVEN) & (np.abs(means - means[:, :1]) < _SAME)
    depths = np.logical_and.accumulate(is_border, axis=1).sum(axis=1)
    return np.asarray(depths / height, np.float32)


def _corners(planes: ImageArray) -> Traces:
    """Return the share of hard edges between horizontal neighbours in each corner, shape [N, 4]."""
    height, width = planes.shape[2:]
    rows, columns = max(1, round(_CORNER[0] * height)), max(2, round(_CORNER[1] * width))
    bands = planes[:, :, :rows], planes[:, :, -rows:]
    corners = [band[..., part] for band in bands for part in _ends(columns)]
    edges = [largest_difference(each[..., 1:], each[..., :-1]) > _HARD for each in corners]
    return np.stack([each.mean(axis=(1, 2)) for each in edges], axis=1).astype(np.float32)


def _ends(columns: int) -> tuple[slice, slice]:
    return slice(None, columns), slice(-columns, None)


def _spectrum(luma: Traces) -> Traces:
    """Return the mean power along rows in each band, shape [N, len(BANDS)]."""
    lines = luma[:, ::_EVERY]
    window, ends = _window(lines.shape[2]), (*BANDS[1:], lines.shape[2] // 2 + 1)
    bands = [slice(low, high) for low, high in zip(BANDS, ends, strict=True)]
    waves = np.fft.rfft((lines - lines.mean(axis=2, keepdims=True)) * window, axis=2)
    power = (waves.real**2 + waves.imag**2).mean(axis=1)
    # Of images smaller than `analysis.ANALYSIS_SIZE` the last bands hold nothing.
    sums = [power[:, band].sum(axis=1) / max(1, band.stop - band.start) for band in bands]
    return np.asarray(np.stack(sums, axis=1) / lines.shape[2], np.float32)


@functools.lru_cache(maxsize=8)
def _window(length: int) -> Traces:
    """Return a Hann window, which keeps both ends of a line from looking like an edge."""
    return np.hanning(length).astype(np.float32)
