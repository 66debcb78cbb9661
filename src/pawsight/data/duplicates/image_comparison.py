"""Decide whether two photos show the same picture, re-encoded, resized, or slightly cropped.

Photos of the same wall, or portraits in front of the same curtain, have the same
large shapes; copies also have the same fine detail in the same places. So
one photo is first aligned with the other (moved, stretched and brightened to fit),
then their detail is compared, block by block. Which pairs to compare is decided elsewhere.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from pawsight.records import AnalysisArray

Floats = NDArray[np.float32]

_STEPS = 8  # of the alignment; for copies, it converges within four or five
_MAX_WARP = 0.15  # largest shift or stretch, in half sides; a crop by 10 % needs 0.11
_BLOCKS = 4  # per side

# Minimal correlations of copies that were only re-encoded or resized. These reach 0.998 and
# 0.991; the most similar photos of cats-vs-dogs that are no copies have 0.92 and 0.64.
_SAME_LUMA, _SAME_DETAIL = 0.99, 0.98
# The same after alignment, of copies with crops of up to 10 % per side, text, logos or clipping.
_LIKE_LUMA, LIKE_DETAIL = 0.7, 0.65
_AGREEING = 0.5  # minimal correlation of the detail in a block that agrees
_AGREEING_SHARE = 0.8  # of the blocks with detail that must agree: an equal frame is not enough
_MIN_BLOCKS = 10  # with detail, of 16; a traffic sign has fewer, and is like many other signs
_DETAIL = 2.0  # standard deviation of a block with detail, in levels of 0..255
# Root mean square difference of equal pictures with hardly any detail, in levels of 0..255.
_SAME_LEVELS = 1.5
_COLOUR = 6.0  # difference from grey of a photo with colours, in levels of 0..255


def planes_of(analysis: AnalysisArray) -> Floats:
    """Return the RGB planes of the thumbnails: shape [N] to [N, 3, 32, 32], values 0..255."""
    return np.asarray(analysis["thumbnail"].transpose(0, 3, 1, 2), np.float32)


def coarser(planes: Floats, side: int) -> Floats:
    """Average planes over square blocks: shape [N, 3, 32, 32] to [N, 3, side, side]."""
    count, channels, height, width = planes.shape
    blocks = planes.reshape(count, channels, side, height // side, side, width // side)
    return np.asarray(blocks.mean((3, 5)), np.float32)


def luma(planes: Floats) -> Floats:
    """Compute the brightness of RGB planes: shape [N, 3, S, S] to [N, S, S]."""
    red, green, blue = planes[:, 0], planes[:, 1], planes[:, 2]
    return np.asarray(0.299 * red + 0.587 * green + 0.114 * blue, np.float32)


def correlation(a: Floats, b: Floats) -> Floats:
    """Compute the correlation of pairs of images: shape [N, S, S] to [N], -1..1."""
    return _correlation(a, b, np.ones_like(a))


def detail_similarity(first: Floats, second: Floats) -> Floats:
    """Compute how similar the detail of pairs of photos is after alignment.

    Args:
        first: RGB planes from `planes_of`, shape [N, 3, 32, 32].
        second: RGB planes of the other photo of each pair.

    Returns:
        Correlations, -1..1, shape [N]. Photos of different objects have about 0.05,
        handwritten digits or photos from a fixed camera much more.
    """
    a = luma(first)
    moved, inside = _align(a, luma(second))
    return _correlation(_detail(a), _detail(moved), inside)


def same_picture(first: Floats, second: Floats, thresholds: Floats) -> NDArray[np.bool_]:
    """Decide for pairs of photos whether they show the same picture.

    Args:
        first: RGB planes from `planes_of`, shape [N, 3, 32, 32].
        second: RGB planes of the other photo of each pair, mirrored if the pair is mirrored.
        thresholds: The similarity of copies in the classes of each pair, shape [N], at
            least `LIKE_DETAIL`. From 1 on, only copies that were neither moved nor
            marked are recognised.

    Returns:
        Whether both photos show the same picture, shape [N].
    """
    a, b = luma(first), luma(second)
    same = (correlation(a, b) > _SAME_LUMA) & (correlation(_detail(a), _detail(b)) > _SAME_DETAIL)
    same |= np.sqrt(((first - second) ** 2).mean((1, 2, 3))) < _SAME_LEVELS
    undecided = np.flatnonzero(~same & (thresholds < 1))
    if len(undecided):
        same[undecided] = _same_when_aligned(a[undecided], b[undecided], thresholds[undecided])
    return same & _colours_agree(first, second)


def _same_when_aligned(a: Floats, b: Floats, thresholds: Floats) -> NDArray[np.bool_]:
    moved, inside = _align(a, b)
    detail_a, detail_b = _detail(a), _detail(moved)
    x, y, coverage = (_blocks(values) for values in (detail_a * inside, detail_b * inside, inside))
    has_detail = (np.maximum(x.std(2), y.std(2)) > _DETAIL) & (coverage.mean(2) > 0.5)
    agreeing = (_correlation_of_rows(x, y) > _AGREEING) & has_detail
    num_blocks = has_detail.sum(1)
    return np.asarray(
        (_correlation(a, moved, inside) > _LIKE_LUMA)
        & (_correlation(detail_a, detail_b, inside) > thresholds)
        & (num_blocks >= _MIN_BLOCKS)
        & (agreeing.sum(1) >= _AGREEING_SHARE * num_blocks)
    )


def _align(target: Floats, image: Floats) -> tuple[Floats, Floats]:
    """Move and stretch each image to fit its target best.

    Gauss-Newton steps optimise stretch and shift along both axes, with free contrast and
    brightness. Source: Lucas and Kanade, 1981; Baker and Matthews, 2004.

    Returns:
        The moved images, shape [N, S, S], and a mask that is 1 inside of them and 0 outside.
    """
    count, side, _ = target.shape
    grid = (np.arange(side, dtype=np.float32) + 0.5) / side * 2 - 1
    warp = np.zeros((count, 4), np.float32)  # stretch and shift along x, then along y
    for _ in range(_STEPS):
        moved, inside = _warped(image, warp, grid)
        down, right = np.gradient(moved, 2 / side, axis=(1, 2))
        changes = [right * grid, right, down * grid[:, None], down]
        changes += [moved - moved.mean((1, 2), keepdims=True), np.ones_like(moved)]
        slopes = np.stack([(change * inside).reshape(count, -1) for change in changes], 2)
        normal = (slopes.transpose(0, 2, 1) @ slopes).astype(np.float64)
        diagonal = np.arange(6)
        normal[:, diagonal, diagonal] = normal[:, diagonal, diagonal] * 1.001 + 1e-3
        right_side = slopes.transpose(0, 2, 1) @ (target * inside).reshape(count, -1, 1)
        fit = np.linalg.solve(normal, right_side.astype(np.float64))[:, :, 0]
        gain = np.where(np.abs(fit[:, 4:5]) < 0.2, 0.2, fit[:, 4:5])
        step = np.clip(fit[:, :4] / gain, -0.06, 0.06)  # the slopes are valid for about one pixel
        warp = np.clip(warp + step, -_MAX_WARP, _MAX_WARP).astype(np.float32)
    return _warped(image, warp, grid)


def _warped(image: Floats, warp: Floats, grid: Floats) -> tuple[Floats, Floats]:
    columns, has_column = _samples((1 + warp[:, 0:1]) * grid + warp[:, 1:2])
    rows, has_row = _samples((1 + warp[:, 2:3]) * grid + warp[:, 3:4])
    inside = has_row[:, :, None] & has_column[:, None, :]
    moved = rows @ image @ columns.transpose(0, 2, 1)
    return np.asarray(moved, np.float32), inside.astype(np.float32)


def _samples(coordinates: Floats) -> tuple[Floats, NDArray[np.bool_]]:
    """Build matrices that sample lines of pixels by linear interpolation.

    Args:
        coordinates: Where to sample each line, shape [N, S]; its pixels cover -1..1.

    Returns:
        Matrices, shape [N, S, S], and whether a coordinate is inside the line, shape [N, S].
    """
    count, side = coordinates.shape
    pixels = (coordinates + 1) / 2 * side - 0.5
    inside = (pixels >= -0.5) & (pixels <= side - 0.5)
    pixels = np.clip(pixels, 0, side - 1)
    left = np.minimum(pixels.astype(np.int64), side - 2)
    fraction = pixels - left
    weights = np.zeros((count, side, side), np.float32)
    photo, sample = np.arange(count)[:, None], np.arange(side)[None]
    weights[photo, sample, left] = 1 - fraction
    weights[photo, sample, left + 1] += fraction
    return weights, inside


def _detail(images: Floats) -> Floats:
    """Return the detail finer than 5 pixels: the image minus its local mean."""
    side = images.shape[1]
    is_near = np.abs(np.subtract.outer(np.arange(side), np.arange(side))) <= 2
    mean = (is_near / is_near.sum(1, keepdims=True)).astype(np.float32)
    return np.asarray(images - mean @ images @ mean.T, np.float32)


def _correlation(a: Floats, b: Floats, weights: Floats) -> Floats:
    """Compute the weighted correlation of pairs of images: shape [N, S, S] to [N]."""
    total = weights.sum((1, 2), keepdims=True)
    a = a - (a * weights).sum((1, 2), keepdims=True) / total
    b = b - (b * weights).sum((1, 2), keepdims=True) / total
    scale = (a * a * weights).sum((1, 2)) * (b * b * weights).sum((1, 2))
    return np.asarray((a * b * weights).sum((1, 2)) / np.sqrt(np.maximum(scale, 1e-6)))


def _correlation_of_rows(a: Floats, b: Floats) -> Floats:
    """Compute the correlation along the last axis: shape [..., P] to [...]."""
    a, b = a - a.mean(-1, keepdims=True), b - b.mean(-1, keepdims=True)
    scale = (a * a).sum(-1) * (b * b).sum(-1)
    return np.asarray((a * b).sum(-1) / np.sqrt(np.maximum(scale, 1e-6)))


def _blocks(images: Floats) -> Floats:
    """Cut images into 4 x 4 blocks: shape [N, 32, 32] to [N, 16, 64]."""
    count, side, _ = images.shape
    size = side // _BLOCKS
    cut = images.reshape(count, _BLOCKS, size, _BLOCKS, size).transpose(0, 1, 3, 2, 4)
    return cut.reshape(count, _BLOCKS**2, size**2)


def _colours_agree(first: Floats, second: Floats) -> NDArray[np.bool_]:
    """Return whether pairs of photos have the same colours, or one of the photos is grey.

    Colours are compared block by block, since a logo may add its own colour.
    """
    a, b = (
        np.stack([_blocks(plane - luma(planes)).mean(2) for plane in np.moveaxis(planes, 1, 0)], 2)
        for planes in (first, second)
    )
    strengths = [np.sqrt((colours**2).mean(2)) for colours in (a, b)]
    difference = np.sqrt(((a - b) ** 2).mean(2))
    agreeing = difference < np.maximum(_COLOUR, 0.5 * np.maximum(*strengths))
    has_colours = np.minimum(*(strength.mean(1) for strength in strengths)) > _COLOUR
    return np.asarray(~has_colours | (agreeing.mean(1) >= _AGREEING_SHARE))
