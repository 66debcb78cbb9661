"""Accuracy on photos that were made worse on purpose, by kind of corruption and severity.

A photo of a shaking hand, a cheap camera or the evening is classified as well as
the model allows; these curves show where that ends.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from pydantic import TypeAdapter

from pawsight.data.catalog import Catalog
from pawsight.data.reading.stream import is_lost
from pawsight.evaluation.corruptions import CORRUPTIONS, Corruption
from pawsight.evaluation.predictions import Classify
from pawsight.formatting import counted, percent
from pawsight.progress import Progress
from pawsight.records import ImageArray, Part, Pixels
from pawsight.storage.json_records import Record, load_record
from pawsight.task import Task

MAX_PHOTOS = 200  # of a part; each is classified once for each corruption and severity
_AT_ONCE = 64
_MIDDLE = 3  # of the severities, of which the first is none


class CorruptionCounts(Record):
    """The right answers under one corruption, at severities of which the first is none."""

    title: str
    strengths: tuple[str, ...]
    num_correct: tuple[int, ...]


class Robustness(Record):
    """What evaluation/robustness.json holds: counts of right answers on corrupted photos.

    Attributes:
        part: The photos' part.
        num_photos: Photos measured.
        kinds: By the id of each corruption.
    """

    part: str
    num_photos: int
    kinds: dict[str, CorruptionCounts]

    def sentence(self) -> str:
        """Name the corruption that costs most at the middle severity."""
        worst = min(self.kinds.values(), key=lambda kind: kind.num_correct[_MIDDLE])
        unchanged, changed = (self.share(worst.num_correct[at]) for at in (0, _MIDDLE))
        return (
            f"Of {counted(self.num_photos, f'{self.part} photo')} it is right on "
            f"{percent(unchanged)} as they are, and on {percent(changed)} with {worst.title} "
            f"({worst.strengths[_MIDDLE]}), which costs most of the {len(self.kinds)} changes at "
            f"the middle strength."
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
        advice = "Measure it again with: pawsight evaluate RUN --robustness"
        return load_record(path, TypeAdapter(cls), advice)


def measure_robustness(
    probs: Classify,
    pixels: Pixels,
    catalog: Catalog,
    part: Part,
    task: Task,
    progress: Progress,
) -> Robustness:
    """Classify photos of a part as they are, and with each corruption at each severity.

    Args:
        probs: The model: uint8 images [N, H, W, 3] to probabilities [N, K].
        pixels: The photos at the model's size.
        catalog: The photos.
        part: At most 200 photos of it are measured, the same ones each time.
        task: How probabilities become an answer.
        progress: Receives the images classified.
    """
    indices = catalog.part(part)
    if len(indices) > MAX_PHOTOS:
        chosen = np.random.default_rng(0).choice(indices, MAX_PHOTOS, replace=False)
        indices = np.sort(chosen)
    images = pixels.read(indices)
    is_there = ~is_lost(pixels, indices)
    images, indices = images[is_there], indices[is_there]
    labels = catalog.labels(indices)
    num_images = 1 + sum(len(corruption.severities) for corruption in CORRUPTIONS)
    progress.start("Classifying changed photos", len(indices) * num_images, "photos")

    def num_correct(corrupted: ImageArray) -> int:
        progress.advance(len(corrupted))
        found = [probs(corrupted[at : at + _AT_ONCE]) for at in range(0, len(corrupted), _AT_ONCE)]
        return int(task.is_right(task.decide(np.concatenate(found)), labels).sum())

    unchanged = num_correct(images)
    kinds = {
        one.id: CorruptionCounts(
            title=one.title,
            strengths=("none", *(one.unit.format(severity) for severity in one.severities)),
            num_correct=(
                unchanged,
                *(num_correct(_corrupted(images, one, severity)) for severity in one.severities),
            ),
        )
        for one in CORRUPTIONS
    }
    return Robustness(part=part, num_photos=len(indices), kinds=kinds)


def _corrupted(images: ImageArray, corruption: Corruption, severity: float) -> ImageArray:
    corrupted = [
        corruption.apply(image, severity, np.random.default_rng(number))
        for number, image in enumerate(images)
    ]
    return np.stack(corrupted)
