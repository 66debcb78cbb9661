"""Cues: what could tell the classes apart although it is not what the photos show.

Each cue is one or more numbers of each photo: measured ones, such as the JPEG
quality, and 1 or 0 for each common value of a text, such as the camera. Classes
may differ by nature in brightness, colour and detail: those cues are measured
where the object matters least (the lightest and the darkest places, one corner
against its mirror image), and count from a larger effect on.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pawsight.data.decoding import traces
from pawsight.records import AnalysisArray, Photo

Values = NDArray[np.float64]

_COMMON = 0.1  # share of the photos of a class from which a text is compared
_MOST_TEXTS = 12  # of one cue, the most frequent first
_LEAST_LETTERS = 3  # of a class whose name is left out of file names
_LIGHT, _DARK = 98, 2  # percentiles of a thumbnail's pixels: its lightest and darkest places
_LEAST_EDGES = 0.004  # share of hard edges below which corners count as equally empty
_LEAST_POWER = 1e-3  # of a band: below, there is nothing but rounding


@dataclass(frozen=True, slots=True)
class Column:
    """One number of each photo.

    Attributes:
        values: Shape [N]; NaN where it is unknown.
        more: Describes photos with a high value; "{}" stands for the usual value.
        less: Describes photos with a low value.
        write: Writes a value for display.
    """

    values: Values
    more: str
    less: str
    write: Callable[[float], str] = "{:.3g}".format


@dataclass(frozen=True, slots=True)
class Cue:
    """What is compared between classes.

    Attributes:
        id: For programs.
        title: For display.
        least_effect: The effect from which it is a finding, 0..1.
        columns: Its numbers.
    """

    id: str
    title: str
    least_effect: float
    columns: tuple[Column, ...]


_OF_FILE = 0.5  # nothing in the nature of a class explains these
_OF_CORNER = 0.35  # what photos show is as often left as right, so hardly anything is natural
_OF_LIGHT = 0.55  # brightness and blur differ by nature, too: night animals, close-ups
_OF_COLOUR = 0.7  # so do colours, even of the lightest places: of flowers above 0.55
LEAST_EFFECTS = (
    f"{_OF_FILE:g}, {_OF_CORNER:g} for corners, {_OF_LIGHT:g} for brightness and blur, or "
    f"{_OF_COLOUR:g} for colours"
)


def cues_of(photos: list[Photo], analyses: AnalysisArray | None) -> list[Cue]:
    """Measure the cues of photos.

    Args:
        photos: N photos with one class each.
        analyses: Rows of `analysis.ROW` of the same photos, shape [N]; without them only the
            facts of the files are compared.
    """
    cues = [
        Cue("size", "Size in pixels", _OF_FILE, _size_columns(photos)),
        Cue("aspect", "Aspect ratio", _OF_FILE, _aspect_columns(photos)),
        Cue("format", "File format", _OF_FILE, _text_columns(photos, "format", "{} files")),
        Cue("jpeg_quality", "JPEG quality", _OF_FILE, _quality_columns(photos)),
        Cue("camera", "Camera", _OF_FILE, _text_columns(photos, "camera", "taken with {}")),
        Cue("file_name", "File names", _OF_FILE, _name_columns(photos)),
    ]
    if analyses is None:
        return cues
    found = analyses["traces"]
    return [
        *cues,
        Cue("border", "Border", _OF_FILE, _border_columns(found["borders"])),
        Cue("corner_mark", "Mark in a corner", _OF_CORNER, _corner_columns(found["corners"])),
        *_light_cues(analyses["thumbnail"]),
        Cue("detail", "Blur or noise", _OF_LIGHT, _detail_columns(found["spectrum"])),
    ]


def _size_columns(photos: list[Photo]) -> tuple[Column, ...]:
    areas = np.array([photo.width * photo.height for photo in photos], np.float64)
    sizes = [f"{photo.width} x {photo.height}" for photo in photos]
    megapixels = Column(
        areas, "large, usually {} pixels", "small, usually {} pixels", lambda v: f"{v:,.0f}"
    )
    return (megapixels, *_indicators(photos, sizes, "{} pixels"))


def _aspect_columns(photos: list[Photo]) -> tuple[Column, ...]:
    ratios = np.array([photo.width / max(photo.height, 1) for photo in photos])
    words = ("wide, usually {} times as wide as high", "tall, usually {} times as wide as high")
    return (Column(ratios, *words, "{:.2f}".format),)


def _quality_columns(photos: list[Photo]) -> tuple[Column, ...]:
    qualities = np.array([photo.jpeg_quality or np.nan for photo in photos], np.float64)
    words = ("of a high JPEG quality, usually {}", "of a low JPEG quality, usually {}")
    return (Column(qualities, *words, "{:.0f}".format),)


def _text_columns(photos: list[Photo], field: str, words: str) -> tuple[Column, ...]:
    texts = [str(getattr(photo, field)) for photo in photos]
    columns = list(_indicators(photos, texts, words))
    if field == "camera":
        has_none = np.array([float(not text) for text in texts])
        columns.append(Column(has_none, "without the name of a camera", "with that of a camera"))
    return tuple(columns)


def _name_columns(photos: list[Photo]) -> tuple[Column, ...]:
    return tuple(_indicators(photos, [name_pattern(p) for p in photos], "named {}"))


def name_pattern(photo: Photo) -> str:
    """Return how the name of a photo's file begins, with # for digits and without its class.

    "pets/cats/cat_IMG_0412.jpg" of the class cats is "img_#".
    """
    name = photo.path.rpartition("/")[2].rpartition(".")[0].lower()
    label = photo.label.lower()
    if len(label) >= _LEAST_LETTERS:
        for own in (f"{label}s", label, label.removesuffix("s")):
            name = name.replace(own, "")
    name = re.sub(r"[0-9]+", "#", name).lstrip("_-. ()")
    found = re.match(r"[^\W_]*(?:[^\w#]|_)*#?", name)
    return found[0] if found else ""


def _indicators(photos: list[Photo], texts: list[str], words: str) -> Iterable[Column]:
    """Yield 1 or 0 for each text that a tenth of the photos of some class have."""
    sizes = Counter(photo.label for photo in photos)
    pairs = Counter((photo.label, text) for photo, text in zip(photos, texts, strict=True))
    common = Counter(texts)
    wanted = {text for (label, text), n in pairs.items() if text and n >= _COMMON * sizes[label]}
    for text in sorted(wanted, key=lambda one: (-common[one], one))[:_MOST_TEXTS]:
        has_it = np.array([float(one == text) for one in texts])
        named = words.format(f"“{text}”" if words.startswith("named") else text)
        yield Column(has_it, named.replace("{", "").replace("}", ""), f"not {named}")


def _border_columns(depths: NDArray[np.float32]) -> tuple[Column, ...]:
    return tuple(
        Column(
            depths[:, place].astype(np.float64),
            f"bordered at the {side}",
            f"not bordered at the {side}",
        )
        for place, side in enumerate(traces.SIDES)
    )


def _corner_columns(shares: NDArray[np.float32]) -> tuple[Column, ...]:
    """Compare each corner with its mirror image: what photos show is as often left as right."""
    top_left, top_right, bottom_left, bottom_right = np.log(shares.T + _LEAST_EDGES)
    return tuple(
        Column(
            np.where(np.abs(right - left) < np.log(2), 0.0, right - left).astype(np.float64),
            f"with hard edges, such as of letters, in the {end} right corner",
            f"with hard edges, such as of letters, in the {end} left corner",
        )
        for end, left, right in (
            ("top", top_left, top_right),
            ("bottom", bottom_left, bottom_right),
        )
    )


def _light_cues(thumbnails: NDArray[np.uint8]) -> list[Cue]:
    """Compare the lightest and the darkest places, which are white and black in most photos."""
    pixels = thumbnails.reshape(len(thumbnails), -1, 3)
    dark, light = np.percentile(pixels, [_DARK, _LIGHT], axis=1)
    columns = []
    for place, ends in (("lightest", light), ("darkest", dark)):
        red, green, blue = ends.T
        columns += [
            Column(red - blue, f"reddish in their {place} places", f"bluish in their {place}"),
            Column(
                green - (red + blue) / 2,
                f"greenish in their {place} places",
                f"purplish in their {place}",
            ),
        ]
    level = "{:.0f}".format
    brightness = (
        Column(light.mean(axis=1), "lighter, up to {} of 255", "darker, up to {} of 255", level),
        Column(dark.mean(axis=1), "pale, from {} of 255 on", "dark from {} of 255 on", level),
    )
    return [
        Cue("colour_cast", "Colour cast", _OF_COLOUR, tuple(columns)),
        Cue("brightness", "Brightness", _OF_LIGHT, brightness),
    ]


def _detail_columns(spectrum: NDArray[np.float32]) -> tuple[Column, ...]:
    """Compare the power of the finest detail with that of coarser detail."""
    power = np.log(np.maximum(spectrum.astype(np.float64), _LEAST_POWER))
    return (
        Column(power[:, -1] - power[:, -3], "with much fine detail or noise", "blurred"),
        Column(power[:, -3] - power[:, 1], "with much detail", "soft"),
    )
