import numpy as np
import pytest

from pawsight.probabilities import softmax
from pawsight.progress import Silent
from pawsight.training.linear_head import Samples, fit_head


def _photos(count, num_classes=2, num_features=6, noise=0.5, seed=0):
    """Features of photos whose class c lifts feature c by 1; far from standardised."""
    random = np.random.default_rng(seed)
    labels = np.arange(count) % num_classes
    rows = random.normal(0, noise, (count, num_features))
    rows[np.arange(count), labels] += 1
    return (rows * 7 + 100).astype(np.float32), labels


def _fit(rows, labels, num_classes=2, groups=None, class_weights=None, views=None):
    groups = range(len(labels)) if groups is None else groups
    samples = Samples(views or [rows], labels, groups, num_classes, class_weights)
    return fit_head(samples, 0, Silent())


@pytest.mark.parametrize("num_classes", [2, 3, 6])
def test_logits_of_features_as_they_are_separate_the_classes(num_classes):
    rows, labels = _photos(120, num_classes, noise=0.05)
    head = _fit(rows, labels, num_classes)
    assert head.kernel.shape == (6, num_classes)
    np.testing.assert_array_equal(head.logits(rows).argmax(axis=1), labels)


def test_two_hundred_classes_of_five_photos_each_are_learnt():
    rows, labels = _photos(1000, 200, 210, noise=0.02)
    head = _fit(rows, labels, 200)
    assert np.mean(head.logits(rows).argmax(axis=1) == labels) > 0.99


def test_the_strength_of_lowest_loss_in_cross_validation_is_taken():
    head = _fit(*_photos(200, noise=1.0))
    assert head.strength == min(head.trials, key=lambda one: one.log_loss).strength
    assert len(head.trials) >= 2
    assert all(0 < one.accuracy <= 1 for one in head.trials)


def test_noise_needs_a_stronger_penalty_than_clear_features():
    random = np.random.default_rng(0)
    noise = random.normal(size=(60, 40)).astype(np.float32), np.arange(60) % 2
    assert _fit(*noise).strength > _fit(*_photos(60, noise=0.05)).strength


def test_photos_of_one_group_are_never_on_both_sides():
    # Each photo is there five times under random labels: parted, copies would give the label away.
    random = np.random.default_rng(0)
    rows = np.repeat(random.normal(size=(40, 60)).astype(np.float32), 5, axis=0)
    labels = np.repeat(np.arange(40) % 2, 5)
    kept = _fit(rows, labels, groups=np.repeat(np.arange(40), 5))
    parted = _fit(rows, labels)
    assert max(one.accuracy for one in kept.trials) < 0.75
    assert max(one.accuracy for one in parted.trials) > 0.95


def test_a_class_with_one_photo_gets_a_head_without_cross_validation():
    rows, labels = _photos(9, noise=0.01)
    head = _fit(np.concatenate([rows[labels == 0], rows[1:2]]), np.array([0] * 5 + [1]))
    assert head.trials == ()
    assert np.isfinite(head.kernel).all()


def test_a_constant_feature_has_no_weight():
    rows, labels = _photos(40)
    rows[:, 5] = 3.0
    head = _fit(rows, labels)
    assert not head.kernel[5].any()
    assert np.isfinite(head.bias).all()


def test_a_rare_class_that_counts_more_is_named_more_often():
    rows, labels = _photos(300, noise=1.5)
    chosen = np.flatnonzero(
        (labels == 0) | (np.arange(300) < 40)
    )  # 150 of one class, 20 of the other
    rows, labels = rows[chosen], labels[chosen]
    plain = _fit(rows, labels)
    weighted = _fit(rows, labels, class_weights=(170 / 2 / 150, 170 / 2 / 20))
    named = [(head.logits(rows).argmax(axis=1) == 1).sum() for head in (plain, weighted)]
    assert named[1] > named[0]


def test_a_second_view_of_each_photo_is_learnt_as_well():
    rows, labels = _photos(60, noise=0.05)
    moved = rows[:, ::-1].copy()  # in the mirror, other features rise
    head = _fit(rows, labels, views=[rows, moved])
    for view in (rows, moved):
        assert np.mean(head.logits(view).argmax(axis=1) == labels) > 0.95


def test_the_same_photos_and_seed_give_the_same_bits():
    rows, labels = _photos(100, 3)
    one, other = _fit(rows, labels, 3), _fit(rows, labels, 3)
    np.testing.assert_array_equal(one.kernel, other.kernel)
    np.testing.assert_array_equal(one.bias, other.bias)


@pytest.mark.parametrize("shares", [(0.85, 0.15), (0.6, 0.25, 0.15)])
def test_the_mean_probability_of_a_class_is_its_share_of_the_photos(shares):
    # The bias has no penalty, so at the optimum the probabilities of a class sum to its photos.
    counts = [round(200 * share) for share in shares]
    labels = np.repeat(np.arange(len(shares)), counts)
    rows = np.random.default_rng(0).normal(50, 3, (200, 4)).astype(np.float32)
    rows[np.arange(200), labels] += 4
    probs = softmax(_fit(rows, labels, len(shares)).logits(rows))
    np.testing.assert_allclose(probs.mean(axis=0), shares, atol=2e-3)


def test_probabilities_are_those_of_the_penalty_worked_out_by_hand():
    # One feature, 0 or 1, which is the label. Standardised it is -1 or 1, and the loss plus the
    # penalty, log(1 + exp(-w)) + strength * w^2 / 2, is least where w = 1 / (strength (1 + e^w)).
    labels = np.arange(40) % 2
    rows = labels[:, None].astype(np.float32)
    head = _fit(rows, labels)
    low, high = 0.0, 20.0
    for _ in range(60):
        middle = (low + high) / 2
        if middle < 1 / (head.strength * (1 + np.exp(middle))):
            low = middle
        else:
            high = middle
    expected = 1 / (1 + np.exp(-low))
    probs = softmax(head.logits(np.array([[0.0], [1.0]], np.float32)))
    np.testing.assert_allclose(
        probs, [[expected, 1 - expected], [1 - expected, expected]], atol=1e-3
    )


def test_trials_come_by_rising_penalty():
    found = [one.strength for one in _fit(*_photos(200, noise=1.0)).trials]
    assert found == sorted(found) and len(set(found)) == len(found)


def test_of_few_photos_features_that_hardly_vary_count_less():
    # 5 features that tell the classes apart among 400 small ones that are noise.
    rng = np.random.default_rng(0)

    def photos(count):
        labels = np.arange(count) % 2
        telling = rng.normal(size=(count, 5)) + 2 * labels[:, None]
        noise = 0.05 * rng.normal(size=(count, 400))
        return np.concatenate([telling, noise], axis=1).astype(np.float32), labels

    rows, labels = photos(14)
    head = _fit(rows, labels)
    others, truth = photos(1000)
    # Standardised, the noise has 400 votes against 5, and 68 % of these are right.
    assert np.mean(head.logits(others).argmax(axis=1) == truth) > 0.95
