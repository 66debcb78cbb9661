"""The preview that a camera puts into its raw file, as the bytes of a JPEG or PNG.

The values of the sensor are not developed: cameras and programs do that in different ways,
and the preview is what the photographer saw. LibRaw finds it; the decoder of JPEG, with its
limits, reads it.
"""

from __future__ import annotations

import io
from typing import Any

from PIL import Image

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
_ORIENTATION = 274
_TURNED = {3: 3, 5: 8, 6: 6}  # LibRaw's numbers for 180, 270 and 90 degrees, as EXIF's


def is_raw(data: bytes) -> bool:
    """Return whether a file is a camera's raw photo by its content."""
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
            turn = _TURNED.get(raw.sizes.flip, 1)
    except (rawpy.LibRawNoThumbnailError, rawpy.LibRawUnsupportedThumbnailError) as error:
        raise PhotoError("a raw photo without a preview in it; save it as JPEG") from error
    except rawpy.LibRawError as error:
        raise PhotoError("damaged, or a kind of raw photo that LibRaw does not read") from error
    if preview.format is rawpy.ThumbFormat.JPEG:
        return _with_orientation(bytes(preview.data), turn)
    return _as_png(preview.data, turn)


def _with_orientation(jpeg: bytes, turn: int) -> bytes:
    """Add an orientation to a JPEG that states none."""
    if turn == 1 or b"Exif\0\0" in jpeg[:64]:
        return jpeg
    exif = Image.Exif()
    exif[_ORIENTATION] = turn
    content = exif.tobytes()
    return jpeg[:2] + b"\xff\xe1" + (len(content) + 2).to_bytes(2, "big") + content + jpeg[2:]


def _as_png(pixels: Any, turn: int) -> bytes:
    image = Image.fromarray(pixels)
    if turn in TURNS:
        image = image.transpose(TURNS[turn])
    file = io.BytesIO()
    image.save(file, "PNG", compress_level=0)
    return file.getvalue()
