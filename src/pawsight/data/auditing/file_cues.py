"""Measure cues in the facts of the files: size, format, quality, camera and name."""

from __future__ import annotations

import re
from collections.abc import Iterable

import numpy as np

from pawsight.data.auditing.cue import Column, CueInput
from pawsight.records import Photo

_MIN_LETTERS = 3  # of a class name that is removed from file names


def size(cue_input: CueInput) -> Iterable[Column]:
    """Yield the number of pixels, and an indicator of each common size."""
    areas = np.array([photo.width * photo.height for photo in cue_input.photos], np.float64)
    yield Column(
        areas, "large, usually {} pixels", "small, usually {} pixels", lambda v: f"{v:,.0f}"
    )
    yield from cue_input.indicators(lambda p: f"{p.width} x {p.height}", "{} pixels".format)


def aspect_ratio(cue_input: CueInput) -> Iterable[Column]:
    """Yield width divided by height."""
    ratios = np.array([photo.width / max(photo.height, 1) for photo in cue_input.photos])
    words = ("wide, usually {} times as wide as high", "tall, usually {} times as wide as high")
    yield Column(ratios, *words, "{:.2f}".format)


def file_format(cue_input: CueInput) -> Iterable[Column]:
    """Return an indicator of each common format."""
    return cue_input.indicators(lambda photo: photo.format, "{} files".format)


def jpeg_quality(cue_input: CueInput) -> Iterable[Column]:
    """Yield the quality of JPEGs."""
    qualities = np.array([photo.jpeg_quality or np.nan for photo in cue_input.photos], np.float64)
    words = ("of a high JPEG quality, usually {}", "of a low JPEG quality, usually {}")
    yield Column(qualities, *words, "{:.0f}".format)


def camera(cue_input: CueInput) -> Iterable[Column]:
    """Yield an indicator of each common camera, and one of photos without a camera."""
    yield from cue_input.indicators(lambda photo: photo.camera, "taken with {}".format)
    has_none = np.array([float(not photo.camera) for photo in cue_input.photos])
    yield Column(has_none, "without a camera name", "with a camera name")


def file_name(cue_input: CueInput) -> Iterable[Column]:
    """Return an indicator of each common pattern of file names."""
    return cue_input.indicators(name_pattern, "named “{}”".format)


def name_pattern(photo: Photo) -> str:
    """Return the start of a photo's file name in lower case, with # for digits, without its class.

    Example: "pets/cats/cat_IMG_0412.jpg" of the class cats has the pattern "img_#".
    """
    name = photo.path.rpartition("/")[2].rpartition(".")[0].lower()
    label = photo.label.lower()
    if len(label) >= _MIN_LETTERS:
        for form in (f"{label}s", label, label.removesuffix("s")):
            name = name.replace(form, "")
    name = re.sub(r"[0-9]+", "#", name).lstrip("_-. ()")
    match = re.match(r"[^\W_]*(?:[^\w#]|_)*#?", name)
    return match[0] if match else ""
