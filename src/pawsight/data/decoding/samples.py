"""Convert images of 16-bit, 32-bit and float values to 8 bits, by the rule of their set.

Pillow has modes for such values with a single channel. Of several channels it keeps only
the high bytes. Where a rule needs the low bytes, too, they are read in a second pass.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps
from PIL.ExifTags import Base

from pawsight.data.decoding.colour import strips
from pawsight.data.pixel_scale import NoScaleError, PixelScale, describe_samples
from pawsight.errors import PhotoError
from pawsight.records import ImageArray

NO_DATA = 42113  # GDAL's tag of a TIFF, in photos of satellites and in maps
_FULL_RANGE = (0.0, 65535.0)
_COLOUR_MODES = ("RGB", "RGBA", "CMYK")  # of which Pillow keeps the high bytes
_WHITE_IS_ZERO = 0  # photometric interpretation
_SIGNED = (2,)  # sample format


class Scaled(NamedTuple):
    """An image that was converted to 8 bits."""

    image: Image.Image
    samples: str  # the original values, as `describe_samples` writes them; "" if they had 8 bits


def to_8_bits(
    image: Image.Image, raw_mode: str, scale: PixelScale, reopen: Callable[[], Image.Image]
) -> Scaled:
    """Convert the values of a loaded image to 0..255; an image of 8 bits is returned unchanged.

    Args:
        image: The image, as Pillow loaded it.
        raw_mode: Pillow's raw mode of the file (`raw_mode_of`).
        scale: The rule.
        reopen: Opens the file again.

    Raises:
        NoScaleError: The rule does not cover such values.
    """
    if image.mode.startswith("I") or image.mode == "F":
        return _scaled_grey(image, scale)
    if image.mode in _COLOUR_MODES and ";16" in raw_mode:
        return _scaled_colours(image, raw_mode, scale, reopen)
    return Scaled(image, "")


def raw_mode_of(image: Image.Image) -> str:
    """Return Pillow's raw mode of an image that is not loaded yet; "" if it has none."""
    tiles = getattr(image, "tile", None)
    args = tiles[0][3] if tiles else ""
    raw_mode = args[0] if isinstance(args, tuple) and args else args
    return raw_mode if isinstance(raw_mode, str) else ""


def scale_values(values: NDArray[Any], ends: tuple[float, float]) -> ImageArray:
    """Convert values to 0..255, as 8-bit integers.

    Args:
        values: Numbers, any shape.
        ends: The values that become 0 and 255. NaN and infinity become 0, too.
    """
    black, white = ends
    numbers = np.nan_to_num(values.astype(np.float64), nan=black, posinf=black, neginf=black)
    with np.errstate(all="ignore"):  # a damaged file may hold any values
        scaled = (numbers - black) * 255.0 / ((white - black) or 1.0)
        return np.asarray(np.nan_to_num(scaled.clip(0, 255)).round(), np.uint8)


def extremes(values: NDArray[Any], no_data: float | None) -> tuple[float, float] | None:
    """Return the smallest and the largest measured value; None if there is no finite one."""
    if no_data is not None:
        values = values[values != no_data]
    if values.dtype.kind == "f":
        values = values[np.isfinite(values)]
    return (float(values.min()), float(values.max())) if values.size else None


def no_data_of(image: Image.Image) -> float | None:
    """Return the value that means "not measured" in a TIFF; None if the file does not state one."""
    return read_no_data(getattr(image, "tag_v2", {}).get(NO_DATA))


def read_no_data(text: object) -> float | None:
    """Return the number in GDAL's tag; None if it holds no number."""
    try:
        return float(str(text).rstrip("\0 "))
    except ValueError:
        return None


def _scaled_grey(image: Image.Image, scale: PixelScale) -> Scaled:
    kind, ends = _kind_of(image)
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
    tags = getattr(image, "tag_v2", {})
    if tags.get(Base.PhotometricInterpretation) == _WHITE_IS_ZERO:
        grey = ImageOps.invert(grey)
    grey.info = dict(image.info)
    return Scaled(grey, samples)


def _kind_of(image: Image.Image) -> tuple[str, tuple[float, float] | None]:
    """Return the kind of values of an image, and (black, white) if its file defines them."""
    if image.mode == "F":
        return "float", None
    if image.format == "TIFF":
        tags = image.tag_v2  # type: ignore[attr-defined]
        bits = tags.get(Base.BitsPerSample, (1,))[0]
        if bits < 16:
            return "uint16", (0.0, 2.0**bits - 1)
        return f"{'int' if tags.get(Base.SampleFormat) == _SIGNED else 'uint'}{bits}", None
    if image.format == "PNG":
        return "uint16", None
    # The headers of other formats state how many bits are used, and Pillow scales accordingly.
    return "uint16", _FULL_RANGE


def _values(image: Image.Image, kind: str) -> Iterator[tuple[int, NDArray[Any]]]:
    """Yield strips of an image's values, each with the number of its first row."""
    for box in strips(image):
        values = np.asarray(image.crop(box))
        # Pillow reads unsigned values of 32 bits as signed values.
        yield box[1], values.view(np.uint32) if kind == "uint32" else values


def _scaled_colours(
    image: Image.Image, raw_mode: str, scale: PixelScale, reopen: Callable[[], Image.Image]
) -> Scaled:
    if image.format not in ("PNG", "TIFF"):
        return Scaled(image, "")
    highs = image.getextrema()
    num_colours = 4 if image.mode == "CMYK" else 3
    largest = max(int(high) for _, high in highs[:num_colours])  # type: ignore[misc]
    # The number of bits in use follows from the high bytes alone.
    samples = describe_samples("uint16", 0, 2 ** (8 + largest.bit_length()) - 1)
    ends = scale.range_of("uint16") or _FULL_RANGE
    if ends == _FULL_RANGE:
        return Scaled(image, samples)
    low_bytes = _low_bytes(reopen(), raw_mode)
    if low_bytes.size != image.size or low_bytes.mode != image.mode:
        raise PhotoError("damaged data")
    whole = Image.new(image.mode, image.size)
    for box in strips(image):
        high, low = np.asarray(image.crop(box)), np.asarray(low_bytes.crop(box))
        levels = scale_values(high.astype(np.uint16) * 256 + low, ends)
        if image.mode == "RGBA":
            levels[..., 3] = high[..., 3]  # opacity always uses all 16 bits
        whole.paste(Image.fromarray(levels, image.mode), box)
    whole.info = dict(image.info)
    return Scaled(whole, samples)


def _low_bytes(image: Image.Image, raw_mode: str) -> Image.Image:
    """Load an image again, with the low bytes of its values in place of the high bytes."""
    is_grey = raw_mode.startswith("LA")  # has four bytes per pixel, and is read as RGBA
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
    """Return a decoder's arguments with swapped byte order, so that it keeps the low bytes."""
    other = {"B": "L", "L": "B", "N": "B"}[raw_mode[-1]]
    swapped = raw_mode[:-1] + other
    return (swapped, *args[1:]) if isinstance(args, tuple) else swapped
