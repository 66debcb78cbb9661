"""The first frame of a photo's file: upright, in sRGB, on white, and not much larger than needed.

Here the decoding libraries are called, and nowhere else. Their warnings are held
back, and whatever they make of damaged bytes becomes a PhotoError.
"""

from __future__ import annotations

import functools
import io
from typing import NamedTuple

from PIL import Image, JpegImagePlugin

from pawsight.data.decoding import jpegxl_header
from pawsight.data.decoding.colour import to_srgb
from pawsight.data.decoding.decode_errors import (
    ENDS_TOO_EARLY,
    WarningsSuppressed,
    reason_for,
    silence_libtiff,
)
from pawsight.data.decoding.file_origin import FileOrigin, origin_of
from pawsight.data.decoding.jpeg2000_header import halves
from pawsight.data.decoding.limits import check_content, check_size, too_many_pixels
from pawsight.data.decoding.orientation import swaps_width_and_height, transposition_of
from pawsight.data.decoding.photo_statistics import SIDE
from pawsight.data.decoding.raw_preview import is_raw, read_preview
from pawsight.data.decoding.samples import raw_mode_of, to_8_bits
from pawsight.data.decoding.tiff_bands import is_kind_of_bands, needs_bands, read_bands
from pawsight.data.decoding.tiff_header import HEADERS as TIFF_HEADERS
from pawsight.data.decoding.truncated_jpeg import measure_intact_part, with_end
from pawsight.data.pixel_scale import STANDARD, PixelScale
from pawsight.errors import ExtraError, PhotoError
from pawsight.records import Resize

# Beside JPEG and TIFF; in the order in which Pillow tries. Out stay formats that run a program
# (EPS) or draw (WMF).
_FORMATS = (
    *("PNG", "WEBP", "GIF", "BMP", "DIB", "JPEG2000"),
    *("PPM", "QOI", "ICO", "PCX", "SGI"),
)
# A TGA begins like no other format, so that nearly any bytes could be one; only newer ones end so.
_TGA_END = b"TRUEVISION-XFILE.\0"
quiet = WarningsSuppressed()  # reentrant and then cheap: to decode many photos, enter it once


class Frame(NamedTuple):
    """A photo, the name of its format, its full upright (width, height), its flaw and samples."""

    image: Image.Image
    kind: str
    size: tuple[int, int]
    flaw: str
    samples: str = ""  # as `pixel_scale.describe_samples` writes them
    origin: FileOrigin = FileOrigin()


Goal = tuple[tuple[int, int], Resize]  # a working size, and how a photo is resized to it


def decode_frame(
    data: bytes,
    goal: Goal | None,
    keep_truncated: bool,
    max_pixels: int | None = None,
    scale: PixelScale = STANDARD,
) -> Frame:
    """Decode; with a goal, a photo may come smaller than in full, but large enough for it.

    `max_pixels` is a limit of the caller's, beside those of the formats. `scale` brings
    values of more than 8 bits to 0..255.

    Raises:
        PhotoError: The bytes are no photo, are damaged, or would take too much memory or time.
    """
    if not data:
        raise PhotoError("empty file")
    kind = ""
    try:
        with quiet:
            data = check_content(data)
            if is_raw(data):
                preview = read_preview(data)
                frame = decode_frame(preview, goal, keep_truncated, max_pixels, scale)
                return frame._replace(kind="RAW") if frame.kind == "JPEG" else frame
            try:
                image = _open(data)
            except SyntaxError as error:
                if not is_kind_of_bands(error):
                    raise
                return _read_bands(data, goal, max_pixels, scale)
            kind = image.format or ""
            check_size(image, len(data))
            if max_pixels is not None and image.width * image.height > max_pixels:
                raise too_many_pixels(max_pixels)
            if kind == "TIFF" and needs_bands(image, scale):
                return _read_bands(data, goal, max_pixels, scale)
            return _upright(image, kind, goal, data, keep_truncated, scale)
    except PhotoError:
        raise
    except Exception as error:  # decoders fed with damaged bytes raise nearly anything
        raise PhotoError(reason_for(error, data, kind)) from error


def is_same_frame(frame: Frame, goal: Goal, other: Goal) -> bool:
    """Return whether what was decoded for one goal is what would be decoded for another one."""
    one, two = (_least(frame.size, None, each) for each in (goal, other))
    if frame.kind == "JPEG2000":
        return one == two
    return _reduction(frame, one) == _reduction(frame, two)


def _reduction(frame: Frame, least: tuple[int, int]) -> tuple[int, int]:
    """Return by how much a photo is decoded smaller, and by how much `to_srgb` shrinks it then."""
    scale = 1
    if frame.kind in ("JPEG", "MPO", "RAW"):  # as `Image.draft` chooses
        ratio = min(frame.size[0] // least[0], frame.size[1] // least[1])
        scale = next((scale for scale in (8, 4, 2) if ratio >= scale), 1)
    width, height = (-(-side // scale) for side in frame.size)
    return scale, max(1, min(width // least[0], height // least[1]) // 2)


def _read_bands(data: bytes, goal: Goal | None, max_pixels: int | None, scale: PixelScale) -> Frame:
    image, samples = read_bands(data, scale)
    if max_pixels is not None and image.width * image.height > max_pixels:
        raise too_many_pixels(max_pixels)
    least = None if goal is None else _least(image.size, None, goal)
    return Frame(to_srgb(image, least), "TIFF", image.size, "", samples)


def _upright(
    image: Image.Image,
    kind: str,
    goal: Goal | None,
    data: bytes,
    keep_truncated: bool,
    scale: PixelScale,
) -> Frame:
    flaw = samples = ""
    width, height = image.size
    if kind in ("JPEG", "MPO"):
        turn = transposition_of(image.info)
        least = None if goal is None else _least(image.size, turn, goal)
        image, flaw = _load_jpeg(image, least, data, keep_truncated)
    else:
        # Loading first: PNG has its EXIF data at its end, and TIFF comes out upright.
        if kind == "JPEG2000" and goal is not None:
            image = _load_jpeg_2000(image, _least(image.size, None, goal), data)
        else:
            raw_mode = raw_mode_of(image)
            image.load()
            width, height = image.size
            image, samples = to_8_bits(image, raw_mode, scale, lambda: _open(data))
        turn = transposition_of(image.info) if kind != "TIFF" else None
        least = None if goal is None else _least((width, height), turn, goal)
    origin = origin_of(image)
    image = to_srgb(image, least)
    if turn is not None:
        image = image.transpose(turn)
    size = (height, width) if swaps_width_and_height(turn) else (width, height)
    return Frame(image, kind, size, flaw, samples, origin)


def _load_jpeg(
    image: Image.Image, least: tuple[int, int] | None, data: bytes, keep_truncated: bool
) -> tuple[Image.Image, str]:
    """Decode a JPEG that has been opened; give it and its flaw."""
    if least is not None:
        image.draft(None, least)
    try:
        image.load()
        return image, ""
    except OSError as error:
        if "truncated" not in str(error):
            raise
    image = _open(with_end(data))
    if least is not None:
        image.draft(None, least)
    image.load()
    remains = measure_intact_part(image, data)
    if not (keep_truncated and remains.is_enough):
        raise PhotoError(f"{ENDS_TOO_EARLY} ({remains.words})")
    return image, f"{ENDS_TOO_EARLY}; {remains.words}"


def _load_jpeg_2000(image: Image.Image, least: tuple[int, int], data: bytes) -> Image.Image:
    number = halves(data, image.size, least)
    if number:
        try:
            image.reduce = number  # type: ignore[method-assign, assignment]
            image.load()
            return image
        except OSError:  # a part of it cannot be halved so often, or it is damaged
            image = _open(data)
    image.load()
    return image


def _open(data: bytes) -> Image.Image:
    if data.startswith(b"\xff\xd8\xff"):
        # Not by Image.open, whose own limit of pixels is too low for what phones make today.
        return JpegImagePlugin.jpeg_factory(io.BytesIO(data))
    if data.startswith(TIFF_HEADERS):
        return _open_tiff(data)
    if data[4:8] == b"ftyp":
        _register_heif()
        return Image.open(io.BytesIO(data), formats=("AVIF", "HEIF"))
    if data.startswith((jpegxl_header.CODESTREAM, jpegxl_header.CONTAINER)):
        return _open_jpeg_xl(data)
    formats = ("TGA",) if data.endswith(_TGA_END) else _FORMATS
    return Image.open(io.BytesIO(data), formats=formats)


def _open_tiff(data: bytes) -> Image.Image:
    from PIL import TiffImagePlugin  # here, since few photos are TIFFs

    silence_libtiff()
    # Not by Image.open, which does not report that only the kind of pixels is unsupported.
    return TiffImagePlugin.TiffImageFile(io.BytesIO(data))


def _open_jpeg_xl(data: bytes) -> Image.Image:
    try:
        from pillow_jxl import JpegXLImagePlugin  # here: it is an extra
    except ImportError as error:
        raise PhotoError(str(ExtraError("JPEG XL", "jxl"))) from error
    JpegXLImagePlugin.DECODE_THREADS = 0  # photos are decoded side by side already
    image: Image.Image = JpegXLImagePlugin.JXLImageFile(io.BytesIO(data))
    if not getattr(image, "jpeg", False):
        image.info.pop("exif", None)  # it was rotated upright by what the codestream states
    return image


@functools.cache
def _register_heif() -> None:
    import pillow_heif  # here, since it takes a while and most folders hold no such photo

    pillow_heif.register_heif_opener()


def _least(size: tuple[int, int], turn: Image.Transpose | None, goal: Goal) -> tuple[int, int]:
    """Return the least (width, height), as stored in the file, for the goal and the statistics."""
    (height, width), resize = goal
    if swaps_width_and_height(turn):
        width, height = height, width
    if resize == "pad":
        scale = min(width / size[0], height / size[1])
        width, height = int(size[0] * scale), int(size[1] * scale)
    return max(width, SIDE), max(height, SIDE)
