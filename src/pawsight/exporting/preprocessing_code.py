"""Python, as text for people, that reads a photo as the model saw its own: with Pillow alone."""

from __future__ import annotations

from pawsight.exporting.model_folder import ModelFolder
from pawsight.records import Resize

# As `data/decoding` does it to photos in sRGB.
_RESIZED: dict[Resize, str] = {
    "stretch": "photo = photo.resize({size}, Image.Resampling.BILINEAR)",
    "crop": "photo = ImageOps.fit(photo, {size}, Image.Resampling.BILINEAR)",
    "pad": "photo = ImageOps.pad(photo, {size}, Image.Resampling.BILINEAR, (128, 128, 128))",
}


def resize_line(model: ModelFolder) -> str:
    """The line that brings the Pillow image `photo` to the model's size."""
    height, width = model.description.image_size
    return _RESIZED[model.description.resize].format(size=(width, height))


def reading_code(model: ModelFolder) -> str:
    """The lines that read `photo.jpg` into `images`, and name the classes."""
    height, width = model.description.image_size
    return f"""\
import numpy as np
from PIL import Image, ImageOps

class_names = {list(model.description.class_names)!r}
photo = ImageOps.exif_transpose(Image.open("photo.jpg")).convert("RGB")
{resize_line(model)}
images = np.asarray(photo, np.float32)[None]  # [1, {height}, {width}, 3], 0..255
"""
