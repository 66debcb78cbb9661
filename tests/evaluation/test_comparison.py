"""Runs are compared on common photos, by those that only one has right."""

from pathlib import Path

import numpy as np
import pytest

from pawsight.errors import DataError
from pawsight.evaluation.comparison import Pair, compare_predictions
from pawsight.records import Predictions

LABELS = "ccccccccccdddddddddd"  # ten cats, ten dogs
RUNS = (Path("a"), Path("b"), Path("c"))


def predictions(answers, labels=LABELS):
    """Predictions of photos that are answered, and labelled, c or d."""
    numbers = np.array([one == "d" for one in answers], np.int64)
    truth = np.array([one == "d" for one in labels], np.int64)
    probs = np.eye(2)[numbers]
    paths = tuple(f"{i}.jpg" for i in range(len(labels)))
    return Predictions(paths, truth, probs, ("cats", "dogs"))


def compared(*answers):
    found = [predictions(one) for one in answers]
    return compare_predictions(RUNS[: len(found)], found, [one.paths for one in found], "photos")


def wrong_at(*places):
    """All answers right but those."""
    swap = {"c": "d", "d": "c"}
    return [swap[one] if i in places else one for i, one in enumerate(LABELS)]


def test_the_p_value_is_the_exact_binomial_one():
    found = compared(wrong_at(), wrong_at(0, 1, 2, 3, 4, 5))
    (pair,) = found.pairs
    assert (pair.first_only, pair.second_only) == (6, 0)
    assert pair.p_value == pytest.approx(2 / 2**6)  # both sides of six coins that fall alike
    assert pair.is_significant
    assert [run.num_correct for run in found.runs] == [20, 14]
    assert [one.path for one in found.changed] == [f"{i}.jpg" for i in range(6)]
    assert found.changed[0].answers == ("cats", "dogs")


def test_p_values_of_several_pairs_are_corrected():
    found = compared(wrong_at(), wrong_at(0, 1, 2, 3, 4, 5), wrong_at(0, 1, 2, 3, 4))
    # 1/32, 1/16 and 1 for a-b, a-c and b-c; times 3, 2 and 1, and never falling.
    assert [pair.p_value for pair in found.pairs] == pytest.approx([3 / 32, 2 / 16, 1])
    assert not any(pair.is_significant for pair in found.pairs)


def test_runs_that_answer_alike_differ_in_nothing():
    found = compared(wrong_at(3), wrong_at(3))
    assert found.pairs[0].p_value == 1
    assert found.changed == ()


def test_photos_of_only_one_run_are_left_out_and_matched_by_their_key():
    one, other = predictions(LABELS), predictions(wrong_at(19))
    keys = [[str(i) for i in range(20)], [str(39 - i) for i in range(20)]]
    with pytest.raises(DataError, match="no test photo in common"):
        compare_predictions(RUNS[:2], [one, other], keys, "")
    keys[1][19] = "15"  # the other's last photo, a dog, is the one's sixteenth
    found = compare_predictions(RUNS[:2], [one, other], keys, "")
    assert (found.num_photos, found.num_left_out) == (1, 38)
    assert [(one.path, one.label, one.answers) for one in found.changed] == [
        ("15.jpg", "dogs", ("dogs", "cats"))
    ]


def test_different_labels_of_one_photo_are_an_error():
    one, other = predictions(LABELS), predictions(LABELS, "d" + LABELS[1:])
    with pytest.raises(DataError, match=r"different labels for 0\.jpg: 'cats' and 'dogs'\.\nTrain"):
        compare_predictions(RUNS[:2], [one, other], [one.paths, other.paths], "")


@pytest.mark.parametrize(("p_value", "is_significant"), [(0.049, True), (0.05, False)])
def test_a_difference_is_significant_below_5_percent(p_value, is_significant):
    assert Pair(0, 1, 3, 9, p_value).is_significant is is_significant


def test_corrected_p_values_are_at_most_1():
    # Two of three differ: 1/2 for each pair that a photo tells apart, times 3.
    found = compared(wrong_at(), wrong_at(0, 1), wrong_at(0, 1))
    assert [pair.p_value for pair in found.pairs] == [1, 1, 1]


def test_photos_that_the_first_run_has_right_are_listed_first():
    found = compared(wrong_at(0, 1), wrong_at(1, 5), wrong_at(1, 7))
    assert [one.path for one in found.changed] == ["5.jpg", "7.jpg", "0.jpg"]


def test_a_photo_with_two_labels_is_named_as_the_first_run_names_it():
    one, other = predictions(LABELS), predictions(LABELS, "d" + LABELS[1:])
    order = np.arange(20)[::-1]
    other = Predictions(
        tuple(f"o{i}" for i in order), other.labels[order], other.probs[order], ("cats", "dogs")
    )
    with pytest.raises(DataError, match=r"a and b have different labels for 0\.jpg"):
        compare_predictions(RUNS[:2], [one, other], [range(20), order.tolist()], "")


def test_classes_that_only_some_runs_have_are_named():
    one, other = predictions(LABELS), predictions(wrong_at(3))
    assert compare_predictions(RUNS[:2], [one, other], [one.paths] * 2, "").notes == ()
    more = Predictions(
        one.paths, one.labels, np.pad(one.probs, [(0, 0), (0, 1)]), ("cats", "dogs", "=owls\n")
    )
    (note,) = compare_predictions(RUNS[:2], [one, more], [one.paths] * 2, "").notes
    assert note.startswith("Not all of these runs have the class =owls\\n.")


def test_runs_at_addresses_are_named_by_them():
    one, other = predictions(LABELS), predictions(LABELS, "d" + LABELS[1:])
    given = (RUNS[:2], [one, other], [one.paths] * 2, "", [None, "s3://bucket/run"])
    with pytest.raises(DataError, match=r"a and s3://bucket/run have different labels for 0\.jpg"):
        compare_predictions(*given)
    found = compare_predictions(RUNS[:2], [one, one], *given[2:])
    assert [run.address for run in found.runs] == [None, "s3://bucket/run"]
