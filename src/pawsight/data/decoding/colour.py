"""Convert an image of any mode, colour profile and transparency to sRGB on white.

A large photo is shrunk before its colours are converted, and what has to be
converted at full size is done a strip at a time: beside the decoded photo and the
result, no further copy of it is in memory.
"""

from __future__ import annotations

import functools
import io
from collections.abc import Iterator

from PIL import Image, ImageCms

_WHITE = (255, 255, 255)
_STRIP_PIXELS = 2**22
# Profiles have some hundred bytes, those with tables for inks up to two million. More is no
# profile but ballast, and would stay in the memory of the transforms below.
_MAX_PROFILE_BYTES = 2**22


def to_srgb(image: Image.Image, least: tuple[int, int] | None = None) -> Image.Image:
    """Convert a loaded image of 8 bits to RGB in sRGB; what is transparent becomes white.

    Args:
        image: The image.
        least: (width, height) that the result has to have at least: an image that
            is several times as large is shrunk by a whole number. None: never.
    """
    factor = 1 if least is None else min(image.width // least[0], image.height // least[1]) // 2
    if factor > 1:
        # By its class: on a JPEG 2000 that was decoded smaller, `reduce` is a number.
        return _to_srgb(Image.Image.reduce(_with_channels(image), factor))
    if image.width * image.height <= _STRIP_PIXELS:
        return _to_srgb(image)
    if _is_plain(image):
        return image
    whole = Image.new("RGB", image.size)
    for top, bottom in _strips(image):
        whole.paste(_to_srgb(image.crop((0, top, image.width, bottom))), (0, top))
    return whole


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


def _strips(image: Image.Image) -> Iterator[tuple[int, int]]:
    """Yield the first row of each strip, and the row after its last."""
    step = max(1, _STRIP_PIXELS // image.width)
    for top in range(0, image.height, step):
        yield top, min(top + step, image.height)


def _through_profile(image: Image.Image) -> Image.Image:
    """Convert by the image's own colour profile, where it has one that fits."""
    profile = image.info.get("icc_profile")
    if image.mode == "LAB":
        return _from_lab().apply(image)
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
