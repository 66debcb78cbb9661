"""Generate Python code that reads a photo as pawsight does, with only Pillow and NumPy."""

from __future__ import annotations

from pawsight.data.pixel_scale import STANDARD, PixelScale
from pawsight.exporting.model_folder import ModelFolder
from pawsight.records import Resize

# The same as in `data/decoding`.
_RESIZED: dict[Resize, str] = {
    "stretch": "photo = photo.resize({size}, Image.Resampling.BILINEAR)",
    "crop": "photo = ImageOps.fit(photo, {size}, Image.Resampling.BILINEAR)",
    "pad": "photo = ImageOps.pad(photo, {size}, Image.Resampling.BILINEAR, (128, 128, 128))",
}
IMPORTS = """\
import io

import numpy as np
from PIL import Image, ImageCms, ImageOps
"""
_OPEN_PHOTO = '''\
def open_photo(file):
    """Open a photo as in training: upright, 8 bits, in sRGB, on white."""
    photo = ImageOps.exif_transpose(Image.open(file))
    profile = photo.info.get("icc_profile")
    if photo.mode.startswith(("I", "F")):  # 16 bits, 32 bits or floats
        black, white = {ranges}[photo.mode[0]]
        values = (np.asarray(photo, np.float64) - black) * 255 / (white - black)
        photo = Image.fromarray(np.nan_to_num(values).clip(0, 255).round().astype(np.uint8))
    opaque = None
    if photo.has_transparency_data:
        opaque = photo.convert("RGBA").getchannel("A")
        photo = photo.convert("RGB")
    if photo.mode not in ("L", "CMYK", "LAB"):
        photo = photo.convert("RGB")
    if profile:
        try:
            source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
            target = ImageCms.createProfile("sRGB")
            photo = ImageCms.profileToProfile(photo, source, target, outputMode="RGB")
        except ImageCms.PyCMSError:
            pass  # the profile is damaged, or does not fit the colours
    photo = photo.convert("RGB")
    if opaque is not None:
        photo = Image.composite(photo, Image.new("RGB", photo.size, "white"), opaque)
    return photo
'''


def opening_code(scale: PixelScale) -> str:
    """Return the code of the function `open_photo` for a model with this pixel scale."""
    ranges = {}
    for mode, kinds in (("I", ("int16", "int32", "uint32", "uint16")), ("F", ("float",))):
        limits = next((scale.range_of(kind) for kind in kinds if scale.range_of(kind)), None)
        if limits is not None:
            ranges[mode] = limits
    return _OPEN_PHOTO.format(ranges=ranges)


def is_complete(scale: PixelScale) -> bool:
    """Return whether `open_photo` reads all kinds of photos as pawsight does."""
    return not scale.bands and scale.range_of("uint16") == STANDARD.range_of("uint16")


def resize_line(model: ModelFolder) -> str:
    """Return the line that resizes the Pillow image `photo` to the model's size."""
    height, width = model.description.image_size
    return _RESIZED[model.description.resize].format(size=(width, height))


def reading_code(model: ModelFolder) -> str:
    """Return the code that reads `photo.jpg` into `images`, and defines `class_names`."""
    height, width = model.description.image_size
    black, full = model.description.input_range
    is_scaled = (black, full) != (0, 255)
    scaling = f"images = {black:g} + images * {(full - black) / 255!r}\n" if is_scaled else ""
    return f"""\
{IMPORTS}
class_names = {list(model.description.class_names)!r}


{opening_code(model.description.pixel_scale)}

photo = open_photo("photo.jpg")
{resize_line(model)}
images = np.asarray(photo, np.float32)[None]  # [1, {height}, {width}, 3], 0..255
{scaling}"""
