"""Measure how often a model answers `none` to photos that resemble its classes.

Since such photos are not available, each class is left out in turn: the detector is fitted
to the other classes, and the photos of the class are unknown to it.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence

import numpy as np
from pydantic import Field, TypeAdapter

from pawsight.evaluation.label_errors import group_folds
from pawsight.evaluation.ood_fit import fit_unit, threshold_of
from pawsight.formatting import percent
from pawsight.inference.out_of_distribution import normalised
from pawsight.records import FloatArray, IntArray
from pawsight.runs import Run
from pawsight.storage.json_records import Record, load_record
from pawsight.text_field import Text

_MIN_CLASSES = 3  # a classifier of the other classes needs two
_MAX_CLASSES = 10  # each requires a fit
_MIN_PHOTOS = 10  # of each class, to estimate a covariance
_FOLDS = 5
_MOST = 0.5  # share of refused photos from which the sentence says "mostly"


class LeftOutClass(Record):
    """Answers to the photos of a class that the detector was not fitted to."""

    num_photos: int = Field(ge=1)
    num_refused: int = Field(ge=0)  # of these, photos with the answer none
    # 0..1: how often such a photo is farther from the other classes than a held-out photo of these
    # classes; 0.5 is chance, 1 is always.
    auroc: float = Field(ge=0, le=1)


class UnknownClasses(Record):
    """The classes that were left out: the content of `evaluation/unknown_classes.json`."""

    classes: dict[Text, LeftOutClass]

    @property
    def auroc(self) -> float:
        """Mean AUROC of the classes."""
        return float(np.mean([result.auroc for result in self.classes.values()]))

    def sentence(self) -> str:
        """Describe the measurement in two sentences."""
        refused = sum(result.num_refused for result in self.classes.values())
        total = sum(result.num_photos for result in self.classes.values())
        advice = (
            "Photos that resemble your classes are mostly refused, too."
            if refused >= _MOST * total
            else "Expect photos that resemble your classes to be classified as one of them; to "
            "distinguish them, give them a class of their own."
        )
        return (
            f"With each of {len(self.classes)} classes left out in turn, {refused:,} of {total:,} "
            f"of its photos ({percent(refused / total)}) get the answer none (mean AUROC "
            f"{self.auroc:.2f}, where 0.50 is chance). {advice}"
        )


def measure_unknown_classes(
    features: FloatArray, labels: IntArray, groups: Sequence[Hashable], class_names: tuple[str, ...]
) -> UnknownClasses | None:
    """Fit the detector without each class in turn, and compare its photos with held-out photos.

    The threshold is chosen by a fifth of the photos of the other classes, to which the
    detector was not fitted.

    Args:
        features: Of training photos, shape [N, F], not normalised.
        labels: Class indices, shape [N].
        groups: A key of each photo, length N; photos with equal keys are in the same fold.
        class_names: The name of each class.

    Returns:
        The result for the largest classes, at most 10; None with fewer than 3 classes, or
        with fewer than 10 photos in any class.
    """
    counts = np.bincount(labels, minlength=len(class_names))
    if len(class_names) < _MIN_CLASSES or counts.min() < _MIN_PHOTOS:
        return None
    unit = normalised(features)
    is_held_out = group_folds(labels, groups, _FOLDS) == 0
    classes = {}
    for left_out in np.argsort(-counts, kind="stable")[:_MAX_CLASSES].tolist():
        is_known = labels != left_out
        is_fitted = is_known & ~is_held_out
        detector = fit_unit(unit[is_fitted], labels[is_fitted])
        known = np.sort(detector.distances(unit[is_known & is_held_out]))
        unknown = detector.distances(unit[~is_known])
        ranks = (np.searchsorted(known, unknown, side) for side in ("left", "right"))
        classes[class_names[left_out]] = LeftOutClass(
            num_photos=len(unknown),
            num_refused=int((unknown > threshold_of(known)).sum()),
            auroc=float(sum(rank.mean() for rank in ranks)) / 2 / len(known),
        )
    return UnknownClasses(classes=classes)


def unknown_classes_sentence(run: Run) -> str:
    """Describe what a run measured with each class left out; "" if it did not measure it.

    Raises:
        RunError: The file is damaged.
    """
    advice = "Remove it to continue without it."
    measurement = load_record(run.unknown_classes_path, TypeAdapter(UnknownClasses), advice)
    return measurement.sentence() if measurement else ""
