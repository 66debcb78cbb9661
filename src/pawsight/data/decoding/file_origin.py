"""Facts of a photo's file that no model receives: the camera, and the quality of a JPEG.

Photos of another camera or quality look different, and a class whose photos have
another origin can be recognised by that. A new fact is a field here and one of
`records.Photo`; it then is a column of the catalog and kept in the cache of ingest.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from PIL import Image

from pawsight.data.decoding.exif import exif_of, texts_of

_MAKE, _MODEL = 0x010F, 0x0110
# The sum of the luma table of quality 50 in libjpeg (ITU-T T.81, table K.1).
_SUM_AT_50, _MIN_AT_50 = 3692, 10
_MAX_ENTRY = 255  # of an entry


class FileOrigin(NamedTuple):
    """How a file was made, in numbers and texts; the fields are those of `records.Photo`."""

    camera: str = ""
    jpeg_quality: int = 0


def origin_of(image: Image.Image) -> FileOrigin:
    """Return the origin of a photo, which Pillow has loaded."""
    return FileOrigin(
        camera=camera_of(image.info),
        jpeg_quality=jpeg_quality_of(image),
    )


def camera_of(info: dict[Any, Any]) -> str:
    """Return make and model of the camera; "" where the file does not name them."""
    make, model = texts_of(exif_of(info), (_MAKE, _MODEL))
    return model if model.startswith(make) else f"{make} {model}".strip()


def jpeg_quality_of(image: Image.Image) -> int:
    """Estimate the quality, 1..100, that libjpeg was given; 0 for what is no JPEG.

    Other programs have tables of their own; the quality is then that of about as coarse a table.
    """
    tables = getattr(image, "quantization", None)
    if not tables:
        return 0
    table = min(tables.items())[1]
    scale: float = 100 * sum(table) / _SUM_AT_50
    if max(table) >= _MAX_ENTRY:  # entries were cut, and their sum with them
        scale = 100 * min(table) / _MIN_AT_50
    quality = (200 - scale) / 2 if scale <= 100 else 5000 / scale
    return max(1, min(100, round(quality)))
