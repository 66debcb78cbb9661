"""Draw the built-in sample: pictures of cats and dogs, for use without photos or a network.

A small network learns them in a minute. Only shapes separate the classes: colours,
backgrounds and light carry no information.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from random import Random

from PIL import Image, ImageDraw

from pawsight.data.sources.sample_drawing.cat import draw_cat
from pawsight.data.sources.sample_drawing.dog import draw_dog
from pawsight.data.sources.sample_drawing.pen import Pen
from pawsight.data.sources.sample_drawing.scenery import (
    draw_background,
    draw_foreground,
    take_picture,
)
from pawsight.data.sources.source import Source
from pawsight.errors import ConfigError
from pawsight.progress import Progress
from pawsight.storage.atomic import make_dirs
from pawsight.storage.atomic_folder import new_folder
from pawsight.storage.cache import cache_dir, mark_in_use

WORD = "sample"
DEFAULT_COUNT = 1200
_VERSION = 1  # increased when the pictures change, so that older pictures in the cache are not used
_SUPERSAMPLING = 2  # pictures are drawn larger by this factor and then reduced, for smooth edges
_CLASSES: tuple[tuple[str, Callable[[Pen, Random], None]], ...] = (
    ("cat", draw_cat),
    ("dog", draw_dog),
)
_REPORT_PICTURES = 10


def fetch(progress: Progress) -> Source:
    """Return the sample, drawn into the cache the first time; raises DiskError."""
    folder = cache_dir() / f"{WORD}-{_VERSION}-{DEFAULT_COUNT}"
    mark_in_use(folder)
    if not folder.is_dir():
        with new_folder(folder, keep_existing=True) as temporary:
            _draw_all(temporary, DEFAULT_COUNT, 0, progress)
    return Source(WORD, folder)


def draw_sample(folder: Path, count: int, seed: int = 0, *, progress: Progress) -> Path:
    """Draw pictures of cats and dogs into `cats/` and `dogs/` of a new or empty folder.

    Args:
        folder: The folder; it is created if needed.
        count: The number of pictures, at least 2; if it is odd, there is one more cat.
        seed: Decides the pictures. A larger count adds pictures and changes none.
        progress: Receives the number of pictures drawn.

    Returns:
        The folder.

    Raises:
        ConfigError: `count` is below 2.
        DiskError: The folder is not empty or cannot be written, or the disk is full.
    """
    if count < 2:
        raise ConfigError(
            f"The count of a sample must be at least 2, a picture for each class; it is {count}."
        )
    with new_folder(folder) as temporary:
        _draw_all(temporary, count, seed, progress)
    return folder


def draw_picture(name: str, number: int, seed: int = 0) -> Image.Image:
    """Draw one picture, RGB, 160 to 320 pixels a side.

    Args:
        name: The class: "cat" or "dog".
        number: The number of the picture in its class, from 0.
        seed: The seed of the sample.
    """
    random = Random(f"pawsight {seed} {name} {number}")
    width, height = random.randint(160, 320), random.randint(160, 320)
    if max(width, height) > 1.6 * min(width, height):
        height = width
    image = draw_background(random, (width * _SUPERSAMPLING, height * _SUPERSAMPLING))
    radius = random.uniform(0.21, 0.36) * min(image.size)
    centre = (
        random.gauss(0.5, 0.08) * image.width,
        random.gauss(0.5, 0.07) * image.height,
    )
    angle = math.radians(random.gauss(0, 13))
    pen = Pen(ImageDraw.Draw(image, "RGBA"), centre, radius, angle, random.uniform(0.88, 1.12))
    dict(_CLASSES)[name](pen, random)
    if random.random() < 0.25:
        draw_foreground(image, random)
    return take_picture(image.reduce(_SUPERSAMPLING), random)


def _draw_all(folder: Path, count: int, seed: int, progress: Progress) -> None:
    for name, _ in _CLASSES:
        make_dirs(folder / f"{name}s")
    progress.start("Drawing the sample", count, "pictures")
    for number in range(count):
        name, _ = _CLASSES[number % 2]
        _save(draw_picture(name, number // 2, seed), folder / f"{name}s", name, number // 2)
        if number % _REPORT_PICTURES == _REPORT_PICTURES - 1:
            progress.advance(_REPORT_PICTURES)
    progress.advance(count % _REPORT_PICTURES)


def _save(image: Image.Image, folder: Path, name: str, number: int) -> None:
    """Save a picture: every sixteenth as PNG, the others as JPEG."""
    stem = f"{name}{number + 1:04}"
    if number % 16 == 15:
        image.save(folder / f"{stem}.png", compress_level=1)
    else:
        image.save(folder / f"{stem}.jpg", quality=70 + number * 7 % 26)
