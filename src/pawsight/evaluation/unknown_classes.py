"""How often a model gives the answer `none` to photos that resemble its classes but are of none.

There are no such photos at hand, so each class is left out in turn: the detector of unlike
photos is fitted to the others, and the photos of the class are foreign to it.
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

_MIN_CLASSES = 3  # of two, one left out leaves one class, which is no classifier
_MAX_CLASSES = 10  # each costs a fit
_MIN_PHOTOS = 10  # of each class: fewer give no covariance to speak of
_FOLDS = 5
_MOST = 0.5  # share of refused photos from which most of them are found


class LeftOutClass(Record):
    """What became of the photos of a class that the detector did not know."""

    num_photos: int = Field(ge=1)
    num_refused: int = Field(ge=0)  # those of them with the answer none
    # 0..1: how often such a photo is farther from the other classes than a photo of these that the
    # detector was not fitted to; 0.5 is chance, 1 is always.
    auroc: float = Field(ge=0, le=1)


class UnknownClasses(Record):
    """Each class left out in turn, as `evaluation/unknown_classes.json` holds it."""

    classes: dict[Text, LeftOutClass]

    @property
    def auroc(self) -> float:
        """The mean of the classes."""
        return float(np.mean([one.auroc for one in self.classes.values()]))

    def sentence(self) -> str:
        """Describe it in two sentences."""
        refused = sum(one.num_refused for one in self.classes.values())
        total = sum(one.num_photos for one in self.classes.values())
        advice = (
            "Photos that resemble your classes are mostly found, too."
            if refused >= _MOST * total
            else "Expect photos that resemble your classes to be taken for one of them; to tell "
            "them apart, give them a class of their own."
        )
        return (
            f"With each of {len(self.classes)} classes left out in turn, {refused:,} of {total:,} "
            f"of its photos ({percent(refused / total)}) get the answer none (mean AUROC "
            f"{self.auroc:.2f}, where 0.50 is chance). {advice}"
        )


def measure_unknown_classes(
    features: FloatArray, labels: IntArray, groups: Sequence[Hashable], class_names: tuple[str, ...]
) -> UnknownClasses | None:
    """Fit the detector without each class in turn, and compare its photos with known ones.

    The threshold is that of a fifth of the known photos, which the detector was not fitted to.

    Args:
        features: Of training photos, shape [N, F], not normalised.
        labels: Class indices, shape [N].
        groups: A key for each photo; those with the same one stay together, length N.
        class_names: The name of each class.

    Returns:
        At most 10 classes, those with most photos; None with fewer than 3 classes or with fewer
        than 10 photos of one.
    """
    counts = np.bincount(labels, minlength=len(class_names))
    if len(class_names) < _MIN_CLASSES or counts.min() < _MIN_PHOTOS:
        return None
    unit = normalised(features)
    is_held_out = group_folds(labels, groups, _FOLDS) == 0
    found = {}
    for left_out in np.argsort(-counts, kind="stable")[:_MAX_CLASSES].tolist():
        is_known = labels != left_out
        is_fitted = is_known & ~is_held_out
        detector = fit_unit(unit[is_fitted], labels[is_fitted])
        known = np.sort(detector.distances(unit[is_known & is_held_out]))
        foreign = detector.distances(unit[~is_known])
        ranks = (np.searchsorted(known, foreign, side) for side in ("left", "right"))
        found[class_names[left_out]] = LeftOutClass(
            num_photos=len(foreign),
            num_refused=int((foreign > threshold_of(known)).sum()),
            auroc=float(sum(rank.mean() for rank in ranks)) / 2 / len(known),
        )
    return UnknownClasses(classes=found)


def unknown_classes_sentence(run: Run) -> str:
    """Return what a run measured with each class left out; "" where it did not; raises RunError."""
    advice = "Remove it to go without it."
    measured = load_record(run.unknown_classes_path, TypeAdapter(UnknownClasses), advice)
    return measured.sentence() if measured else ""
