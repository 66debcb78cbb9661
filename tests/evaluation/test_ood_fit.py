"""Photos unlike the training set are farther away than those like it."""

import io
import zipfile

import numpy as np
import pytest

from pawsight.errors import RunError, ShapeError
from pawsight.evaluation import ood_fit
from pawsight.evaluation.label_errors import group_folds
from pawsight.evaluation.ood_fit import (
    dividing_threshold,
    fit_detector,
    fit_unit,
    ledoit_wolf_shrinkage,
    threshold_of,
)
from pawsight.inference.out_of_distribution import OutOfDistributionDetector, normalised


def features(n, centre, seed):
    """Rows around a direction in 40 dimensions, of random length."""
    random = np.random.default_rng(seed)
    rows = np.eye(40)[centre] + 0.1 * random.normal(size=(n, 40))
    return rows * random.uniform(1, 20, (n, 1))


@pytest.fixture
def fitted():
    rows = np.concatenate([features(100, 0, 1), features(100, 1, 2)])
    return fit_detector(rows, np.repeat([0, 1], 100))


def test_new_photos_of_the_classes_are_accepted_and_others_are_not(fitted):
    own = fitted.distances(np.concatenate([features(200, 0, 3), features(200, 1, 4)]))
    foreign = fitted.distances(features(200, 2, 5))
    assert (own > fitted.threshold).mean() < 0.06
    assert (foreign > fitted.threshold).all()


def test_distance_does_not_depend_on_the_length_of_the_features(fitted):
    rows = features(5, 0, 6)
    np.testing.assert_allclose(fitted.distances(rows), fitted.distances(7 * rows))


def test_the_distance_of_a_photo_does_not_depend_on_how_many_others_there_are(fitted):
    rows = np.random.default_rng(8).normal(size=(40, fitted.means.shape[1]))
    apart = [fitted.distances(row[None])[0] for row in rows]
    np.testing.assert_allclose(fitted.distances(rows), apart, rtol=1e-10)
    np.testing.assert_allclose(fitted.distances(rows[:16]), apart[:16], rtol=1e-10)


def test_distance_of_whole_rank_is_that_of_the_inverse_covariance():
    """With every eigenvector kept, the distance is sqrt(d' C^-1 d) of the shrunk covariance."""
    rows = np.random.default_rng(7).normal(size=(50, 3)) * [1, 2, 3] + 5
    labels = np.repeat([0, 1], 25)
    found = fit_detector(rows, labels)
    covariance = found.basis.T @ np.diag(found.variances) @ found.basis
    wanted = np.inf
    for mean in found.means:
        away = normalised(rows[:1])[0] - mean
        wanted = min(wanted, away @ np.linalg.inv(covariance) @ away)
    np.testing.assert_allclose(found.distances(rows[:1]), [np.sqrt(wanted)], rtol=1e-6)


@pytest.mark.parametrize(
    ("num_rows", "num_features", "scale"), [(60, 7, 1), (60, 7, 0.01), (12, 40, 1), (9, 9, 1)]
)
def test_covariance_is_the_one_within_classes_as_scikit_learn_shrinks_it(
    num_rows, num_features, scale
):
    from sklearn.covariance import ledoit_wolf

    rows = np.random.default_rng(5).normal(size=(num_rows, num_features)) * scale
    rows *= np.linspace(1, 3, num_features)
    labels = np.arange(num_rows) % 3 * 2  # of classes 0 to 4, two of which have no photo
    found = fit_unit(rows, labels)
    means = np.stack([rows[labels == label].mean(0) for label in (0, 2, 4)])
    np.testing.assert_allclose(found.means, means)
    expected, _ = ledoit_wolf(rows - means[labels // 2], assume_centered=True)
    within = found.basis.T @ found.basis
    kept = found.basis.T @ np.diag(found.variances) @ found.basis
    covariance = kept + found.rest * (np.eye(num_features) - within)
    np.testing.assert_allclose(covariance, expected, atol=1e-6 * scale**2)


def test_photos_that_are_all_the_same_are_at_no_distance():
    rows = np.tile([3.0, 4, 0], (4, 1))
    found = fit_detector(rows, np.array([0, 0, 1, 1]))
    np.testing.assert_allclose(found.distances(rows), 0, atol=1e-6)
    assert found.distances(np.array([[4.0, 3, 0]])) > 100


@pytest.mark.parametrize("rank", [5, 11])
def test_variance_outside_the_kept_eigenvectors_is_the_mean_of_the_rest(monkeypatch, rank):
    monkeypatch.setattr(ood_fit, "_RANK", rank)
    rows = np.random.default_rng(7).normal(size=(60, 12)) * np.linspace(1, 3, 12) + 5
    labels = np.repeat([0, 1], 30)
    found = fit_detector(rows, labels)

    unit = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    centred = unit - np.stack([unit[:30].mean(0), unit[30:].mean(0)])[labels]
    values = np.linalg.eigvalsh(centred.T @ centred / 60)[::-1]
    shrinkage = ledoit_wolf_shrinkage(centred, values)
    wanted = (1 - shrinkage) * values[rank:].mean() + shrinkage * values.mean()
    assert found.basis.shape == (rank, 12)
    assert found.rest == pytest.approx(wanted, rel=1e-5)


@pytest.mark.parametrize(("num_rows", "num_features"), [(12, 40), (60, 7), (5, 300), (2, 3)])
def test_shrinkage_is_that_of_scikit_learn(num_rows, num_features):
    from sklearn.covariance import ledoit_wolf_shrinkage as expected

    rows = np.random.default_rng(0).normal(size=(num_rows, num_features))
    rows = rows * np.linspace(1, 3, num_features) - rows.mean(axis=0)
    found = ledoit_wolf_shrinkage(rows, np.linalg.eigvalsh(rows.T @ rows / num_rows))
    assert found == pytest.approx(expected(rows, assume_centered=True), rel=1e-9)


def test_rows_that_vary_alike_in_all_directions_are_not_shrunk():
    rows = np.array([[1.0, 0], [-1, 0], [0, 1], [0, -1]])  # the covariance is half the identity
    assert ledoit_wolf_shrinkage(rows, np.array([0.5, 0.5])) == 0


def test_threshold_of_many_distances_is_their_quantile():
    assert threshold_of(np.arange(1001.0)) == 975.0


def test_saved_detector_gives_the_same_distances(fitted, tmp_path):
    path = tmp_path / "ood.npz"
    fitted.save(path)
    rows = features(20, 1, 8)
    loaded = OutOfDistributionDetector.load(path)
    np.testing.assert_allclose(loaded.distances(rows), fitted.distances(rows), rtol=1e-3)
    assert loaded.threshold == fitted.threshold


def test_damaged_detector_is_refused(fitted, tmp_path):
    path = tmp_path / "ood.npz"
    fitted.save(path)
    path.write_bytes(path.read_bytes()[:-200])
    with pytest.raises(RunError, match="damaged"):
        OutOfDistributionDetector.load(path)


def test_damaged_header_of_an_array_is_refused(tmp_path):
    path = tmp_path / "ood.npz"
    arrays = {name: np.zeros(3) for name in ("means", "basis", "variances", "scalars")}
    with zipfile.ZipFile(path, "w") as archive:
        for name in arrays:
            data = io.BytesIO()
            np.save(data, arrays[name])
            archive.writestr(f"{name}.npy", data.getvalue().replace(b"'descr': '", b"'descr':(("))
    with pytest.raises(RunError, match="damaged"):
        OutOfDistributionDetector.load(path)


def test_few_photos_of_a_class_are_enough():
    rows = np.concatenate([features(3, 0, 1), features(1, 1, 2)])
    found = fit_detector(rows, np.array([0, 0, 0, 1]))
    assert np.isfinite(found.distances(rows)).all()
    assert found.threshold > 0


@pytest.mark.parametrize(
    ("shape", "num_labels"),
    [((3, 4), 2), ((2, 4), 3), ((3,), 3), ((3, 4, 1), 3), ((1, 4), 1), ((0, 4), 0)],
)
def test_arrays_of_different_length_or_of_one_photo_are_refused(shape, num_labels):
    with pytest.raises(
        ShapeError, match=r"Features \[N, F\] and labels \[N\] with N of at least 2"
    ):
        fit_detector(np.zeros(shape), np.zeros(num_labels, np.int64))


def test_two_photos_are_enough():
    assert fit_detector(np.array([[1.0, 0], [1, 0.1]]), np.zeros(2, np.int64)).threshold > 0


def held_out(rows, labels, folds, wanted):
    """Distances of the photos of some folds, each to a detector fitted without its fold."""
    unit = normalised(rows)
    return np.concatenate(
        [fit_unit(unit[folds != k], labels[folds != k]).distances(unit[folds == k]) for k in wanted]
    )


@pytest.mark.parametrize(
    ("count", "num_folds", "num_used"),
    [(60, 60, 60), (61, 5, 5), (999, 5, 5), (1000, 5, 1)],
)
def test_the_threshold_is_that_of_photos_that_were_left_out(count, num_folds, num_used):
    """Each alone up to 60 photos, then a fifth; of 200 in a fifth the first is enough."""
    rows = np.random.default_rng(0).normal([4, 0, 0], size=(count, 3))
    labels = np.arange(count) % 2
    folds = group_folds(labels, range(len(rows)), num_folds)
    distances = held_out(rows, labels, folds, range(num_used))
    assert fit_detector(rows, labels).threshold == pytest.approx(threshold_of(distances))


def test_the_threshold_of_few_distances_is_that_of_a_log_normal_distribution():
    # Median 0.05 of the logs; they are 0.15, 0.05, 0.05 and 4.95 from it, in the median 0.1.
    distances = np.exp([-0.1, 0, 0.1, 5])
    assert threshold_of(distances) == pytest.approx(np.exp(0.05 + 1.959964 * 1.4826 * 0.1))
    # Never beyond the largest.
    assert threshold_of(np.exp([-1.0, 0, 1])) == pytest.approx(np.e)


@pytest.mark.parametrize(("count", "is_quantile"), [(199, False), (200, True)])
def test_the_quantile_of_distances_is_trusted_from_200_on(count, is_quantile):
    distances = np.linspace(1, 2, count)
    assert threshold_of(distances) == pytest.approx(1.975 if is_quantile else 2)


def test_the_dividing_threshold_accepts_own_and_refuses_foreign_photos_best():
    own = np.arange(1001.0)
    # Between 950 and 995, in steps of 2.5: all foreign ones are beyond 977 and none of 982.
    assert dividing_threshold(own, np.array([978.0, 979, 5000])) == 977.5
    # Nothing is gained by refusing more than the least, or less than the most.
    assert dividing_threshold(own, np.array([5000.0])) == 995
    assert dividing_threshold(own, np.array([951.0])) == 950
    # A foreign photo at the threshold itself is accepted.
    assert dividing_threshold(own, np.array([960.0])) == 957.5


def test_an_own_photo_at_the_dividing_threshold_is_accepted():
    own = np.arange(1001.0)
    # Each step of 2.5 accepts 2 and 3 own photos more, in turns, and one of 400 foreign ones. Were
    # the photos at the threshold not accepted, it would be 3 and 2, and the first step worth it.
    foreign = np.concatenate([np.arange(951.2, 995, 2.5), np.full(382, 5000.0)])
    assert len(foreign) == 400
    assert dividing_threshold(own, foreign) == 950


@pytest.mark.parametrize(
    ("num_own", "num_foreign", "is_used"), [(20, 20, 1), (19, 20, 0), (20, 19, 0)]
)
def test_twenty_foreign_photos_choose_the_threshold(num_own, num_foreign, is_used):
    rows, labels = features(num_own, 0, 1), np.arange(num_own) % 2
    foreign = features(num_foreign, 2, 3)
    plain, chosen = (fit_detector(rows, labels, foreign=some) for some in (None, foreign))
    assert (chosen.threshold != plain.threshold) == is_used
