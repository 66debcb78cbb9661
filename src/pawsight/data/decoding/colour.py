"""Convert an image of any mode, colour profile and transparency to sRGB on white.

A large photo is shrunk before its colours are converted. A photo that is needed at full
size is converted in strips, so that only the decoded photo and the result are in memory.
"""

from __future__ import annotations

import functools
import io
from collections.abc import Iterator

from PIL import Image, ImageCms

_WHITE = (255, 255, 255)
_STRIP_PIXELS = 2**22
# Profiles have some hundred bytes, or up to two million with tables for printing. A larger one
# is no real profile, and would stay in the cache of transforms below.
_MAX_PROFILE_BYTES = 2**22


def to_srgb(image: Image.Image, min_size: tuple[int, int] | None = None) -> Image.Image:
    """Convert a loaded image of 8 bits to RGB in sRGB; transparent pixels become white.

    Args:
        image: The image.
        min_size: (width, height) in pixels that the result needs: an image that is
            several times as large is shrunk by a whole number. None: never shrink.
    """
    factor = 1 if min_size is None else reduction(image.size, min_size)
    if factor > 1:
        # Called on the class: `reduce` of a JPEG 2000 that was decoded smaller is a number.
        return _to_srgb(Image.Image.reduce(_with_channels(image), factor))
    if image.width * image.height <= _STRIP_PIXELS:
        return _to_srgb(image)
    if _is_plain(image):
        return image
    whole = Image.new("RGB", image.size)
    for box in strips(image):
        whole.paste(_to_srgb(image.crop(box)), box)
    return whole


def reduction(size: tuple[int, int], min_size: tuple[int, int]) -> int:
    """Return the factor, at least 1, by which `to_srgb` shrinks an image of `size`."""
    return max(1, min(size[0] // min_size[0], size[1] // min_size[1]) // 2)


def strips(image: Image.Image) -> Iterator[tuple[int, int, int, int]]:
    """Yield the (left, top, right, bottom) of strips of at most `_STRIP_PIXELS` pixels."""
    step = max(1, _STRIP_PIXELS // image.width)
    for top in range(0, image.height, step):
        yield 0, top, image.width, min(top + step, image.height)


def _is_plain(image: Image.Image) -> bool:
    return image.mode == "RGB" and not ("icc_profile" in image.info or "transparency" in image.info)


def _to_srgb(image: Image.Image) -> Image.Image:
    if _is_plain(image):
        return image
    image = _with_channels(image)
    if image.mode in ("RGBA", "LA"):
        flat = Image.new("RGB", image.size, _WHITE)
        flat.paste(_through_profile(image.convert("RGB")), mask=image.getchannel("A"))
        return flat
    return _through_profile(image)


def _with_channels(image: Image.Image) -> Image.Image:
    """Return an image whose values can be averaged: no palette, no single transparent colour."""
    if image.has_transparency_data:
        return image if image.mode in ("RGBA", "LA") else image.convert("RGBA")
    return image if image.mode in ("RGB", "L", "CMYK", "LAB") else image.convert("RGB")


def _through_profile(image: Image.Image) -> Image.Image:
    """Convert by the image's own colour profile, if it has one for its mode."""
    if image.mode == "LAB":
        return _from_lab().apply(image)
    profile = image.info.get("icc_profile")
    if isinstance(profile, bytes) and 0 < len(profile) <= _MAX_PROFILE_BYTES:
        transform = _transform(profile, image.mode)
        if transform is not None:
            return transform.apply(image)
    return image if image.mode == "RGB" else image.convert("RGB")


@functools.cache
def _from_lab() -> ImageCms.ImageCmsTransform:
    lab, srgb = (ImageCms.ImageCmsProfile(ImageCms.createProfile(name)) for name in ("LAB", "sRGB"))
    return ImageCms.ImageCmsTransform(lab, srgb, "LAB", "RGB")


@functools.lru_cache(maxsize=16)  # photos from one camera share their profile
def _transform(profile: bytes, mode: str) -> ImageCms.ImageCmsTransform | None:
    """Return the transform to sRGB; None if the profile is sRGB, damaged or of another mode."""
    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        if mode == "RGB" and "sRGB" in ImageCms.getProfileDescription(source):
            return None
        target = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB"))
        return ImageCms.ImageCmsTransform(source, target, mode, "RGB")
    except Exception:  # noqa: BLE001 - a damaged profile does not make a damaged photo
        return None
