"""Draw thumbnails of photos as data: URIs, which are part of a page."""

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

QUALITY = 78  # of the JPEGs


def draw_thumbnail(
    path: Path, side: int, quality: int = QUALITY, scale: PixelScale = STANDARD
) -> str:
    """Draw a thumbnail of a photo.

    Args:
        path: The photo.
        side: Of the square that it must fit into, in pixels.
        quality: Of the JPEG, 1 to 95.
        scale: Scales values of more than 8 bits to 0..255.

    Returns:
        A data: URI of a JPEG; "" if the photo can no longer be read.
    """
    try:
        # A page also shows truncated photos that training leaves out.
        image: Image.Image = decode(read_photo(path), keep_truncated=True, scale=scale)
    except PhotoError:
        return ""
    return data_uri(image, side, quality)


def data_uri(image: Image.Image, side: int, quality: int = QUALITY) -> str:
    """Return an image as a data: URI of a JPEG.

    Args:
        image: An RGB image; it is shrunk if it does not fit into the square.
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
    """Draw thumbnails of many photos on all cores, each photo once.

    Paths are relative to `root`; the other arguments are those of `draw_thumbnail`.

    Returns:
        What `draw_thumbnail` returns, by path.
    """
    distinct = list(dict.fromkeys(paths))
    with ThreadPoolExecutor(os.cpu_count(), thread_name_prefix="pawsight-thumbnails") as pool:
        drawn = pool.map(lambda path: draw_thumbnail(root / path, side, quality, scale), distinct)
        return dict(zip(distinct, drawn, strict=True))
