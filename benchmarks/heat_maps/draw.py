"""Draw photos whose class is decided by one small object at a known place.

The background is random smooth colour with random ellipses and rectangles; on it lies one cue: a
checkered square ("checks") or a disc of rings ("rings"), 18 to 30 % of the side wide.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

SIDE = 224
CLASSES = ("checks", "rings")


def draw(label: str, rng: np.random.Generator) -> tuple[Image.Image, tuple[int, int, int, int]]:
    """Return a photo of a class, and the box (left, top, right, bottom) of its cue in pixels."""
    coarse = rng.integers(40, 216, (4, 4, 3), dtype=np.uint8)
    photo = Image.fromarray(coarse).resize((SIDE, SIDE), Image.Resampling.BICUBIC)
    canvas = ImageDraw.Draw(photo)
    for _ in range(int(rng.integers(3, 8))):
        shape = canvas.ellipse if rng.random() < 0.5 else canvas.rectangle
        left, top = rng.integers(-20, SIDE, 2)
        width, height = rng.integers(15, 70, 2)
        box = [int(left), int(top), int(left + width), int(top + height)]
        shape(box, fill=tuple(map(int, rng.integers(0, 256, 3))))
    side = int(rng.integers(int(0.18 * SIDE), int(0.30 * SIDE)))
    left, top = (int(edge) for edge in rng.integers(0, SIDE - side, 2))
    _draw_cue(canvas, label, (left, top, side), rng)
    noisy = np.asarray(photo, np.float32) + rng.normal(0, 6, (SIDE, SIDE, 3))
    photo = Image.fromarray(noisy.clip(0, 255).astype(np.uint8))
    return photo, (left, top, left + side, top + side)


def _draw_cue(
    canvas: ImageDraw.ImageDraw, label: str, place: tuple[int, int, int], rng: np.random.Generator
) -> None:
    left, top, side = place
    dark, bright = (tuple(map(int, rng.integers(*span, 3))) for span in ((0, 80), (176, 256)))
    for index in range(5):
        if label == "rings":
            edge = index * side / 10
            box = [left + edge, top + edge, left + side - edge, top + side - edge]
            canvas.ellipse(box, fill=dark if index % 2 else bright)
            continue
        for column in range(5):
            x, y = left + column * side / 5, top + index * side / 5
            fill = dark if (index + column) % 2 else bright
            canvas.rectangle([x, y, x + side / 5, y + side / 5], fill=fill)


def save_training_photos(folder: Path, count: int, seed: int) -> None:
    """Write `count` photos of each class into folders of the names of the classes."""
    rng = np.random.default_rng(seed)
    for label in CLASSES:
        (folder / label).mkdir(parents=True)
        for index in range(count):
            draw(label, rng)[0].save(folder / label / f"{index:04d}.png")
