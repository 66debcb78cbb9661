"""Numbers as people read them, and what stays honest when they are rounded."""

import json

import pytest

from pawsight.formatting import (
    counted,
    decimal,
    duration,
    num_epochs,
    percent,
    percent_interval,
    to_json,
)


@pytest.mark.parametrize(
    ("share", "text"),
    [
        (None, "-"),
        (0, "0.0 %"),
        (1, "100.0 %"),
        (0.9636, "96.4 %"),
        (0.5, "50.0 %"),
        (0.9996, "99.96 %"),
        (0.99996, "99.996 %"),
        (0.0004, "0.04 %"),
        (0.00004, "0.004 %"),
        (0.9999999, "100.0 %"),  # beyond three digits it is rounded
    ],
)
def test_a_share_is_never_rounded_to_all_or_nothing(share, text):
    assert percent(share) == text


def test_digits_of_a_share_can_be_chosen():
    assert percent(0.9636, 0) == "96 %"
    assert percent(0.9964, 0) == "99.6 %"
    assert percent(0.96361, 2) == "96.36 %"
    assert percent_interval((0.9436, 1)) == "94.4 to 100.0"


def test_decimals_and_counts():
    assert (decimal(0.12345), decimal(2, 1), decimal(None)) == ("0.123", "2.0", "-")
    assert [counted(n, "photo") for n in (0, 1, 1200)] == ["0 photos", "1 photo", "1,200 photos"]
    assert [counted(n, "class", "classes") for n in (1, 2)] == ["1 class", "2 classes"]


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0 s"),
        (59.4, "59 s"),
        (59.6, "1 min 0 s"),
        (60, "1 min 0 s"),
        (252, "4 min 12 s"),
        (3599, "59 min 59 s"),
        (3600, "1 h 0 min"),
        (7559, "2 h 5 min"),
        (90000, "25 h 0 min"),
    ],
)
def test_a_duration_has_its_two_largest_units(seconds, text):
    assert duration(seconds) == text


def test_json_is_readable_and_keeps_names_of_any_bytes():
    assert to_json({"a": "kött"}) == '{"a": "kött"}'
    assert to_json(["é"], indent=1) == '[\n "é"\n]'
    broken = to_json(["é\udcff"])
    assert broken == '["\\u00e9\\udcff"]'
    assert json.loads(broken) == ["é\udcff"]
    with pytest.raises(ValueError, match="JSON"):
        to_json(float("nan"))
    with pytest.raises(ValueError, match="JSON"):
        to_json(["\udcff", float("nan")])


@pytest.mark.parametrize(
    ("number", "text"), [(1, "1 epoch"), (1.0, "1 epoch"), (12.345, "12.3 epochs")]
)
def test_epochs_have_three_digits(number, text):
    assert num_epochs(number) == text
