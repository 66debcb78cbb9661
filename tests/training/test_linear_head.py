import contextlib

import numpy as np
import pytest

from pawsight.probabilities import softmax
from pawsight.progress import Silent
from pawsight.task import MULTI_LABEL, SINGLE_LABEL
from pawsight.training import linear_head
from pawsight.training.linear_head import Samples, Trial, fit_head, fit_weights


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


def test_each_fit_of_the_search_is_reported():
    class Counting(Silent):
        done, started = 0, ()

        def start(self, *stage):
            self.started += (stage,)

        def advance(self, done, **facts):
            self.done += done

    rows, labels = _photos(60)
    progress = Counting()
    head = fit_head(Samples([rows], labels, range(60), 2), 0, progress)
    assert progress.started[0] == ("Choosing the L2 penalty", None, "fits")
    assert progress.done == 5 * len(head.trials)  # five folds


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


STRENGTHS = (1e-4, 1e-3, 3e-3, 1e-2, 3e-2, 1e-1, 3e-1, 1.0, 3.0)


@pytest.mark.parametrize(
    ("losses", "tried"),
    [
        # The search starts at the fifth penalty, and goes each way until the loss rises.
        ([9, 8, 7, 6, 5, 6, 7, 8, 9], range(3, 6)),
        ([9, 8, 7, 6, 5, 4, 3, 4, 2], range(4, 8)),
        ([9, 8, 7, 6, 5, 4, 3, 2, 1], range(4, 9)),
        ([4, 3, 2, 3, 4, 5, 0, 0, 0], range(1, 6)),
        ([1, 2, 3, 4, 5, 6, 7, 8, 9], range(6)),
        ([9, 8, 7, 6, 5, 5, 0, 0, 0], range(3, 6)),  # what does not fall has risen
    ],
)
def test_the_search_ends_where_the_loss_rises(monkeypatch, losses, tried):
    loss_of = dict(zip(STRENGTHS, losses, strict=True))
    monkeypatch.setattr(
        linear_head, "fit_weights", lambda samples, *_: (np.zeros((6, 2)), np.zeros(2))
    )
    monkeypatch.setattr(
        linear_head, "_measure", lambda strength, *_: Trial(strength, loss_of[strength], 0.5)
    )
    head = _fit(*_photos(20))
    assert [one.strength for one in head.trials] == [STRENGTHS[place] for place in tried]
    assert head.strength == min(head.trials, key=lambda one: one.log_loss).strength


def _folds_of(labels, groups=None, num_classes=2, task=SINGLE_LABEL, seed=0):
    labels = np.asarray(labels)
    groups = range(len(labels)) if groups is None else groups
    views = [np.zeros((len(labels), 1), np.float32)]
    return linear_head._folds(Samples(views, labels, groups, num_classes, task=task), seed)


@pytest.mark.parametrize(
    ("labels", "groups", "count"),
    [
        ([0] * 9 + [1] * 9, None, 5),
        ([0] * 9 + [1] * 3, None, 3),
        ([0] * 9 + [1] * 2, None, 2),
        ([0] * 9 + [1], None, 0),
        ([0] * 9 + [1] * 9 + [2] * 3, None, 3),
        ([0] * 9 + [1] * 9, [*range(9), *([9, 10, 11] * 3)], 3),  # three different photos
    ],
)
def test_there_are_as_many_folds_as_different_photos_of_the_rarest_class(labels, groups, count):
    folds = _folds_of(labels, groups)
    assert len(folds) == count
    if count:
        left_out = np.concatenate([fold[1] for fold in folds])
        assert sorted(left_out) == list(range(len(labels)))
    for train, left_out in folds:
        assert not set(train) & set(left_out)
        assert set(np.asarray(labels)[train]) == set(labels)


def test_a_rare_label_of_several_makes_no_fewer_folds():
    labels = np.zeros((20, 2), int)
    labels[:10, 0] = 1
    labels[0, 1] = 1
    assert len(_folds_of(labels, task=MULTI_LABEL)) == 5


def test_of_very_many_photos_some_are_compared(monkeypatch):
    monkeypatch.setattr(linear_head, "_MAX_PHOTOS", 50)
    chosen = [np.concatenate(_folds_of([0, 1] * 60, seed=seed)[0]) for seed in (1, 1, 2)]
    assert [len(set(one)) for one in chosen] == [50] * 3
    assert sorted(chosen[0]) == sorted(chosen[1]) != sorted(chosen[2])
    # Unless a class would be lost: two of 120 photos, which few of the samples both have.
    rare = [1, 1] + [0] * 118
    counts = {sum(map(len, _folds_of(rare, seed=seed)[0])) for seed in range(8)}
    assert 120 in counts


def test_a_class_that_no_chosen_photo_has_is_never_predicted():
    rows, labels = _photos(60, 3, noise=0.05)
    samples = Samples([rows], labels, range(60), 3)
    kernel, bias = fit_weights(samples, np.flatnonzero(labels != 1), 0.03)
    assert bias[1] == pytest.approx(-1e4)
    assert not kernel[:, 1].any()
    np.testing.assert_allclose(kernel[:, 0], -kernel[:, 2], rtol=1e-5)
    probs = softmax(rows @ kernel + bias)
    assert (probs[labels == 0, 0] > 0.9).all() and (probs[labels == 2, 2] > 0.9).all()


def test_features_are_divided_by_the_root_of_their_deviation():
    rows = np.array([[1, 10, 5, 1e5], [5, 11, 5, 1e5 + 2]], np.float32)
    rows = np.concatenate([rows, rows])
    mean, scale = linear_head._scale(rows)
    # The deviations are 2, 0.5 and 0; of the last 1, which is less than a 10,000th of its mean.
    typical = np.sqrt((2**2 + 0.5**2 + 0 + 1) / 4)
    np.testing.assert_allclose(mean, [3, 10.5, 5, 1e5 + 1])
    np.testing.assert_allclose(
        scale, [1 / np.sqrt(typical * 2), 1 / np.sqrt(typical * 0.5), 0, 0], rtol=1e-6
    )
    np.testing.assert_allclose(rows[:2, 0], np.array([-2, 2]) * scale[0], rtol=1e-6)
    small = np.array([[0.01, 0.02], [0.05, 0.03]], np.float32)
    (_, of_large), (_, of_small) = linear_head._scale(100 * small), linear_head._scale(small)
    np.testing.assert_allclose(of_small, 100 * of_large, rtol=1e-4)


@pytest.mark.parametrize(("deviation", "is_varied"), [(2e-4, True), (0.5e-4, False)])
def test_what_hardly_varies_has_no_weight(deviation, is_varied):
    rows = np.array([[-deviation], [deviation]], np.float32)
    assert bool(linear_head._scale(rows)[1][0]) is is_varied


def test_blocks_of_rows_give_the_same_scale(monkeypatch):
    rows, _ = _photos(50)
    whole = linear_head._scale(rows.copy())
    monkeypatch.setattr(linear_head, "_BLOCK", 7)
    for one, other in zip(whole, linear_head._scale(rows.copy()), strict=True):
        np.testing.assert_allclose(one, other)


@pytest.mark.parametrize(("num_rows", "threads"), [(4000, 1), (4002, None)])
def test_few_rows_are_fitted_in_one_thread(monkeypatch, num_rows, threads):
    found = []

    def limits(number):
        found.append(number)
        return contextlib.nullcontext()

    monkeypatch.setattr("threadpoolctl.threadpool_limits", limits)
    labels = np.arange(num_rows // 2) % 2
    rows = labels[:, None].astype(np.float32)
    for task, truth in ((SINGLE_LABEL, labels), (MULTI_LABEL, np.stack([labels] * 2, axis=1))):
        samples = Samples([rows, rows], truth, range(len(rows)), 2, task=task)
        fit_weights(samples, slice(None), 1.0)
    assert found == [threads] * 2


def test_the_loss_of_left_out_photos_is_weighted_by_their_classes():
    logits = np.log(np.array([[0.5, 0.5], [0.2, 0.8]]))
    found = linear_head._measure(0.1, logits, np.array([0, 1]), (1.0, 3.0), SINGLE_LABEL)
    assert found.log_loss == pytest.approx((np.log(2) - 3 * np.log(0.8)) / 4)
    assert (found.strength, found.accuracy) == (0.1, 1.0)
    plain = linear_head._measure(0.1, logits, np.array([1, 0]), None, SINGLE_LABEL)
    assert plain.log_loss == pytest.approx((np.log(2) - np.log(0.2)) / 2)
    assert plain.accuracy == 0.0
