"""Bring an image of any mode, colour profile and transparency to plain sRGB on white."""

from __future__ import annotations

import functools
import io

import numpy as np
from PIL import Image, ImageCms

_WHITE = (255, 255, 255)


def to_srgb(image: Image.Image) -> Image.Image:
    """Convert a loaded image to RGB in sRGB; what is transparent becomes white."""
    if image.mode == "RGB" and not ("icc_profile" in image.info or "transparency" in image.info):
        return image
    if image.mode.startswith("I") or image.mode == "F":
        image = _to_8_bits(image)
    if image.has_transparency_data:
        image = image.convert("RGBA")
        flat = Image.new("RGB", image.size, _WHITE)
        flat.paste(_through_profile(image.convert("RGB")), mask=image.getchannel("A"))
        return flat
    if image.mode in ("P", "1"):
        image = image.convert("RGB")
    return _through_profile(image)


def _to_8_bits(image: Image.Image) -> Image.Image:
    """Bring 16-bit, 32-bit and float grey values to 0..255.

    Only the 16-bit modes say what is white. For the others it is the first of
    1 (float only), 255, 65535 and the largest value that no value exceeds.
    """
    values = np.nan_to_num(np.asarray(image).astype(np.float64), posinf=0.0, neginf=0.0)
    white = 65535.0
    if not image.mode.startswith("I;16"):
        largest = float(values.max(initial=0.0))
        levels = (1.0, 255.0, 65535.0) if image.mode == "F" else (255.0, 65535.0)
        white = next((level for level in levels if largest <= level), largest)
    return Image.fromarray((values * (255.0 / white)).clip(0, 255).round().astype(np.uint8))


def _through_profile(image: Image.Image) -> Image.Image:
    """Convert by the image's own colour profile, where it has one that fits."""
    profile = image.info.get("icc_profile")
    if isinstance(profile, bytes) and profile and image.mode in ("RGB", "CMYK", "L"):
        transform = _transform(profile, image.mode)
        if transform is not None:
            return transform.apply(image)
    return image if image.mode == "RGB" else image.convert("RGB")


@functools.lru_cache(maxsize=64)  # photos from one camera share their profile
def _transform(profile: bytes, mode: str) -> ImageCms.ImageCmsTransform | None:
    """Give the way from a profile to sRGB; None if it is sRGB, damaged or of another mode."""
    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        if mode == "RGB" and "sRGB" in ImageCms.getProfileDescription(source):
            return None
        target = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB"))
        return ImageCms.ImageCmsTransform(source, target, mode, "RGB")
    except Exception:  # noqa: BLE001 - a damaged profile does not make a damaged photo
        return None
