"""A second view of every training photo, as from another camera and another website.

The photos to train on are all of 180 x 180 pixels, stretched and saved as JPEG. Photos from
elsewhere are sharper or softer, differently cut and differently lit; so the head learns from
each photo twice, as it is and varied.
"""

from __future__ import annotations

import io

import numpy as np
from PIL import Image, ImageEnhance, ImageFilter

from pawsight.data.decoding.decode import decode


def vary(data: bytes, seed: tuple[int, int]) -> bytes:
    """Cut, put farther away, mirror, light, sharpen or blur a photo; the same seed gives the same.

    Args:
        data: The bytes of a photo file.
        seed: Of the training and of the photo.

    Returns:
        The bytes of a JPEG.

    Raises:
        PhotoError: The bytes are no photo.
    """
    rng = np.random.default_rng(seed)
    image = decode(data)
    image = _farther(image, rng) if rng.random() < 0.25 else _cut(image, rng)
    if rng.random() < 0.5:
        image = image.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    for enhance in (ImageEnhance.Brightness, ImageEnhance.Contrast, ImageEnhance.Color):
        image = enhance(image).enhance(rng.uniform(0.6, 1.4))
    if rng.random() < 0.05:
        image = image.convert("L").convert("RGB")
    image = _refocus(image, rng)
    file = io.BytesIO()
    image.save(file, "JPEG", quality=int(rng.integers(20, 96)))
    return file.getvalue()


def _cut(image: Image.Image, rng: np.random.Generator) -> Image.Image:
    """Keep 40 to 100 % of the area, of a shape up to 1.6 times as wide or as high."""
    area, shape = rng.uniform(0.4, 1.0), np.exp(rng.uniform(-1, 1) * np.log(1.6))
    width = min(1.0, np.sqrt(area * shape)) * image.width
    height = min(1.0, np.sqrt(area / shape)) * image.height
    left, top = (
        rng.uniform(0, image.width - width),
        rng.uniform(0, image.height - height),
    )
    return image.crop((round(left), round(top), round(left + width), round(top + height)))


def _farther(image: Image.Image, rng: np.random.Generator) -> Image.Image:
    """Put the photo on a blurred copy of itself, 1.1 to 1.8 times as large each way."""
    grow = rng.uniform(1.1, 1.8, 2)
    width, height = round(image.width * grow[0]), round(image.height * grow[1])
    canvas = image.resize((width, height), Image.Resampling.BICUBIC)
    canvas = canvas.filter(ImageFilter.GaussianBlur(rng.uniform(4, 16)))
    left = int(rng.integers(width - image.width + 1))
    top = int(rng.integers(height - image.height + 1))
    canvas.paste(image, (left, top))
    return canvas


def _refocus(image: Image.Image, rng: np.random.Generator) -> Image.Image:
    kind = rng.integers(4)
    if kind == 0:  # fewer pixels than the photo had
        scale = rng.uniform(0.4, 0.9)
        size = (
            max(32, round(image.width * scale)),
            max(32, round(image.height * scale)),
        )
        return image.resize(size, Image.Resampling.BICUBIC)
    if kind == 1:
        radius, percent = rng.uniform(0.5, 2), int(rng.integers(50, 200))
        return image.filter(ImageFilter.UnsharpMask(radius, percent, threshold=0))
    if kind == 2:
        return image.filter(ImageFilter.GaussianBlur(rng.uniform(0.5, 2.0)))
    return image
