"""Convert images of 16-bit, 32-bit and float values to 8 bits, by the rule of their set.

Pillow has modes for one channel of such values, and keeps the high bytes alone of
several channels. Where a rule needs the low bytes too, they are read by a second pass.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from pawsight.data.pixel_scale import NoScaleError, PixelScale, describe_samples
from pawsight.errors import PhotoError
from pawsight.records import ImageArray

_STRIP_PIXELS = 2**22
_FULL = (0.0, 65535.0)
_COLOUR_MODES = ("RGB", "RGBA", "CMYK")  # of which Pillow keeps the high bytes
_BITS_PER_SAMPLE, _PHOTOMETRIC, _SAMPLE_FORMAT = 258, 262, 339  # tags of a TIFF
_NO_DATA = 42113  # GDAL's, of satellites and maps
_WHITE_IS_ZERO = 0


class Scaled(NamedTuple):
    """An image of 8 bits, and its samples as `describe_samples` writes them, "" if it had 8."""

    image: Image.Image
    samples: str


def to_8_bits(
    image: Image.Image, raw_mode: str, scale: PixelScale, reopen: Callable[[], Image.Image]
) -> Scaled:
    """Convert the values of a loaded image to 0..255; one of 8 bits is returned unchanged.

    Args:
        image: As Pillow loaded it.
        raw_mode: How its file holds the values, in Pillow's words (`raw_mode_of`).
        scale: The rule.
        reopen: Opens the file again.

    Raises:
        NoScaleError: The rule does not cover such values.
    """
    if image.mode.startswith("I") or image.mode == "F":
        return _scaled_grey(image, raw_mode, scale)
    if image.mode in _COLOUR_MODES and ";16" in raw_mode:
        return _scaled_colours(image, raw_mode, scale, reopen)
    return Scaled(image, "")


def raw_mode_of(image: Image.Image) -> str:
    """Return how the file of an image holds its values, before it is loaded; "" if unknown."""
    tiles = getattr(image, "tile", None)
    args = tiles[0][3] if tiles else ""
    raw_mode = args[0] if isinstance(args, tuple) and args else args
    return raw_mode if isinstance(raw_mode, str) else ""


def scale_values(values: NDArray[Any], ends: tuple[float, float]) -> ImageArray:
    """Convert values to 0..255: the first end becomes 0, and so does NaN and infinity."""
    black, white = ends
    numbers = np.nan_to_num(values.astype(np.float64), nan=black, posinf=black, neginf=black)
    with np.errstate(all="ignore"):  # values of a damaged file
        scaled = (numbers - black) * 255.0 / ((white - black) or 1.0)
        return np.asarray(np.nan_to_num(scaled.clip(0, 255)).round(), np.uint8)


def extremes(values: NDArray[Any], no_data: float | None) -> tuple[float, float] | None:
    """Return the smallest and the largest value; None where none is a number."""
    if no_data is not None:
        values = values[values != no_data]
    if values.dtype.kind == "f":
        values = values[np.isfinite(values)]
    return (float(values.min()), float(values.max())) if values.size else None


def no_data_of(image: Image.Image) -> float | None:
    """Return the value that means "not measured" in a TIFF of GDAL; None if there is none."""
    return read_no_data(getattr(image, "tag_v2", {}).get(_NO_DATA))


def read_no_data(text: object) -> float | None:
    """Read GDAL's tag; None where it holds no number."""
    try:
        return float(str(text).rstrip("\0 "))
    except ValueError:
        return None


def _scaled_grey(image: Image.Image, raw_mode: str, scale: PixelScale) -> Scaled:
    kind, ends = _kind_of(image, raw_mode)
    no_data = no_data_of(image)
    samples = ""
    if ends is None:
        ranges = [extremes(values, no_data) for _, values in _values(image, kind)]
        lows, highs = zip(*filter(None, ranges), strict=True) if any(ranges) else ((0.0,), (0.0,))
        samples = describe_samples(kind, min(lows), max(highs))
        ends = scale.range_of(kind)
    if ends is None:
        raise NoScaleError(samples)
    grey = Image.new("L", image.size)
    for top, values in _values(image, kind):
        levels = scale_values(values, ends)
        if no_data is not None:
            levels[values == no_data] = 0
        grey.paste(Image.fromarray(levels), (0, top))
    if _photometric(image) == _WHITE_IS_ZERO:
        grey = ImageOps.invert(grey)
    grey.info = dict(image.info)
    return Scaled(grey, samples)


def _kind_of(image: Image.Image, raw_mode: str) -> tuple[str, tuple[float, float] | None]:
    """Return the kind of values of an image, and black and white where the file defines them."""
    if image.format == "TIFF":
        tags = image.tag_v2  # type: ignore[attr-defined]
        bits, is_signed = tags.get(_BITS_PER_SAMPLE, (1,))[0], tags.get(_SAMPLE_FORMAT) == (2,)
        if image.mode == "F":
            return "float", None
        if bits < 16:
            return "uint16", (0.0, 2.0**bits - 1)
        return f"{'int' if is_signed else 'uint'}{bits}", None
    if image.format == "PNG":
        return "uint16", None
    # The headers of the others state how many bits are used, and Pillow scales by that.
    return ("float", None) if image.mode == "F" else ("uint16", _FULL)


def _values(image: Image.Image, kind: str) -> Iterator[tuple[int, NDArray[Any]]]:
    """Yield strips of an image's values, each with its first row."""
    step = max(1, _STRIP_PIXELS // image.width)
    for top in range(0, image.height, step):
        strip = np.asarray(image.crop((0, top, image.width, min(top + step, image.height))))
        # Pillow reads unsigned values of 32 bits as signed ones.
        yield top, strip.view(np.uint32) if kind == "uint32" else strip


def _photometric(image: Image.Image) -> int:
    return int(getattr(image, "tag_v2", {}).get(_PHOTOMETRIC, 1))


def _scaled_colours(
    image: Image.Image, raw_mode: str, scale: PixelScale, reopen: Callable[[], Image.Image]
) -> Scaled:
    if image.format not in ("PNG", "TIFF"):
        return Scaled(image, "")
    highs = image.getextrema()
    num_colours = 4 if image.mode == "CMYK" else 3
    largest = max(int(high) for _, high in highs[:num_colours])  # type: ignore[misc]
    # The bits that are used follow from the high bytes alone.
    samples = describe_samples("uint16", 0, 2 ** (8 + largest.bit_length()) - 1)
    ends = scale.range_of("uint16") or _FULL
    if ends == _FULL:
        return Scaled(image, samples)
    low_bytes = _low_bytes(reopen(), raw_mode)
    if low_bytes.size != image.size or low_bytes.mode != image.mode:
        raise PhotoError("damaged data")
    whole = Image.new(image.mode, image.size)
    step = max(1, _STRIP_PIXELS // image.width)
    for top in range(0, image.height, step):
        box = (0, top, image.width, min(top + step, image.height))
        high, low = (np.asarray(one.crop(box)) for one in (image, low_bytes))
        levels = scale_values(high.astype(np.uint16) * 256 + low, ends)
        if image.mode == "RGBA":
            levels[..., 3] = high[..., 3]  # how opaque: all 16 bits are used
        whole.paste(Image.fromarray(levels, image.mode), (0, top))
    whole.info = dict(image.info)
    return Scaled(whole, samples)


def _low_bytes(image: Image.Image, raw_mode: str) -> Image.Image:
    """Load an image again, with the low bytes of its values in place of the high ones."""
    is_grey = raw_mode.startswith("LA")  # read as RGBA, by its four bytes a pixel
    image.tile = [  # type: ignore[attr-defined]
        tile._replace(args="RGBA" if is_grey else _swapped(tile.args, raw_mode))
        for tile in image.tile  # type: ignore[attr-defined]
    ]
    image.load()
    if is_grey:
        _, grey, _, alpha = image.split()
        return Image.merge("RGBA", (grey, grey, grey, alpha))
    return image


def _swapped(args: object, raw_mode: str) -> object:
    """Return a decoder's arguments with the other order of bytes, so that it keeps the low ones."""
    other = {"B": "L", "L": "B", "N": "B"}[raw_mode[-1]]
    swapped = raw_mode[:-1] + other
    return (swapped, *args[1:]) if isinstance(args, tuple) else swapped
