import numpy as np
import pytest

from pawsight.progress import Silent
from pawsight.training import curve_points
from pawsight.training.curve_points import measure_points, nested_parts


def photos(count, num_classes=2, spread=1.0, seed=0):
    """Features of classes around the axes, as many of each, and their labels."""
    random = np.random.default_rng(seed)
    labels = np.arange(count) % num_classes
    return (np.eye(8)[labels] + random.normal(0, spread, (count, 8))).astype(np.float32), labels


def points(features, labels, groups=None, num_classes=2):
    groups = range(len(labels)) if groups is None else groups
    return measure_points(features, labels, groups, num_classes, 0.03, Silent())


def test_each_size_is_tested_on_every_photo():
    found = points(*photos(200))
    # Four fifths of the photos, and half, a quarter, an eighth and a sixteenth of that.
    assert found.num_photos == (10, 20, 40, 80, 160)
    assert found.num_wrong.shape == (5, 2)
    assert found.num_tested.tolist() == [100, 100]


def test_more_photos_make_fewer_mistakes():
    found = points(*photos(400))
    wrong = found.num_wrong.sum(axis=1)
    assert wrong[-1] < wrong[0]


def test_too_few_photos_of_a_class_have_no_curve():
    features, labels = photos(200)
    is_kept = (labels == 0) | (np.cumsum(labels == 1) <= 14)
    assert points(features[is_kept], labels[is_kept]) is None  # 11 of 14 are below 3 x 4


def test_copies_never_test_what_was_fitted_to_them():
    # Labels at random, each photo twice: a head that had seen the copy would be right.
    random = np.random.default_rng(0)
    features = np.repeat(random.normal(size=(60, 100)), 2, axis=0).astype(np.float32)
    labels = np.repeat(np.arange(60) % 2, 2)
    apart = points(features, labels, np.repeat(np.arange(60), 2))
    together = points(features, labels)
    assert together.num_wrong[-1].sum() < 30 < apart.num_wrong[-1].sum()


def test_the_same_photos_have_the_same_curve():
    one, two = points(*photos(100)), points(*photos(100))
    assert (one.num_wrong == two.num_wrong).all()


def test_nested_parts_have_the_classes_in_proportion():
    labels = np.repeat([0, 1], [80, 16])
    eighth, half = nested_parts(labels, range(96), (1 / 8, 1 / 2))
    assert set(eighth) < set(half)
    counts = np.concatenate([np.bincount(labels[places]) for places in (eighth, half)])
    # Whether the photo on the border is inside is decided at random.
    assert np.abs(counts - (10, 2, 40, 8)).max() <= 1


def test_nested_parts_have_whole_groups():
    labels, groups = np.arange(120) % 2, np.arange(120) // 6
    for places in nested_parts(labels, [f"key {group}" for group in groups], (1 / 4, 1 / 2)):
        assert set(np.bincount(groups[places], minlength=20)) == {0, 6}


class _Started(Silent):
    def start(self, task, total=None, unit=""):
        self.total, self.done = total, 0

    def advance(self, done, **facts):
        self.done += done


@pytest.mark.parametrize(("count", "num_sizes"), [(14, 0), (15, 3), (29, 3), (30, 4), (150, 5)])
def test_heads_are_fitted_to_halves_and_tested_on_the_others(monkeypatch, count, num_sizes):
    # Four fifths of the rarest class: 12 are three photos in a quarter, 24 in an eighth.
    labels = np.repeat([0, 1], count)
    features = np.stack([np.arange(2 * count), np.zeros(2 * count)], axis=1).astype(np.float32)
    fitted, progress = [], _Started()

    def fit(samples, chosen, strength):
        fitted.append(samples.views[0][:, 0].astype(int).tolist())
        assert (strength, samples.num_classes) == (0.5, 2)
        assert samples.labels.tolist() == labels[fitted[-1]].tolist()
        return np.zeros((2, 2)), np.array([1.0, 0.0])  # always the first class

    monkeypatch.setattr(curve_points, "fit_weights", fit)
    found = curve_points.measure_points(
        features, labels, range(2 * count), 2, strength=0.5, progress=progress
    )
    if not num_sizes:
        assert found is None
        return
    assert len(fitted) == progress.done == progress.total == 5 * num_sizes
    assert found.num_wrong.tolist() == [[0, count]] * num_sizes
    assert found.num_tested.tolist() == [count, count]
    for fold in range(5):
        parts = fitted[fold * num_sizes : (fold + 1) * num_sizes]
        whole = parts[-1]
        assert [len(part) for part in parts] == [
            len(whole) >> halvings for halvings in reversed(range(num_sizes))
        ]
        assert all(part == whole[: len(part)] for part in parts)
        assert len(whole) == pytest.approx(2 * count * 4 / 5, abs=2)
    assert found.num_photos[-1] == round(sum(map(len, fitted[num_sizes - 1 :: num_sizes])) / 5)
