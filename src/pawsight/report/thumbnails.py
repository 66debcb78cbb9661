"""Photos small enough to travel inside a page."""

from __future__ import annotations

import base64
import io
import os
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from PIL import Image

from pawsight.data.decoding.decode import decode
from pawsight.data.decoding.photo_file import read_photo
from pawsight.data.pixel_scale import STANDARD, PixelScale
from pawsight.errors import PhotoError

QUALITY = 78  # of JPEGs


def draw_thumbnail(
    path: Path, side: int, quality: int = QUALITY, scale: PixelScale = STANDARD
) -> str:
    """Draw a photo to fit a square, as a data: URI of a JPEG.

    Returns:
        "" where the photo is no longer there or can no longer be read.
    """
    try:
        # A page shows what is there of a photo, whatever training makes of it.
        image: Image.Image = decode(read_photo(path), keep_truncated=True, scale=scale)
    except PhotoError:
        return ""
    return data_uri(image, side, quality)


def data_uri(image: Image.Image, side: int, quality: int = QUALITY) -> str:
    """Return an image as a data: URI of a JPEG; it is made smaller where it does not fit a square.

    Args:
        image: RGB.
        side: Of the square, in pixels.
        quality: Of the JPEG, 1 to 95.
    """
    image = image.copy()
    image.thumbnail((side, side))
    data = io.BytesIO()
    image.save(data, "JPEG", quality=quality, optimize=True)
    return "data:image/jpeg;base64," + base64.b64encode(data.getvalue()).decode()


def draw_thumbnails(
    root: Path, paths: Iterable[str], side: int, quality: int, scale: PixelScale
) -> dict[str, str]:
    """Draw many photos, each once, on all cores; paths are relative to `root`."""
    distinct = list(dict.fromkeys(paths))
    with ThreadPoolExecutor(os.cpu_count(), thread_name_prefix="pawsight-thumbnails") as pool:
        drawn = pool.map(lambda path: draw_thumbnail(root / path, side, quality, scale), distinct)
        return dict(zip(distinct, drawn, strict=True))
