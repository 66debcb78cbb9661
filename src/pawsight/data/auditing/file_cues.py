"""Cues in the facts of the files: size, format, quality, camera and name."""

from __future__ import annotations

import re
from collections.abc import Iterable

import numpy as np

from pawsight.data.auditing.cue import Column, CueInput
from pawsight.records import Photo

_MIN_LETTERS = 3  # of a class whose name is left out of file names


def size(cue_input: CueInput) -> Iterable[Column]:
    """Compare the number of pixels, and each common width and height."""
    areas = np.array([photo.width * photo.height for photo in cue_input.photos], np.float64)
    yield Column(
        areas, "large, usually {} pixels", "small, usually {} pixels", lambda v: f"{v:,.0f}"
    )
    yield from cue_input.indicators(lambda p: f"{p.width} x {p.height}", "{} pixels".format)


def aspect_ratio(cue_input: CueInput) -> Iterable[Column]:
    """Compare width by height."""
    ratios = np.array([photo.width / max(photo.height, 1) for photo in cue_input.photos])
    words = ("wide, usually {} times as wide as high", "tall, usually {} times as wide as high")
    yield Column(ratios, *words, "{:.2f}".format)


def file_format(cue_input: CueInput) -> Iterable[Column]:
    """Compare each common format."""
    return cue_input.indicators(lambda photo: photo.format, "{} files".format)


def jpeg_quality(cue_input: CueInput) -> Iterable[Column]:
    """Compare the quality of JPEGs."""
    qualities = np.array([photo.jpeg_quality or np.nan for photo in cue_input.photos], np.float64)
    words = ("of a high JPEG quality, usually {}", "of a low JPEG quality, usually {}")
    yield Column(qualities, *words, "{:.0f}".format)


def camera(cue_input: CueInput) -> Iterable[Column]:
    """Compare each common camera, and whether the file names one."""
    yield from cue_input.indicators(lambda photo: photo.camera, "taken with {}".format)
    has_none = np.array([float(not photo.camera) for photo in cue_input.photos])
    yield Column(has_none, "without the name of a camera", "with that of a camera")


def file_name(cue_input: CueInput) -> Iterable[Column]:
    """Compare each common pattern of file names."""
    return cue_input.indicators(name_pattern, "named “{}”".format)


def name_pattern(photo: Photo) -> str:
    """Return how the name of a photo's file begins, with # for digits and without its class.

    "pets/cats/cat_IMG_0412.jpg" of the class cats is "img_#".
    """
    name = photo.path.rpartition("/")[2].rpartition(".")[0].lower()
    label = photo.label.lower()
    if len(label) >= _MIN_LETTERS:
        for own in (f"{label}s", label, label.removesuffix("s")):
            name = name.replace(own, "")
    name = re.sub(r"[0-9]+", "#", name).lstrip("_-. ()")
    match = re.match(r"[^\W_]*(?:[^\w#]|_)*#?", name)
    return match[0] if match else ""
