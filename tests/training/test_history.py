import dataclasses

import pytest

from pawsight.errors import RunError
from pawsight.history import Epoch, best_epoch, load_history, mark_best, save_history


def epoch(number, accuracy, loss=1.0, balanced=None):
    return Epoch(number, 10 * number, 1.5, 99.0, 0.1, 0.7, 0.6, loss, accuracy, False, balanced)


def test_the_best_epoch_has_the_highest_accuracy_and_then_the_lower_loss():
    rows = [epoch(1, 0.8), epoch(2, 0.9, loss=0.5), epoch(3, 0.9, loss=0.4), epoch(4, 0.7)]
    assert best_epoch(rows).epoch == 3


def test_where_classes_are_uneven_the_balanced_accuracy_decides():
    # The first epoch says the common class of every photo.
    rows = [epoch(1, 0.9, balanced=0.5), epoch(2, 0.85, balanced=0.8)]
    assert best_epoch(rows).epoch == 2
    assert [row.is_best for row in mark_best(rows)] == [False, True]


@pytest.mark.parametrize("balanced", [None, 0.123456789012345])
def test_a_history_comes_back_as_it_was_saved(tmp_path, balanced):
    rows = [epoch(1, 1 / 3, balanced=balanced)]
    save_history(rows, tmp_path / "history.csv")
    assert load_history(tmp_path / "history.csv") == rows


def test_of_two_rows_of_one_step_the_better_one_is_marked(tmp_path):
    average = dataclasses.replace(epoch(2, 0.9), is_average=True)
    rows = mark_best([epoch(1, 0.7), epoch(2, 0.8), average])
    assert [row.is_best for row in rows] == [False, False, True]
    save_history(rows, tmp_path / "history.csv")
    assert load_history(tmp_path / "history.csv") == rows


def test_a_history_of_an_earlier_version_has_fewer_columns(tmp_path):
    save_history([epoch(1, 0.5)], tmp_path / "history.csv")
    lines = (tmp_path / "history.csv").read_text().splitlines()
    assert lines[0].endswith(",validation_balanced_accuracy,validation_scale")
    old = "\n".join(line.rsplit(",", 2)[0] for line in lines) + "\n"
    (tmp_path / "history.csv").write_text(old)
    assert load_history(tmp_path / "history.csv") == [epoch(1, 0.5)]


def test_a_history_without_a_column_it_needs_is_refused(tmp_path):
    (tmp_path / "history.csv").write_text("epoch,step\n1,2\n")
    with pytest.raises(RunError, match="is not the history"):
        load_history(tmp_path / "history.csv")


def test_only_rows_that_saw_the_photos_of_the_finished_model_are_compared():
    small = dataclasses.replace(epoch(1, 0.95), validation_scale=0.5)
    rows = [small, epoch(2, 0.9), epoch(3, 0.85)]
    assert best_epoch(rows).epoch == 2
    assert [row.is_best for row in mark_best(rows)] == [False, True, False]


def test_rows_scored_after_training_on_smaller_images_are_compared():
    part = dataclasses.replace(epoch(1, 0.99), validation_scale=0.5)
    smaller = dataclasses.replace(epoch(2, 0.91), validation_scale=0.75, is_smaller=True)
    assert best_epoch([part, epoch(2, 0.9), smaller]) is smaller
    assert best_epoch([part, epoch(2, 0.92), smaller]).validation_scale == 1
    assert smaller.image_size((200, 160)) == (150, 120)


def test_parts_of_an_epoch_come_back_and_whole_ones_stay_whole(tmp_path):
    rows = [dataclasses.replace(epoch(1, 0.5), epoch=number) for number in (0.25, 1, 2.5)]
    save_history(rows, tmp_path / "history.csv")
    found = load_history(tmp_path / "history.csv")
    assert [repr(row.epoch) for row in found] == ["0.25", "1", "2.5"]


@pytest.mark.parametrize(
    ("number", "text"), [(12, "12"), (12.0, "12"), (12.84, "12.8"), (0.04, "0"), (10, "10")]
)
def test_an_epoch_has_at_most_one_digit_after_the_point(number, text):
    assert epoch(number, 0.5).epoch_text == text


@pytest.mark.parametrize(
    ("is_average", "is_smaller", "title"),
    [
        (False, False, "epoch 3"),
        (True, False, "the average of the initial and the final weights"),
        (False, True, "epoch 3 on smaller images"),
    ],
)
def test_what_was_scored_after_training_is_no_epoch(is_average, is_smaller, title):
    row = dataclasses.replace(epoch(3, 0.5), is_average=is_average, is_smaller=is_smaller)
    assert row.title == title
    assert row.is_extra is (is_average or is_smaller)


def test_a_row_is_described_in_one_line():
    row = dataclasses.replace(epoch(3, 0.5, balanced=0.25), own_metrics={"top2": 0.98765})
    plain = row.describe((24, 24), "share right").replace("\N{NO-BREAK SPACE}", " ")
    assert plain == (
        "Epoch 3: share right 60.0 % in training, 50.0 % in validation (balanced 25.0 %), "
        "top2 0.9877, 99 images/s"
    )
    assert (
        dataclasses.replace(row, images_per_second=0.0).describe((24, 24)).endswith(", top2 0.9877")
    )
    smaller = dataclasses.replace(epoch(3, 0.5), is_smaller=True, validation_scale=0.75).describe(
        (96, 128)
    )
    assert smaller.replace("\N{NO-BREAK SPACE}", " ") == (
        "Epoch 3 on images of 96 x 72 pixels: accuracy 50.0 % in validation"
    )


def test_facts_are_numbers_by_plain_names():
    found = epoch(3, 0.5, balanced=0.25).facts()
    assert found.pop("validation_balanced_accuracy") == 0.25
    assert found == epoch(3, 0.5).facts()
    assert found == {
        "epoch": 3,
        "loss": 0.7,
        "accuracy": 0.6,
        "validation_loss": 1.0,
        "validation_accuracy": 0.5,
    }


def test_the_size_of_a_validation_is_a_share_of_the_largest():
    row = dataclasses.replace(epoch(1, 0.5), validation_scale=0.7)
    assert row.image_size((160, 99)) == (112, 69)


def test_only_rows_of_the_largest_size_and_those_scored_after_training_are_compared():
    small, large = dataclasses.replace(epoch(1, 0.9), validation_scale=0.5), epoch(2, 0.7)
    assert best_epoch([small, large]) is large
    after = dataclasses.replace(epoch(2, 0.8), validation_scale=0.5, is_smaller=True)
    assert best_epoch([small, large, after]) is after
