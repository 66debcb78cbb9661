"""Each class left out in turn is foreign to a detector that is fitted to the others."""

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from pawsight.evaluation.label_errors import group_folds
from pawsight.evaluation.ood_fit import fit_unit, threshold_of
from pawsight.evaluation.unknown_classes import (
    LeftOutClass,
    UnknownClasses,
    measure_unknown_classes,
)
from pawsight.inference.out_of_distribution import normalised

NAMES = ("ants", "bees", "cats")


def rows_of(counts, centres, seed=0):
    """Directions around unit vectors of 40 dimensions, and their classes."""
    random = np.random.default_rng(seed)
    labels = np.repeat(np.arange(len(counts)), counts)
    return np.eye(40)[np.array(centres)[labels]] + 0.1 * random.normal(
        size=(len(labels), 40)
    ), labels


def test_a_class_far_from_the_others_is_refused_and_one_among_them_is_not():
    rows, labels = rows_of((60, 60, 60), (0, 0, 1))  # ants and bees look alike

    found = measure_unknown_classes(rows, labels, range(180), NAMES)

    assert found.classes["cats"] == LeftOutClass(num_photos=60, num_refused=60, auroc=1.0)
    assert found.classes["ants"].num_refused < 10
    assert found.classes["ants"].auroc == pytest.approx(0.5, abs=0.2)


@pytest.mark.parametrize("counts", [(60, 60), (60, 60, 9)])
def test_two_classes_or_few_photos_are_not_measured(counts):
    rows, labels = rows_of(counts, (0, 1, 2))

    assert measure_unknown_classes(rows, labels, range(len(rows)), NAMES[: len(counts)]) is None


@pytest.mark.parametrize(
    ("refused", "advice"),
    [
        (
            10,
            "Expect photos that resemble your classes to be classified as one of them; to "
            "distinguish them, give them a class of their own.",
        ),
        (90, "Photos that resemble your classes are mostly refused, too."),
    ],
)
def test_the_sentence_states_what_to_expect(refused, advice):
    one = LeftOutClass(num_photos=100, num_refused=refused, auroc=0.6)
    other = LeftOutClass(num_photos=100, num_refused=refused, auroc=0.7)

    assert UnknownClasses(classes={"ants": one, "bees": other}).sentence() == (
        f"With each of 2 classes left out in turn, {2 * refused} of 200 of its photos "
        f"({refused}.0 %) get the answer none (mean AUROC 0.65, where 0.50 is chance). {advice}"
    )


def test_the_numbers_are_those_of_a_detector_fitted_without_the_class():
    rows, labels = rows_of((40, 50, 60), (0, 0, 1), seed=3)
    held_out = group_folds(labels, range(150), 5) == 0
    unit = normalised(rows)
    found = measure_unknown_classes(rows, labels, range(150), NAMES)
    for k, name in enumerate(NAMES):
        fitted = (labels != k) & ~held_out
        distances = fit_unit(unit[fitted], labels[fitted]).distances(unit)
        judged = (labels == k) | held_out
        threshold = threshold_of(distances[(labels != k) & held_out])
        one = found.classes[name]
        assert one.num_photos == (labels == k).sum()
        assert one.num_refused == (distances[labels == k] > threshold).sum()
        assert one.auroc == pytest.approx(roc_auc_score(labels[judged] == k, distances[judged]))


def test_of_many_classes_the_ten_largest_are_left_out_in_turn():
    counts = (10, *range(21, 10, -1))
    rows, labels = rows_of(counts, range(12))
    found = measure_unknown_classes(rows, labels, range(len(rows)), tuple("abcdefghijkl"))
    assert list(found.classes) == list("bcdefghijk")


def test_half_of_the_photos_are_most_of_them():
    half = LeftOutClass(num_photos=100, num_refused=50, auroc=0.6)
    assert UnknownClasses(classes={"ants": half}).sentence().endswith("are mostly refused, too.")
