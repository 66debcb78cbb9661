"""Photos as a whole differ from the validation photos, or they do not."""

from dataclasses import replace

import numpy as np
import pytest

from pawsight import workflow
from pawsight.errors import RunError
from pawsight.inference.classifier import Classifier
from pawsight.inference.drift import DriftMonitor, DriftReference, DriftTest
from pawsight.records import Prediction
from pawsight.significance import excess_p_value, rank_sum_p_value


def photos(n, seed, shift=0.0, num_classes=2):
    """Class, probability and score of photos, shape [n, 3]; each class has scores of its own."""
    rng = np.random.default_rng(seed)
    classes = rng.integers(0, num_classes, n)
    scores = 0.5 + 0.1 * classes + rng.normal(shift, 0.05, n)
    return np.stack([classes, rng.beta(9, 1, n), scores], axis=1).astype(np.float64)


def reference(n=200, seed=0):
    return DriftReference(*photos(n, seed).T)


def test_photos_of_the_same_kind_differ_in_at_most_one_of_100_sets():
    alarms = sum(
        DriftReference(*photos(60, 2 * seed).T).test(photos(50, 2 * seed + 1)).has_drifted
        for seed in range(300)
    )
    assert alarms <= 7  # three are expected, and more than seven come by chance once in 80 times


def test_a_shift_is_found_and_another_mix_of_classes_is_none():
    assert reference().test(photos(60, 1, shift=0.05)).has_drifted
    only_second = photos(200, 1)
    only_second = only_second[only_second[:, 0] == 1]
    assert not reference().test(only_second).has_drifted


def test_a_tenth_of_foreign_photos_is_found():
    mixed = photos(200, 1)
    mixed[:20, 2] = 3.0
    assert reference().test(mixed).has_drifted


def test_fewer_than_thirty_photos_are_not_tested():
    assert reference().test(photos(29, 1)) is None
    assert reference(29).test(photos(100, 1)) is None


def test_saved_references_are_the_same_and_damaged_ones_are_refused(tmp_path):
    path = tmp_path / "drift_reference.npz"
    reference().save(path)
    assert DriftReference.load(path).test(photos(60, 1)).p_value == pytest.approx(
        reference().test(photos(60, 1)).p_value, rel=1e-3
    )
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(RunError, match=r"drift_reference\.npz"):
        DriftReference.load(path)


def test_a_monitor_takes_the_photos_that_have_a_score():
    monitor = DriftMonitor(reference(), ("cats", "dogs"))
    rows = [
        Prediction("a.jpg", "cats", 0.9, ood_score=0.5),
        Prediction("b.jpg", error="the file is empty"),
        Prediction("c.jpg", "dogs", 0.9),
    ]
    assert list(monitor.watch(rows)) == rows
    assert (monitor.num_photos, monitor.result()) == (1, None)


def test_equal_values_stay_equal_whatever_their_precision(tmp_path):
    sample = np.tile([0, 0.9, 0.88], (60, 1))
    path = tmp_path / "drift_reference.npz"
    DriftReference(*sample.T).save(path)
    rounded = sample + np.array([0, 1e-7, -1e-7])
    assert DriftReference.load(path).test(rounded).p_value == 1.0


def test_a_monitor_of_very_many_photos_keeps_some_of_all():
    monitor = DriftMonitor(reference(), ("cats", "dogs"))
    for index, probability, score in photos(5000, 1):
        monitor.add(Prediction("x", ("cats", "dogs")[int(index)], probability, ood_score=score))
    found = monitor.result()
    assert (monitor.num_photos, found.num_photos) == (5000, 5000)
    assert not found.has_drifted


@pytest.fixture
def run(run_with_detector, drawn):
    """The run, with the scores of 30 red and 30 blue photos."""
    classifier = Classifier.load(run_with_detector)
    found = classifier.predict([*drawn("red", 30, 6), *drawn("blue", 30, 7)])
    rows = [(classifier.class_names.index(p.label), p.probability, p.ood_score) for p in found]
    DriftReference(*np.array(rows, np.float64).T).save(run_with_detector.drift_reference_path)
    return run_with_detector


@pytest.mark.parametrize(("kind", "drifts"), [("red", False), ("chessboard", True)])
def test_predictions_of_a_folder_are_tested(run, drawn, tmp_path, recorded, kind, drifts):
    from PIL import Image

    (tmp_path / "new").mkdir()
    for number, image in enumerate(drawn(kind, 30, 8)):
        Image.fromarray(image).save(tmp_path / "new" / f"{number}.png")

    found = workflow.predict_folder(
        tmp_path / "new", run.path, tmp_path / "out.csv", progress=recorded
    )
    workflow.sort(tmp_path / "new", tmp_path / "sorted", run.path, progress=recorded)

    assert found.drift.has_drifted == drifts
    notes = [note for note in recorded.notes if "as a whole differ" in note]
    assert len(notes) == 2 * drifts


def test_the_sentence_names_the_number_of_photos_and_what_it_means():
    assert DriftTest(1200, 0.00031).sentence() == (
        "1,200 photos as a whole differ from the photos that the model was validated on "
        "(p = 0.0003): its error rates and probabilities may not hold for them."
    )


def test_the_smallest_of_three_p_values_counts_times_three():
    one, sample = reference(), photos(30, 9, shift=0.01)
    sample[:3, 2] = (1.0, 1.5, 2.0)  # two are unlike all training photos: more than 1
    classes, probabilities, scores = sample.T
    smallest = min(
        rank_sum_p_value(one.classes, one.probabilities, classes, probabilities),
        rank_sum_p_value(one.classes, one.ood_scores, classes, scores),
        excess_p_value(0, 200, 2, 30),
    )
    assert smallest == excess_p_value(0, 200, 2, 30) < 1 / 3
    assert one.test(sample).p_value == pytest.approx(3 * smallest)
    assert reference(30).test(photos(30, 0)).p_value == 1  # the same photos: never more than 1


@pytest.mark.parametrize(("p_value", "has_drifted"), [(0.0099, True), (0.01, False)])
def test_one_of_a_hundred_is_a_false_alarm(p_value, has_drifted):
    assert DriftTest(30, p_value).has_drifted is has_drifted


@pytest.mark.parametrize("wrong", [{"classes": np.zeros(29)}, {"ood_scores": np.full(30, np.inf)}])
def test_a_reference_of_other_shapes_or_numbers_is_refused(tmp_path, wrong):
    replace(reference(30), **wrong).save(tmp_path / "drift_reference.npz")
    with pytest.raises(RunError, match=r"drift_reference\.npz"):
        DriftReference.load(tmp_path / "drift_reference.npz")


def test_a_monitor_chooses_any_of_many_photos_alike():
    monitor = DriftMonitor(reference(), ("cats", "dogs"))
    for number in range(8000):
        monitor.add(Prediction("x", "cats", number / 8000, ood_score=0.5))
    kept = np.array([row[1] for row in monitor._rows])
    assert len(kept) == 2000
    # The mean of 2,000 of 8,000 numbers from 0 to 1 varies by 0.0056.
    assert kept.mean() == pytest.approx(0.5, abs=0.02)
    assert 430 <= (kept < 0.25).sum() <= 570
