"""Decide whether two photos show the same picture, re-encoded, resized, or slightly cropped.

Photos of the same wall, and portraits before the same cloth, have the same
large shapes; copies have the same fine detail in the same places as well. So
one photo is first laid onto the other (moved, stretched and brightened to fit),
then their detail is compared, block by block. Nothing here decides which pairs to compare.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from pawsight.records import AnalysisArray

Floats = NDArray[np.float32]

_STEPS = 8  # of the alignment; copies settle within four or five
_MAX_WARP = 0.15  # of half a side: what may be moved or stretched away; a crop by 10 % needs 0.11
_BLOCKS = 4  # blocks a side

# Copies that were only re-encoded or resized reach 0.998 and 0.991, cats-vs-dogs' most alike
# photos that are none 0.92 and 0.64.
_SAME_LUMA, _SAME_DETAIL = 0.99, 0.98
# After alignment, crops of up to 10 % a side, text, logos and clipped brightness.
_LIKE_LUMA, LIKE_DETAIL = 0.7, 0.65
_AGREEING = 0.5  # correlation of a block's detail
_AGREEING_SHARE = 0.8  # of the blocks that hold detail: an equal frame alone is not enough
_MIN_BLOCKS = 10  # with detail, of 16: a sign has fewer, and fits many others
_DETAIL = 2.0  # standard deviation, in levels of 0..255, that makes a block one with detail
# Where there is hardly any detail: levels of 0..255 between two pictures that are one.
_SAME_LEVELS = 1.5
_COLOUR = 6.0  # levels of 0..255 from grey that make a photo a coloured one


def planes_of(analysis: AnalysisArray) -> Floats:
    """Return the RGB planes of the thumbnails: shape [N] to [N, 3, 32, 32], values 0..255."""
    return np.asarray(analysis["thumbnail"].transpose(0, 3, 1, 2), np.float32)


def coarser(planes: Floats, side: int) -> Floats:
    """Average planes down to squares of fewer pixels: [N, 3, 32, 32] to [N, 3, side, side]."""
    count, channels, height, width = planes.shape
    blocks = planes.reshape(count, channels, side, height // side, side, width // side)
    return np.asarray(blocks.mean((3, 5)), np.float32)


def luma(planes: Floats) -> Floats:
    """Compute the brightness of RGB planes: shape [N, 3, S, S] to [N, S, S]."""
    red, green, blue = planes[:, 0], planes[:, 1], planes[:, 2]
    return np.asarray(0.299 * red + 0.587 * green + 0.114 * blue, np.float32)


def correlation(one: Floats, other: Floats) -> Floats:
    """Correlate images, each as a whole: shape [N, S, S] to [N], -1..1."""
    return _correlation(one, other, np.ones_like(one))


def detail_similarity(one: Floats, other: Floats) -> Floats:
    """Compute how similar the detail of two photos is after alignment.

    Args:
        one: RGB planes from `planes_of`, shape [N, 3, 32, 32].
        other: Those to compare with.

    Returns:
        Correlations, -1..1, shape [N]. Photos of different things have about 0.05,
        digits or photos from a fixed camera much more.
    """
    a = luma(one)
    moved, inside = _align(a, luma(other))
    return _correlation(_detail(a), _detail(moved), inside)


def same_picture(one: Floats, other: Floats, least: Floats) -> NDArray[np.bool_]:
    """Compare pairs of photos.

    Args:
        one: RGB planes from `planes_of`, shape [N, 3, 32, 32].
        other: Those to compare with, already mirrored where the pair is so.
        least: The similarity that is significant among photos such as these,
            shape [N], `LIKE_DETAIL` or more. Above 1 only copies that were neither
            moved nor marked are the same picture.

    Returns:
        Whether the two show the same picture, shape [N].
    """
    a, b = luma(one), luma(other)
    same = (correlation(a, b) > _SAME_LUMA) & (correlation(_detail(a), _detail(b)) > _SAME_DETAIL)
    same |= np.sqrt(((one - other) ** 2).mean((1, 2, 3))) < _SAME_LEVELS
    unsure = np.flatnonzero(~same & (least < 1))
    if len(unsure):
        same[unsure] = _same_when_aligned(a[unsure], b[unsure], least[unsure])
    return same & _colours_agree(one, other)


def _same_when_aligned(a: Floats, b: Floats, least: Floats) -> NDArray[np.bool_]:
    moved, inside = _align(a, b)
    fine_a, fine_b = _detail(a), _detail(moved)
    x, y, seen = (_blocks(values) for values in (fine_a * inside, fine_b * inside, inside))
    has_detail = (np.maximum(x.std(2), y.std(2)) > _DETAIL) & (seen.mean(2) > 0.5)
    agreeing = (_rows_correlate(x, y) > _AGREEING) & has_detail
    num_blocks = has_detail.sum(1)
    return np.asarray(
        (_correlation(a, moved, inside) > _LIKE_LUMA)
        & (_correlation(fine_a, fine_b, inside) > least)
        & (num_blocks >= _MIN_BLOCKS)
        & (agreeing.sum(1) >= _AGREEING_SHARE * num_blocks)
    )


def _align(target: Floats, image: Floats) -> tuple[Floats, Floats]:
    """Move and stretch each image until it fits its target best.

    Gauss-Newton steps on stretch and shift along both axes, with contrast and
    brightness free. Source: Lucas and Kanade, 1981; Baker and Matthews, 2004.

    Returns:
        The moved images, and 1 where they have pixels, 0 where they have none.
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
        wanted = slopes.transpose(0, 2, 1) @ (target * inside).reshape(count, -1, 1)
        fit = np.linalg.solve(normal, wanted.astype(np.float64))[:, :, 0]
        gain = np.where(np.abs(fit[:, 4:5]) < 0.2, 0.2, fit[:, 4:5])
        step = np.clip(fit[:, :4] / gain, -0.06, 0.06)  # about one pixel, as far as slopes hold
        warp = np.clip(warp + step, -_MAX_WARP, _MAX_WARP).astype(np.float32)
    return _warped(image, warp, grid)


def _warped(image: Floats, warp: Floats, grid: Floats) -> tuple[Floats, Floats]:
    columns, has_column = _samples((1 + warp[:, 0:1]) * grid + warp[:, 1:2])
    rows, has_row = _samples((1 + warp[:, 2:3]) * grid + warp[:, 3:4])
    inside = has_row[:, :, None] & has_column[:, None, :]
    moved = rows @ image @ columns.transpose(0, 2, 1)
    return np.asarray(moved, np.float32), inside.astype(np.float32)


def _samples(places: Floats) -> tuple[Floats, NDArray[np.bool_]]:
    """Build matrices that sample a line of pixels at places of -1..1, linearly between two."""
    count, side = places.shape
    pixels = (places + 1) / 2 * side - 0.5
    inside = (pixels >= -0.5) & (pixels <= side - 0.5)
    pixels = np.clip(pixels, 0, side - 1)
    left = np.minimum(pixels.astype(np.int64), side - 2)
    share = pixels - left
    weights = np.zeros((count, side, side), np.float32)
    photo, place = np.arange(count)[:, None], np.arange(side)[None]
    weights[photo, place, left] = 1 - share
    weights[photo, place, left + 1] += share
    return weights, inside


def _detail(images: Floats) -> Floats:
    """Return what is finer than 5 pixels: the image less its local mean."""
    side = images.shape[1]
    near = np.abs(np.subtract.outer(np.arange(side), np.arange(side))) <= 2
    mean = (near / near.sum(1, keepdims=True)).astype(np.float32)
    return np.asarray(images - mean @ images @ mean.T, np.float32)


def _correlation(one: Floats, other: Floats, weights: Floats) -> Floats:
    total = weights.sum((1, 2), keepdims=True)
    a = one - (one * weights).sum((1, 2), keepdims=True) / total
    b = other - (other * weights).sum((1, 2), keepdims=True) / total
    scale = (a * a * weights).sum((1, 2)) * (b * b * weights).sum((1, 2))
    return np.asarray((a * b * weights).sum((1, 2)) / np.sqrt(np.maximum(scale, 1e-6)))


def _rows_correlate(one: Floats, other: Floats) -> Floats:
    """Correlate along the last axis."""
    a, b = one - one.mean(-1, keepdims=True), other - other.mean(-1, keepdims=True)
    scale = (a * a).sum(-1) * (b * b).sum(-1)
    return np.asarray((a * b).sum(-1) / np.sqrt(np.maximum(scale, 1e-6)))


def _blocks(images: Floats) -> Floats:
    """Cut images into 4 x 4 blocks: shape [N, 32, 32] to [N, 16, 64]."""
    count, side, _ = images.shape
    size = side // _BLOCKS
    cut = images.reshape(count, _BLOCKS, size, _BLOCKS, size).transpose(0, 1, 3, 2, 4)
    return cut.reshape(count, _BLOCKS**2, size**2)


def _colours_agree(one: Floats, other: Floats) -> NDArray[np.bool_]:
    """Return whether the colours do not contradict; a grey copy of a coloured photo is one.

    Compared block by block, since a logo may add its own colour.
    """
    a, b = (
        np.stack([_blocks(plane - luma(planes)).mean(2) for plane in np.moveaxis(planes, 1, 0)], 2)
        for planes in (one, other)
    )
    strengths = [np.sqrt((colours**2).mean(2)) for colours in (a, b)]
    difference = np.sqrt(((a - b) ** 2).mean(2))
    agreeing = difference < np.maximum(_COLOUR, 0.5 * np.maximum(*strengths))
    has_colours = np.minimum(*(strength.mean(1) for strength in strengths)) > _COLOUR
    return np.asarray(~has_colours | (agreeing.mean(1) >= _AGREEING_SHARE))
