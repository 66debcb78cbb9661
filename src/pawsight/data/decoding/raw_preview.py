"""Extract the preview that a camera stores in its raw file, as the bytes of a JPEG or PNG.

The sensor values are not developed: cameras and programs do that in different ways,
and the preview is what the photographer saw. LibRaw finds the preview; it is decoded
as any other JPEG or PNG, within the same limits.
"""

from __future__ import annotations

import io
from typing import Any

from PIL import Image
from PIL.ExifTags import Base

from pawsight.data.decoding.orientation import TURNS
from pawsight.data.decoding.tiff_header import has_sensor_values
from pawsight.errors import ExtraError, PhotoError

_STARTS = (
    b"FUJIFILMCCD-RAW",
    b"IIU\0",
    b"IIRO",
    b"IIRS",
    b"MMOR",
    b"\0MRM",
    b"FOVb",
    b"II\x1a\0\0\0HEAPCCDR",
)
_EXIF_ORIENTATION = {3: 3, 5: 8, 6: 6}  # for LibRaw's numbers of 180, 270 and 90 degrees


def is_raw(data: bytes) -> bool:
    """Return whether the content of a file is a camera's raw photo."""
    return (
        data.startswith(_STARTS)
        or data[4:12] == b"ftypcrx "
        or (data.startswith(b"II*\0") and data[8:11] == b"CR\x02")
        or has_sensor_values(data)
    )


def read_preview(data: bytes) -> bytes:
    """Return the largest preview, with the orientation of the raw photo.

    Raises:
        PhotoError: There is none, the file is damaged, or the library is not installed.
    """
    try:
        import rawpy  # here: it is an extra
    except ImportError as error:
        raise PhotoError(str(ExtraError("The preview of a camera's raw photo", "raw"))) from error
    try:
        with rawpy.RawPy() as raw:
            raw.open_buffer(io.BytesIO(data))
            preview = raw.extract_thumb()
            orientation = _EXIF_ORIENTATION.get(raw.sizes.flip, 1)
    except (rawpy.LibRawNoThumbnailError, rawpy.LibRawUnsupportedThumbnailError) as error:
        raise PhotoError("a raw photo without a preview in it; save it as JPEG") from error
    except rawpy.LibRawError as error:
        raise PhotoError("damaged, or a kind of raw photo that LibRaw does not read") from error
    if preview.format is rawpy.ThumbFormat.JPEG:
        return _with_orientation(bytes(preview.data), orientation)
    return _as_png(preview.data, orientation)


def _with_orientation(jpeg: bytes, orientation: int) -> bytes:
    """Add an orientation to a JPEG without EXIF data."""
    if orientation == 1 or b"Exif\0\0" in jpeg[:64]:
        return jpeg
    exif = Image.Exif()
    exif[Base.Orientation] = orientation
    content = exif.tobytes()
    return jpeg[:2] + b"\xff\xe1" + (len(content) + 2).to_bytes(2, "big") + content + jpeg[2:]


def _as_png(pixels: Any, orientation: int) -> bytes:
    image = Image.fromarray(pixels)
    if orientation in TURNS:
        image = image.transpose(TURNS[orientation])
    file = io.BytesIO()
    image.save(file, "PNG", compress_level=0)
    return file.getvalue()
