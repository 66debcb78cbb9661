"""Read how a photo's file was made, which no model receives: camera and JPEG quality.

Photos of another camera or quality look different, so that a model can recognise a class
by the origin of its photos. To add a fact, add a field here and to `records.Photo`;
the catalog and the cache of ingest then store it, too.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from PIL import Image
from PIL.ExifTags import Base

from pawsight.data.decoding.exif import exif_of, texts_of

# Sum and minimum of the luma table of quality 50 in libjpeg (ITU-T T.81, table K.1).
_SUM_AT_50, _MIN_AT_50 = 3692, 10
_MAX_ENTRY = 255  # of a quantisation table


class FileOrigin(NamedTuple):
    """How a file was made; `records.Photo` has fields of the same names."""

    camera: str = ""
    jpeg_quality: int = 0


def origin_of(image: Image.Image) -> FileOrigin:
    """Return the origin of a photo that Pillow has loaded."""
    return FileOrigin(
        camera=camera_of(image.info),
        jpeg_quality=jpeg_quality_of(image),
    )


def camera_of(info: dict[Any, Any]) -> str:
    """Return make and model of the camera; "" if the file does not name them.

    Args:
        info: `Image.info` of a photo that Pillow has opened.
    """
    make, model = texts_of(exif_of(info), (Base.Make, Base.Model))
    return model if model.startswith(make) else f"{make} {model}".strip()


def jpeg_quality_of(image: Image.Image) -> int:
    """Estimate the quality, 1..100, with which libjpeg wrote a photo; 0 if it is no JPEG.

    Programs other than libjpeg use their own tables; the result is then the quality at
    which the table of libjpeg is about as coarse.
    """
    tables = getattr(image, "quantization", None)
    if not tables:
        return 0
    table = min(tables.items())[1]
    scale: float = 100 * sum(table) / _SUM_AT_50
    if max(table) >= _MAX_ENTRY:  # entries were clipped, so that their sum is too low
        scale = 100 * min(table) / _MIN_AT_50
    quality = (200 - scale) / 2 if scale <= 100 else 5000 / scale
    return max(1, min(100, round(quality)))
