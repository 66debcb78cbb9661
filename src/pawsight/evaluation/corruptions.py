"""List the corruptions of images that `evaluate --robustness` measures.

To add a corruption, add an entry to `CORRUPTIONS` and the function that applies it.
Corruptions change the pixels that the model receives, so their strength does not depend
on the size of a photo.
"""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageFilter

from pawsight.records import ImageArray

_GREY = (128, 128, 128)  # where a rotated image has no pixels


@dataclass(frozen=True, slots=True)
class Corruption:
    """A kind of corruption of images."""

    id: str  # the key in robustness.json
    title: str  # for display
    severities: tuple[float, ...]  # five, the mildest first
    unit: str  # text of a severity; "{:g}" stands for the number
    # Corrupts an image, uint8 [H, W, 3], by a severity; each image has its own generator.
    apply: Callable[[ImageArray, float, np.random.Generator], ImageArray]


def _blur(image: ImageArray, share: float, random: np.random.Generator) -> ImageArray:
    radius = share / 100 * min(image.shape[:2])
    return np.asarray(Image.fromarray(image).filter(ImageFilter.GaussianBlur(radius)))


def _add_noise(image: ImageArray, deviation: float, random: np.random.Generator) -> ImageArray:
    noise = random.normal(0, deviation, image.shape)
    return np.clip(np.rint(image + noise), 0, 255).astype(np.uint8)


def _compress(image: ImageArray, quality: float, random: np.random.Generator) -> ImageArray:
    data = io.BytesIO()
    Image.fromarray(image).save(data, "JPEG", quality=round(quality))
    return np.asarray(Image.open(data))


def _darken(image: ImageArray, share: float, random: np.random.Generator) -> ImageArray:
    return np.asarray(np.rint(image * (share / 100)), np.uint8)


def _rotate(image: ImageArray, degrees: float, random: np.random.Generator) -> ImageArray:
    angle = degrees if random.random() < 0.5 else -degrees
    rotated = Image.fromarray(image).rotate(angle, Image.Resampling.BILINEAR, fillcolor=_GREY)
    return np.asarray(rotated)


CORRUPTIONS: tuple[Corruption, ...] = (
    Corruption("blur", "blur", (0.4, 0.8, 1.2, 2, 3), "{:g} % of the side", _blur),
    Corruption("noise", "noise", (8, 16, 24, 36, 50), "{:g} of 255", _add_noise),
    Corruption("jpeg", "JPEG quality", (50, 30, 20, 10, 5), "{:g}", _compress),
    Corruption("darkness", "darkness", (70, 50, 35, 25, 15), "{:g} % of the light", _darken),
    Corruption("rotation", "rotation", (5, 10, 20, 30, 45), "{:g}°", _rotate),
)
