"""Each class left out in turn is foreign to a detector that is fitted to the others."""

import numpy as np
import pytest

from pawsight.evaluation.unknown_classes import (
    LeftOutClass,
    UnknownClasses,
    measure_unknown_classes,
)

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
            "Expect photos that resemble your classes to be taken for one of them; to tell them "
            "apart, give them a class of their own.",
        ),
        (90, "Photos that resemble your classes are mostly found, too."),
    ],
)
def test_the_sentence_states_what_to_expect(refused, advice):
    one = LeftOutClass(num_photos=100, num_refused=refused, auroc=0.6)
    other = LeftOutClass(num_photos=100, num_refused=refused, auroc=0.7)

    assert UnknownClasses(classes={"ants": one, "bees": other}).sentence() == (
        f"With each of 2 classes left out in turn, {2 * refused} of 200 of its photos "
        f"({refused}.0 %) get the answer none (mean AUROC 0.65, where 0.50 is chance). {advice}"
    )
