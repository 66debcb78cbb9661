"""Lines of the predictions so far, which a resumed call reads again."""

import pytest

from pawsight.inference.partial_results import parse_row
from pawsight.task import SINGLE_LABEL

NAMES = ("red", "green", "blue")


def test_a_row_keeps_its_score():
    found = parse_row(b'["a.jpg", "", "none", 0.5, 0.3, 0.2, 1.25]\n', NAMES, SINGLE_LABEL)

    assert (found.label, found.answer, found.ood_score) == ("red", "none", 1.25)


def test_a_row_of_a_model_without_a_detector_has_no_score():
    found = parse_row(b'["a.jpg", "", "red", 0.5, 0.3, 0.2]\n', NAMES, SINGLE_LABEL)

    assert (found.probabilities["blue"], found.ood_score) == (0.2, None)


@pytest.mark.parametrize("numbers", [b"0.5, 0.3", b"0.5, 0.3, 0.2, 1, 1", b"0.5, 0.3, 0.2, null"])
def test_a_row_with_other_numbers_is_damaged(numbers):
    assert parse_row(b'["a.jpg", "", "red", ' + numbers + b"]\n", NAMES, SINGLE_LABEL) is None
