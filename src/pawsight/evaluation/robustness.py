"""Measure the accuracy on corrupted photos, by kind of corruption and severity.

The result shows how well the model works on photos that are blurred by a shaking hand,
noisy as from a cheap camera, or dark.
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
_BATCH_SIZE = 64
_MIDDLE = 3  # index of the middle severity; index 0 is the unchanged photo


class CorruptionCounts(Record):
    """The numbers of correct answers for a corruption, by severity; the first is no corruption."""

    title: str
    strengths: tuple[str, ...]  # the severities as text
    num_correct: tuple[int, ...]


class Robustness(Record):
    """Numbers of correct answers on corrupted photos: the content of evaluation/robustness.json."""

    part: str  # of the photos
    num_photos: int  # photos measured
    kinds: dict[str, CorruptionCounts]  # by the id of each corruption

    def sentence(self) -> str:
        """Name the corruption that reduces the accuracy most at the middle severity."""
        worst = min(self.kinds.values(), key=lambda kind: kind.num_correct[_MIDDLE])
        unchanged, changed = (self.share(worst.num_correct[i]) for i in (0, _MIDDLE))
        return (
            f"Of {counted(self.num_photos, f'{self.part} photo')}, {percent(unchanged)} are "
            f"classified correctly as they are, and {percent(changed)} with {worst.title} "
            f"({worst.strengths[_MIDDLE]}), the worst of the {len(self.kinds)} corruptions at "
            f"the middle strength."
        )

    def share(self, num_correct: int) -> float:
        """Return a count as a share of the photos."""
        return num_correct / self.num_photos

    @classmethod
    def load(cls, path: Path) -> Robustness | None:
        """Read evaluation/robustness.json; None if there is no such file.

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
        part: The part; at most 200 of its photos are measured, the same photos each time.
        task: How probabilities become an answer.
        progress: Receives the number of classified images.
    """
    indices = catalog.part(part)
    if len(indices) > MAX_PHOTOS:
        chosen = np.random.default_rng(0).choice(indices, MAX_PHOTOS, replace=False)
        indices = np.sort(chosen)
    images = pixels.read(indices)
    is_readable = ~is_lost(pixels, indices)
    images, indices = images[is_readable], indices[is_readable]
    labels = catalog.labels(indices)
    num_images = 1 + sum(len(corruption.severities) for corruption in CORRUPTIONS)
    progress.start("Classifying changed photos", len(indices) * num_images, "photos")

    def num_correct(corrupted: ImageArray) -> int:
        progress.advance(len(corrupted))
        starts = range(0, len(corrupted), _BATCH_SIZE)
        batches = [probs(corrupted[start : start + _BATCH_SIZE]) for start in starts]
        return int(task.is_right(task.decide(np.concatenate(batches)), labels).sum())

    unchanged = num_correct(images)
    kinds = {}
    for corruption in CORRUPTIONS:
        severities = corruption.severities
        kinds[corruption.id] = CorruptionCounts(
            title=corruption.title,
            strengths=("none", *map(corruption.unit.format, severities)),
            num_correct=(
                unchanged,
                *(num_correct(_corrupted(images, corruption, value)) for value in severities),
            ),
        )
    return Robustness(part=part, num_photos=len(indices), kinds=kinds)


def _corrupted(images: ImageArray, corruption: Corruption, severity: float) -> ImageArray:
    corrupted = [
        corruption.apply(image, severity, np.random.default_rng(number))
        for number, image in enumerate(images)
    ]
    return np.stack(corrupted)
