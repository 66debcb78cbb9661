"""Photos unlike the training set are farther away than those like it."""

import io
import zipfile

import numpy as np
import pytest

from pawsight.errors import RunError, ShapeError
from pawsight.evaluation import ood_fit
from pawsight.evaluation.ood_fit import fit_detector, ledoit_wolf_shrinkage, threshold_of
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


def test_variance_outside_the_kept_eigenvectors_is_the_mean_of_the_rest(monkeypatch):
    monkeypatch.setattr(ood_fit, "_RANK", 5)
    rows = np.random.default_rng(7).normal(size=(60, 12)) * np.linspace(1, 3, 12) + 5
    labels = np.repeat([0, 1], 30)
    found = fit_detector(rows, labels)

    unit = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    centred = unit - np.stack([unit[:30].mean(0), unit[30:].mean(0)])[labels]
    values = np.linalg.eigvalsh(centred.T @ centred / 60)[::-1]
    shrinkage = ledoit_wolf_shrinkage(centred, values)
    wanted = (1 - shrinkage) * values[5:].mean() + shrinkage * values.mean()
    assert found.basis.shape == (5, 12)
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


def test_arrays_of_different_length_are_refused():
    with pytest.raises(ShapeError):
        fit_detector(np.zeros((3, 4)), np.zeros(2, np.int64))
