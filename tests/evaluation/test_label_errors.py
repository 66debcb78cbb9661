"""Labels that the features of the other photos contradict come first."""

import numpy as np
import pytest

from pawsight.errors import ShapeError
from pawsight.evaluation import label_errors
from pawsight.evaluation.calibration import fit_temperature
from pawsight.evaluation.label_errors import group_folds, nearest_of_class, score_labels


def clusters(per_class, num_classes=2, seed=0):
    """Features in as many clusters as there are classes, of random length, and their labels."""
    random = np.random.default_rng(seed)
    labels = np.repeat(np.arange(num_classes), per_class)
    rows = np.eye(12)[labels] + 0.15 * random.normal(size=(len(labels), 12))
    return rows * random.uniform(1, 9, (len(labels), 1)), labels


@pytest.mark.parametrize("num_classes", [2, 5])
def test_flipped_labels_are_the_first_and_get_their_right_class_suggested(num_classes):
    rows, right = clusters(40, num_classes)
    given = right.copy()
    flipped = np.arange(0, len(right), 11)
    given[flipped] = (right[flipped] + 1) % num_classes
    found = score_labels(rows, given, range(len(given)), num_classes)
    assert set(found.order[: len(flipped)].tolist()) == set(flipped.tolist())
    assert (found.margins < 0).sum() == len(flipped)
    assert (found.suggested(given)[flipped] == right[flipped]).all()
    assert (found.probs[flipped, right[flipped]] > 0.5).all()
    np.testing.assert_allclose(found.probs.sum(axis=1), 1)


def test_a_photo_is_not_vouched_for_by_its_copies():
    rows, labels = clusters(40)
    groups = list(range(80))
    for copy in (1, 2, 3):  # photo 0 four times, all with the wrong label
        rows[copy], labels[copy], groups[copy] = rows[0], 1, 0
    labels[0] = 1
    found = score_labels(rows, labels, groups, 2)
    assert (found.margins[:4] < 0).all()


def test_folds_keep_groups_whole_and_classes_spread():
    labels = np.repeat([0, 1], 20)
    folds = group_folds(labels, [i // 2 for i in range(40)], 5)
    assert (folds[::2] == folds[1::2]).all()
    assert np.bincount(folds[:20]).tolist() == np.bincount(folds[20:]).tolist() == [4] * 5


@pytest.mark.parametrize("num_photos", [1, 4])
def test_a_class_of_fewer_than_five_photos_is_not_judged(num_photos):
    rows, labels = clusters(30)
    labels[:num_photos] = 2
    found = score_labels(rows, labels, range(60), 3)
    assert found.is_scored.tolist() == [False] * num_photos + [True] * (60 - num_photos)
    assert sorted(found.order.tolist()) == list(range(num_photos, 60))


def test_copies_do_not_make_a_class_larger():
    rows, labels = clusters(30)
    labels[:8] = 2
    found = score_labels(rows, labels, [i // 2 if i < 8 else i for i in range(60)], 3)
    assert not found.is_scored[:8].any()
    assert found.is_scored[8:].all()


@pytest.mark.parametrize(("per_class", "num_judged"), [(2, 0), (4, 0), (5, 10)])
def test_labels_of_very_small_sets_are_not_called_wrong(per_class, num_judged):
    rows, labels = clusters(per_class)
    found = score_labels(rows, labels, range(2 * per_class), 2)
    assert found.is_scored.sum() == num_judged
    assert not (found.margins < 0).any()


def test_a_class_that_the_others_contradict_in_most_photos_is_kept():
    """Without its photos in the second fit the class could not be judged any more."""
    rows, labels = clusters(30)
    labels[[3, 6, 9, 12, 15]] = 2  # photos of class 0 under another name
    found = score_labels(rows, labels, range(60), 3)
    assert found.is_scored.all()


def test_the_nearest_photo_is_of_the_class_and_another_one():
    rows = np.array([[1.0, 0.0], [3.0, 0.3], [0.0, 1.0], [0.2, 5.0], [1.0, 1.0]])
    labels = np.array([0, 0, 1, 1, 2])
    wanted = np.array([0, 0, 2, 4])
    found = nearest_of_class(rows, labels, wanted, np.array([0, 1, 1, 2]))
    assert found.tolist() == [1, 3, 3, -1]


def test_arguments_of_different_length_are_refused():
    rows, labels = clusters(5)
    with pytest.raises(ShapeError, match="10, 10, 9 and 2"):
        score_labels(rows, labels, range(9), 2)


def naive_margins(rows, labels, groups, num_classes):
    """Squared Mahalanobis distances to class means, by two plain fits without each fold."""
    unit = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    folds = group_folds(labels, groups, 5)
    is_kept = np.ones(len(labels), bool)
    for _ in range(2):
        logits = np.empty((len(labels), num_classes))
        for fold in range(5):
            fitted = is_kept & (folds != fold)
            means = np.stack([unit[fitted & (labels == k)].mean(0) for k in range(num_classes)])
            apart = unit[fitted] - means[labels[fitted]]
            covariance = apart.T @ apart / len(apart)
            covariance = 0.7 * covariance + 0.3 * np.mean(np.diag(covariance)) * np.eye(
                len(means.T)
            )
            for k, mean in enumerate(means):
                away = unit[folds == fold] - mean
                squares = (away @ np.linalg.inv(covariance) * away).sum(1)
                logits[folds == fold, k] = -squares / 2
        own = logits[np.arange(len(labels)), labels]
        others = np.where(np.arange(num_classes) == labels[:, None], -np.inf, logits).max(1)
        is_kept = own >= others
        share_kept = np.array([is_kept[labels == k].mean() for k in range(num_classes)])
        is_kept |= share_kept[labels] < 0.5
    return (own - others) / fit_temperature(logits, labels), share_kept


@pytest.mark.parametrize("seed", range(6))
def test_margins_are_those_of_a_plain_fit(seed):
    random = np.random.default_rng(seed)
    labels = np.repeat([0, 1, 2], [40, 24, 12])
    rows = np.eye(6)[labels] + 0.5 * random.normal(size=(len(labels), 6))
    margins, _ = naive_margins(rows, labels, range(len(labels)), 3)
    found = score_labels(rows, labels, range(len(labels)), 3)
    np.testing.assert_allclose(found.margins, margins, rtol=1e-3, atol=1e-3)


def test_folds_of_several_small_classes_are_equally_large():
    labels = np.repeat([0, 1, 2], 7)
    folds = group_folds(labels, range(21), 5)
    assert sorted(np.bincount(folds).tolist()) == [4, 4, 4, 4, 5]
    assert all(np.bincount(folds[labels == k], minlength=5).min() == 1 for k in range(3))


def test_the_nearest_photo_is_that_of_all_pairs_however_many_are_compared_at_a_time(monkeypatch):
    monkeypatch.setattr(label_errors, "_BLOCK", 4)
    rows, labels = clusters(10)
    unit = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    likeness = unit @ unit.T - 9 * np.eye(20)
    for label in (0, 1):
        members = np.flatnonzero(labels == label)
        found = nearest_of_class(rows, labels, np.arange(20), np.full(20, label))
        assert found.tolist() == members[likeness[:, members].argmax(1)].tolist()
