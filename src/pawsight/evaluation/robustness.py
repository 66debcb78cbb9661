"""Accuracy on photos that were made worse on purpose, by kind and strength.

A photo of a shaking hand, a cheap camera or the evening is classified as well as
the model allows; these curves show where that ends. All changes are made to the
pixels that the model receives, so that they are as strong for photos of any size.
"""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image, ImageFilter
from pydantic import BaseModel, ConfigDict

from pawsight.data.catalog import Catalog
from pawsight.data.reading.store import is_lost
from pawsight.errors import RunError
from pawsight.evaluation.predictions import Classify
from pawsight.formatting import counted, percent
from pawsight.progress import Progress
from pawsight.records import ImageArray, Part, Pixels
from pawsight.task import Task

MOST_PHOTOS = 200  # of a part; each is classified 26 times
_AT_ONCE = 64
_MIDDLE = 3  # of the strengths, of which the first is none
_GREY = (128, 128, 128)  # where a rotated photo has no pixels


@dataclass(frozen=True, slots=True)
class Kind:
    """A way to make photos worse.

    Attributes:
        title: For display.
        strengths: Five, the weakest first.
        unit: What a strength means; "{:g}" stands for the number.
        change: Changes an image, shape [H, W, 3], by a strength; the generator is of the photo.
    """

    title: str
    strengths: tuple[float, ...]
    unit: str
    change: Callable[[ImageArray, float, np.random.Generator], ImageArray]


def _blurred(image: ImageArray, share: float, random: np.random.Generator) -> ImageArray:
    radius = share / 100 * min(image.shape[:2])
    return np.asarray(Image.fromarray(image).filter(ImageFilter.GaussianBlur(radius)))


def _noisy(image: ImageArray, deviation: float, random: np.random.Generator) -> ImageArray:
    noise = random.normal(0, deviation, image.shape)
    return np.clip(np.rint(image + noise), 0, 255).astype(np.uint8)


def _compressed(image: ImageArray, quality: float, random: np.random.Generator) -> ImageArray:
    data = io.BytesIO()
    Image.fromarray(image).save(data, "JPEG", quality=round(quality))
    return np.asarray(Image.open(data))


def _darkened(image: ImageArray, share: float, random: np.random.Generator) -> ImageArray:
    return np.asarray(np.rint(image * (share / 100)), np.uint8)


def _rotated(image: ImageArray, degrees: float, random: np.random.Generator) -> ImageArray:
    angle = degrees if random.random() < 0.5 else -degrees
    turned = Image.fromarray(image).rotate(angle, Image.Resampling.BILINEAR, fillcolor=_GREY)
    return np.asarray(turned)


KINDS = {
    "blur": Kind("blur", (0.4, 0.8, 1.2, 2, 3), "{:g} % of the side", _blurred),
    "noise": Kind("noise", (8, 16, 24, 36, 50), "{:g} of 255", _noisy),
    "jpeg": Kind("JPEG quality", (50, 30, 20, 10, 5), "{:g}", _compressed),
    "darkness": Kind("darkness", (70, 50, 35, 25, 15), "{:g} % of the light", _darkened),
    "rotation": Kind("rotation", (5, 10, 20, 30, 45), "{:g}°", _rotated),
}


class Measured(BaseModel):
    """The accuracy of one kind of change, at strengths of which the first is none."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    title: str
    strengths: tuple[str, ...]
    num_correct: tuple[int, ...]


class Robustness(BaseModel):
    """What evaluation/robustness.json holds: counts of right answers on changed photos.

    Attributes:
        part: The photos' part.
        num_photos: Photos measured.
        kinds: By the id of each kind of change.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    part: str
    num_photos: int
    kinds: dict[str, Measured]

    def sentence(self) -> str:
        """Name the kind of change that costs most at the middle strength."""
        worst = min(self.kinds.values(), key=lambda kind: kind.num_correct[_MIDDLE])
        unchanged, changed = (self.share(worst.num_correct[at]) for at in (0, _MIDDLE))
        return (
            f"Of {counted(self.num_photos, f'{self.part} photo')} it is right on "
            f"{percent(unchanged)} as they are, and on {percent(changed)} with {worst.title} "
            f"({worst.strengths[_MIDDLE]}), which costs most of the five changes at the middle "
            f"strength."
        )

    def share(self, num_correct: int) -> float:
        """Return a count as a share of the photos."""
        return num_correct / self.num_photos

    @classmethod
    def load(cls, path: Path) -> Robustness | None:
        """Read evaluation/robustness.json; None where there is no such file.

        Raises:
            RunError: The file is damaged.
        """
        if not path.is_file():
            return None
        try:
            return cls.model_validate(json.loads(path.read_text(encoding="utf-8")))
        except (OSError, ValueError) as error:
            raise RunError(
                f"{path} is damaged.\nMeasure it again with: pawsight evaluate RUN --robustness"
            ) from error


def measure_robustness(
    probs: Classify,
    pixels: Pixels,
    catalog: Catalog,
    part: Part,
    task: Task,
    progress: Progress,
) -> Robustness:
    """Classify photos of a part as they are, and changed in five ways at five strengths.

    Args:
        probs: The model: uint8 images [N, H, W, 3] to probabilities [N, K].
        pixels: The photos at the model's size.
        catalog: The photos.
        part: At most 200 photos of it are measured, the same ones each time.
        task: How probabilities become an answer.
        progress: Receives the images classified.
    """
    indices = catalog.part(part)
    if len(indices) > MOST_PHOTOS:
        chosen = np.random.default_rng(0).choice(indices, MOST_PHOTOS, replace=False)
        indices = np.sort(chosen)
    images = pixels.read(indices)
    is_there = ~is_lost(pixels, indices)
    images, indices = images[is_there], indices[is_there]
    labels = catalog.labels(indices)
    total = len(indices) * (1 + sum(len(kind.strengths) for kind in KINDS.values()))
    progress.start("Classifying changed photos", total, "photos")

    def num_correct(changed: ImageArray) -> int:
        progress.advance(len(changed))
        found = [probs(changed[at : at + _AT_ONCE]) for at in range(0, len(changed), _AT_ONCE)]
        return int(task.is_right(task.decide(np.concatenate(found)), labels).sum())

    unchanged = num_correct(images)
    kinds = {
        name: Measured(
            title=kind.title,
            strengths=("none", *(kind.unit.format(one) for one in kind.strengths)),
            num_correct=(unchanged, *(num_correct(_all(kind, s, images)) for s in kind.strengths)),
        )
        for name, kind in KINDS.items()
    }
    return Robustness(part=part, num_photos=len(indices), kinds=kinds)


def _all(kind: Kind, strength: float, images: ImageArray) -> ImageArray:
    changed = [
        kind.change(image, strength, np.random.default_rng(number))
        for number, image in enumerate(images)
    ]
    return np.stack(changed)
