"""Decode the first frame of a photo: upright, in sRGB, on white, not much larger than needed.

Only this module and those it uses call the decoding libraries. The libraries' warnings are
suppressed, and every error that they raise on damaged bytes becomes a PhotoError.
"""

from __future__ import annotations

import functools
import io
from typing import NamedTuple

from PIL import Image, JpegImagePlugin

from pawsight.data.decoding import jpegxl_header
from pawsight.data.decoding.colour import reduction, to_srgb
from pawsight.data.decoding.decode_errors import (
    ENDS_TOO_EARLY,
    WarningsSuppressed,
    reason_for,
    silence_libtiff,
)
from pawsight.data.decoding.file_origin import FileOrigin, origin_of
from pawsight.data.decoding.jpeg2000_header import max_halvings
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

# In addition to JPEG and TIFF, in the order in which Pillow tries them. Left out are formats that
# run a program (EPS) or draw vectors (WMF).
_FORMATS = (
    *("PNG", "WEBP", "GIF", "BMP", "DIB", "JPEG2000"),
    *("PPM", "QOI", "ICO", "PCX", "SGI"),
)
# A TGA has no signature at its start; newer TGAs have this one at their end.
_TGA_END = b"TRUEVISION-XFILE.\0"
quiet = WarningsSuppressed()  # entering it again is cheap: to decode many photos, enter it once


class Frame(NamedTuple):
    """A decoded photo."""

    image: Image.Image
    kind: str  # name of its format
    size: tuple[int, int]  # full (width, height), upright, in pixels
    flaw: str  # what is wrong with a photo that is used nevertheless, or ""
    samples: str = ""  # as `pixel_scale.describe_samples` writes them
    origin: FileOrigin = FileOrigin()


Goal = tuple[tuple[int, int], Resize]  # working size (height, width), and the kind of resizing


def decode_frame(
    data: bytes,
    goal: Goal | None,
    keep_truncated: bool,
    max_pixels: int | None = None,
    scale: PixelScale = STANDARD,
) -> Frame:
    """Decode the first frame of a photo.

    Args:
        data: The bytes of the file.
        goal: The photo may be decoded smaller, but large enough for this goal. None: in full.
        keep_truncated: Use a JPEG whose end is missing if enough of its rows are intact.
        max_pixels: An additional limit on the pixels of the file, beside that of its format.
        scale: Scales values of more than 8 bits to 0..255.

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
    """Return whether decoding for another goal would give the frame decoded for `goal`."""
    min_size, other_min_size = (_min_size(frame.size, None, each) for each in (goal, other))
    if frame.kind == "JPEG2000":
        return min_size == other_min_size
    return _reductions(frame, min_size) == _reductions(frame, other_min_size)


def _reductions(frame: Frame, min_size: tuple[int, int]) -> tuple[int, int]:
    """Return the factors by which the decoder and then `to_srgb` shrink a photo."""
    scale = 1
    if frame.kind in ("JPEG", "MPO", "RAW"):  # as `Image.draft` chooses
        ratio = min(frame.size[0] // min_size[0], frame.size[1] // min_size[1])
        scale = next((scale for scale in (8, 4, 2) if ratio >= scale), 1)
    width, height = (-(-side // scale) for side in frame.size)
    return scale, reduction((width, height), min_size)


def _read_bands(data: bytes, goal: Goal | None, max_pixels: int | None, scale: PixelScale) -> Frame:
    image, samples = read_bands(data, scale)
    if max_pixels is not None and image.width * image.height > max_pixels:
        raise too_many_pixels(max_pixels)
    min_size = None if goal is None else _min_size(image.size, None, goal)
    return Frame(to_srgb(image, min_size), "TIFF", image.size, "", samples)


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
        min_size = None if goal is None else _min_size(image.size, turn, goal)
        image, flaw = _load_jpeg(image, min_size, data, keep_truncated)
    else:
        # Load first: a PNG has its EXIF data at its end, and Pillow turns a TIFF upright.
        if kind == "JPEG2000" and goal is not None:
            image = _load_jpeg_2000(image, _min_size(image.size, None, goal), data)
        else:
            raw_mode = raw_mode_of(image)
            image.load()
            width, height = image.size
            image, samples = to_8_bits(image, raw_mode, scale, lambda: _open(data))
        turn = transposition_of(image.info) if kind != "TIFF" else None
        min_size = None if goal is None else _min_size((width, height), turn, goal)
    origin = origin_of(image)
    image = to_srgb(image, min_size)
    if turn is not None:
        image = image.transpose(turn)
    size = (height, width) if swaps_width_and_height(turn) else (width, height)
    return Frame(image, kind, size, flaw, samples, origin)


def _load_jpeg(
    image: Image.Image, min_size: tuple[int, int] | None, data: bytes, keep_truncated: bool
) -> tuple[Image.Image, str]:
    """Load a JPEG that has been opened; return the image and its flaw."""
    if min_size is not None:
        image.draft(None, min_size)
    try:
        image.load()
        return image, ""
    except OSError as error:
        if "truncated" not in str(error):
            raise
    image = _open(with_end(data))
    if min_size is not None:
        image.draft(None, min_size)
    image.load()
    intact = measure_intact_part(image, data)
    if not (keep_truncated and intact.is_enough):
        raise PhotoError(f"{ENDS_TOO_EARLY} ({intact.text})")
    return image, f"{ENDS_TOO_EARLY}; {intact.text}"


def _load_jpeg_2000(image: Image.Image, min_size: tuple[int, int], data: bytes) -> Image.Image:
    if num_halvings := max_halvings(data, image.size, min_size):
        try:
            image.reduce = num_halvings  # type: ignore[method-assign, assignment]
            image.load()
            return image
        except OSError:  # a tile cannot be halved so often, or the photo is damaged
            image = _open(data)
    image.load()
    return image


def _open(data: bytes) -> Image.Image:
    if data.startswith(b"\xff\xd8\xff"):
        # Not by Image.open, whose limit of pixels is too low for photos of today's phones.
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
    # Not by Image.open, whose error does not state that only the kind of pixels is unsupported.
    return TiffImagePlugin.TiffImageFile(io.BytesIO(data))


def _open_jpeg_xl(data: bytes) -> Image.Image:
    try:
        from pillow_jxl import JpegXLImagePlugin  # here: it is an extra
    except ImportError as error:
        raise PhotoError(str(ExtraError("JPEG XL", "jxl"))) from error
    JpegXLImagePlugin.DECODE_THREADS = 0  # photos are decoded in parallel already
    image: Image.Image = JpegXLImagePlugin.JXLImageFile(io.BytesIO(data))
    if not getattr(image, "jpeg", False):
        image.info.pop("exif", None)  # the library turned it upright, as the codestream states
    return image


@functools.cache
def _register_heif() -> None:
    import pillow_heif  # here, since it takes a while and few folders have such photos

    pillow_heif.register_heif_opener()


def _min_size(size: tuple[int, int], turn: Image.Transpose | None, goal: Goal) -> tuple[int, int]:
    """Return the (width, height), as stored, that the goal and the statistics need at least."""
    (height, width), resize = goal
    if swaps_width_and_height(turn):
        width, height = height, width
    if resize == "pad":
        scale = min(width / size[0], height / size[1])
        width, height = int(size[0] * scale), int(size[1] * scale)
    return max(width, SIDE), max(height, SIDE)
