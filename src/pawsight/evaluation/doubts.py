"""Rank the photos of a set by how strongly the other photos contradict their labels."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from pawsight.data.catalog import Catalog
from pawsight.evaluation.label_errors import nearest_of_class, score_labels
from pawsight.formatting import inert_cell, inert_path
from pawsight.records import FloatArray, IntArray
from pawsight.storage.atomic import write_text

SURE = 0.95  # probability of another class from which a contradiction counts as strong
_COLUMNS = ("path", "label", "suggested", "probability", "label_probability", "margin")


@dataclass(frozen=True, slots=True)
class Doubt:
    """A photo and how certain its label is.

    Attributes:
        path: Relative to the folder of the photos.
        label: The class that the photo is labelled with.
        suggested: The most probable other class.
        probability: Of the suggested class, 0..1.
        label_probability: Of the label, 0..1.
        margin: Log odds of the label against the suggested class; below 0, the label is
            contradicted.
        nearest_of_label: Path of the most similar other photo with the same label; "" if there
            is none, or if the label is not contradicted.
        nearest_of_suggested: Path of the most similar photo of the suggested class, or "".
    """

    path: str
    label: str
    suggested: str
    probability: float
    label_probability: float
    margin: float
    nearest_of_label: str = ""
    nearest_of_suggested: str = ""

    @property
    def is_contradicted(self) -> bool:
        """Whether another class is more probable than the label."""
        return self.margin < 0


@dataclass(frozen=True, slots=True)
class Doubts:
    """All scored photos of a set.

    Attributes:
        name: Of the set, for display.
        root: The folder that the paths are relative to.
        photos: The most doubtful photo first.
        num_unjudged: Photos that were not scored, since their class has fewer than five
            different photos.
        out: The folder of doubts.csv and doubts.html; None if nothing was written.
    """

    name: str
    root: str
    photos: tuple[Doubt, ...]
    num_unjudged: int
    out: Path | None = None

    @property
    def contradicted(self) -> tuple[Doubt, ...]:
        """Photos for which another class is more probable than the label."""
        return tuple(photo for photo in self.photos if photo.is_contradicted)

    @property
    def num_strong(self) -> int:
        """Number of photos for which another class has a probability of at least 95 %."""
        return sum(photo.probability >= SURE for photo in self.photos)

    def save_csv(self, path: Path) -> None:
        """Write a row for each photo as CSV, the most doubtful first; no cell is a formula.

        Raises:
            DiskError: The file cannot be written.
        """
        text = io.StringIO()
        table = csv.writer(text)
        table.writerow(_COLUMNS)
        for photo in self.photos:
            numbers = (photo.probability, photo.label_probability, photo.margin)
            texts = (inert_path(photo.path), inert_cell(photo.label), inert_cell(photo.suggested))
            table.writerow([*texts, *(f"{number:.4f}" for number in numbers)])
        write_text(path, text.getvalue())


def rank_doubts(
    catalog: Catalog, indices: IntArray, features: FloatArray, groups: Sequence[str]
) -> Doubts:
    """Rank photos by how strongly the features of the other photos contradict their labels.

    Args:
        catalog: The photos.
        indices: Catalog indices of labelled photos, shape [N].
        features: Of these photos, shape [N, F].
        groups: A key of each of these photos, equal for copies.

    Raises:
        DataError: One of these photos has no label.
        ShapeError: The catalog has fewer than two classes, or the arguments disagree on N.
    """
    labels, names = catalog.labels(indices), catalog.class_names
    scores = score_labels(features, labels, groups, len(names))
    order, suggested = scores.order, scores.suggested(labels)
    contradicted = order[scores.margins[order] < 0]
    nearest_of_label, nearest_of_suggested = (
        {int(i): int(j) for i, j in zip(contradicted, nearest, strict=True) if j >= 0}
        for nearest in (
            nearest_of_class(features, labels, contradicted, classes[contradicted])
            for classes in (labels, suggested)
        )
    )

    def path(position: int | None) -> str:
        return "" if position is None else catalog.photos[int(indices[position])].path

    photos = tuple(
        Doubt(
            path=path(i),
            label=names[labels[i]],
            suggested=names[suggested[i]],
            probability=float(scores.probs[i, suggested[i]]),
            label_probability=float(scores.probs[i, labels[i]]),
            margin=float(scores.margins[i]),
            nearest_of_label=path(nearest_of_label.get(i)),
            nearest_of_suggested=path(nearest_of_suggested.get(i)),
        )
        for i in order.tolist()
    )
    num_unjudged = int(np.count_nonzero(~scores.is_scored))
    return Doubts(catalog.name, str(catalog.root), photos, num_unjudged)
