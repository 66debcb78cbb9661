import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from pawsight.progress import Silent
from pawsight.task import MULTI_LABEL
from pawsight.training.binary_regression import fit_binary
from pawsight.training.linear_head import Samples, fit_head


def _photos(count=200, num_labels=3, seed=0):
    """Features of photos; label k lifts feature k by 2."""
    random = np.random.default_rng(seed)
    labels = (random.random((count, num_labels)) < 0.3).astype(np.int64)
    rows = random.normal(size=(count, 6))
    rows[:, :num_labels] += 2 * labels
    return rows.astype(np.float32), labels


@pytest.mark.parametrize("strength", [1e-3, 1e-1])
def test_each_label_has_the_logistic_regression_that_it_would_have_alone(strength):
    rows, labels = _photos()
    kernel, bias = fit_binary(rows, labels, strength)
    for k in range(3):
        alone = LogisticRegression(C=1 / (strength * len(rows)), tol=1e-6, max_iter=1000)
        alone.fit(rows.astype(np.float64), labels[:, k])
        np.testing.assert_allclose(kernel[:, k], alone.coef_[0], atol=0.03)
        np.testing.assert_allclose(bias[k], alone.intercept_[0], atol=0.03)


def test_a_label_that_all_photos_have_or_none_is_a_constant():
    rows, labels = _photos()
    labels[:, 0], labels[:, 1] = 1, 0
    kernel, bias = fit_binary(rows, labels, 1e-2)
    assert not kernel[:, :2].any()
    # Half a photo more on either side: 200.5 to 0.5.
    np.testing.assert_allclose(bias[:2], [np.log(401), -np.log(401)])


def test_head_of_several_labels_gives_each_its_own_logit():
    rows, labels = _photos()
    rows = (rows * 7 + 100).astype(np.float32)  # far from standardised
    samples = Samples([rows], labels, range(len(rows)), 3, task=MULTI_LABEL)
    head = fit_head(samples, 0, Silent())
    assert head.kernel.shape == (6, 3)
    assert ((head.logits(rows) > 0) == labels).mean() > 0.85
    assert head.strength == min(head.trials, key=lambda one: one.log_loss).strength


def test_a_label_of_one_photo_stops_neither_the_folds_nor_the_fit():
    rows, labels = _photos(60)
    labels[:, 2] = 0
    labels[0, 2] = 1
    samples = Samples([rows], labels, range(len(rows)), 3, task=MULTI_LABEL)
    head = fit_head(samples, 0, Silent())
    assert head.trials
    assert np.isfinite(head.kernel).all()
