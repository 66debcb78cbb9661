"""Pictures with neither a cat nor a dog on them, drawn here so that anyone has the same."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from PIL import Image, ImageDraw

_SIZE = 320


def _blank() -> tuple[Image.Image, ImageDraw.ImageDraw]:
    image = Image.new("RGB", (_SIZE, _SIZE), "white")
    return image, ImageDraw.Draw(image)


def _noise() -> Image.Image:
    rng = np.random.default_rng(0)
    return Image.fromarray(rng.integers(0, 256, (_SIZE, _SIZE, 3), np.uint8))


def _text() -> Image.Image:
    image, draw = _blank()
    for line in range(20):
        draw.text((12, 12 + 15 * line), "The quick brown text of a letter, line by line.", "black")
    return image


def _stripes() -> Image.Image:
    image, draw = _blank()
    for x in range(0, _SIZE, 20):
        draw.rectangle((x, 0, x + 9, _SIZE), "saddlebrown")
    return image


def _landscape() -> Image.Image:
    image, draw = _blank()
    draw.rectangle((0, 0, _SIZE, 190), "skyblue")
    draw.rectangle((0, 190, _SIZE, _SIZE), "forestgreen")
    draw.ellipse((230, 30, 280, 80), "yellow")
    draw.polygon(((20, 190), (110, 60), (200, 190)), "slategray")
    return image


def _house() -> Image.Image:
    image, draw = _blank()
    draw.rectangle((70, 150, 250, 290), "firebrick")
    draw.polygon(((50, 150), (160, 60), (270, 150)), "dimgray")
    draw.rectangle((140, 210, 180, 290), "saddlebrown")
    return image


def _chart() -> Image.Image:
    image, draw = _blank()
    for number, height in enumerate((60, 140, 90, 210, 180)):
        draw.rectangle((40 + 50 * number, 280 - height, 75 + 50 * number, 280), "steelblue")
    draw.line((30, 20, 30, 280, 300, 280), "black", 3)
    return image


DRAWINGS: dict[str, Callable[[], Image.Image]] = {
    "grey": lambda: Image.new("RGB", (_SIZE, _SIZE), "gray"),
    "black": lambda: Image.new("RGB", (_SIZE, _SIZE), "black"),
    "noise": _noise,
    "a page of text": _text,
    "brown stripes": _stripes,
    "a landscape": _landscape,
    "a house": _house,
    "a bar chart": _chart,
}
