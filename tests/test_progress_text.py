"""The line of a stage: counts, rate, time left and facts, by a clock of our own."""

import pytest

from pawsight.progress_text import Stage, count_text, facts_text, has_rate


def line(stage, now):
    return stage.progress_line(now)


def test_the_rate_and_the_time_left_count_from_the_first_report():
    stage = Stage("Reading photos", 1000, "photos")
    assert stage.start_line() == line(stage, 50.0).replace("0 of ", "")
    stage.advance(200, {}, 100.0)  # read by an earlier run
    assert line(stage, 100.5) == "Reading photos: 200 of 1,000 photos"
    stage.advance(100, {}, 110.0)
    # 100 photos in 10 seconds; 700 are left.
    assert line(stage, 110.0) == "Reading photos: 300 of 1,000 photos, 1 min 10 s left, 10 photos/s"
    stage.advance(700, {}, 180.0)
    assert line(stage, 180.0) == "Reading photos: 1,000 of 1,000 photos, 10 photos/s"


def test_within_the_first_second_there_is_no_rate():
    stage = Stage("Reading", 100, "photos")
    stage.advance(1, {}, 10.0)
    stage.advance(9, {}, 10.9)
    assert line(stage, 10.9) == "Reading: 10 of 100 photos"
    assert line(stage, 11.0) == "Reading: 10 of 100 photos, 10 s left, 9.0 photos/s"


def test_a_rate_that_is_stated_is_not_computed_again():
    stage = Stage("Training", 20, "steps")
    stage.advance(1, {}, 0.0)
    stage.advance(1, {"images_per_second": 329.4, "loss": 0.3123}, 2.0)
    assert line(stage, 2.0) == "Training: 2 of 20 steps, 36 s left, 329 images/s, loss 0.312"
    stage.advance(1, {"loss": 0.3}, 4.0)  # the other fact stays
    assert line(stage, 4.0) == "Training: 3 of 20 steps, 34 s left, 329 images/s, loss 0.3"


def test_the_total_may_become_known_or_change():
    stage = Stage("Fetching", None, "bytes")
    assert stage.start_line() == "Fetching"
    stage.advance(1_500_000, {}, 0.0)
    assert line(stage, 0.0) == "Fetching: 1.5 MB"
    stage.advance(0, {"total": 40_000_000}, 0.0)
    assert line(stage, 0.0) == "Fetching: 1.5 of 40.0 MB"
    assert stage.facts == {}
    stage.advance(2_000_000, {"total": 0}, 2.0)
    assert (stage.total, line(stage, 2.0)) == (None, "Fetching: 3.5 MB, 1.0 MB/s")


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        ({}, False),
        ({"loss": 1.0}, False),
        ({"rate": 2.0}, True),
        ({"loss": 1.0, "images_per_second": 3}, True),
        ({"per_second_": 1}, False),
    ],
)
def test_a_rate_is_known_by_its_name(facts, expected):
    assert has_rate(facts) is expected


@pytest.mark.parametrize(
    ("facts", "text"),
    [
        ({"epoch": 3}, "epoch 3"),
        ({"rate": 9.96}, "10.0 photos/s"),
        ({"rate": 12.4}, "12 photos/s"),
        ({"rate": 0.0234}, "0.02 photos/s"),
        ({"images_per_second": 0.0, "loss": 2.0}, "loss 2"),
        ({"images_per_second": 1234.5}, "1,234 images/s"),
        ({"validation_accuracy": 0.871}, "validation accuracy 87.1 %"),
        ({"learning_rate": 0.00012345}, "learning rate 0.000123"),
        ({"files": "1,200 files", "loss": 2.0}, "files 1,200 files, loss 2"),
    ],
)
def test_facts_have_their_units(facts, text):
    assert facts_text(facts, "photos") == text


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ((0, None, ""), "0"),
        ((1200, 3000, "photos"), "1,200 of 3,000 photos"),
        ((1, None, "photos"), "1 photo"),
        ((0, 1, "files"), "0 of 1 file"),
        ((1, 2, "files"), "1 of 2 files"),
        ((1.0, None, "steps"), "1.0 steps"),
        ((9.5, None, "steps"), "9.5 steps"),
        ((10.0, None, "steps"), "10 steps"),
        ((12_540_000, 40_000_000, "bytes"), "12.5 of 40.0 MB"),
        ((0, 23_000, "bytes"), "0.00 of 0.02 MB"),
        ((2000, 20, "files"), "2,000 files"),
    ],
)
def test_amounts_are_whole_but_for_megabytes_and_small_rates(arguments, text):
    assert count_text(*arguments) == text
