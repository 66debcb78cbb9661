"""Typed records in JSON files."""

from pathlib import Path

import pytest
from pydantic import TypeAdapter, ValidationError

from pawsight.errors import RunError
from pawsight.evaluation.none_measurement import NoneMeasurement, none_sentence
from pawsight.evaluation.photo_needs import load_curve
from pawsight.evaluation.robustness import Robustness
from pawsight.evaluation.shortcut_use import load_shortcuts
from pawsight.evaluation.unknown_classes import unknown_classes_sentence
from pawsight.runs import Run
from pawsight.storage.json_records import load_record
from pawsight.training.average_choice import AverageChoice, MirrorChoice

_ADAPTER = TypeAdapter(NoneMeasurement)
_DAMAGED = [b"", b"{", b"[]", b"3", b'{"num_photos": "x"}', b"\xff\xfe", b"[" * 100_000]
_READERS = {
    "none_path": none_sentence,
    "unknown_classes_path": unknown_classes_sentence,
    "averaging_path": AverageChoice.load,
    "mirroring_path": MirrorChoice.load,
    "learning_curve_path": lambda run: load_curve(run.learning_curve_path),
    "robustness_path": lambda run: Robustness.load(run.robustness_path),
    "shortcuts_path": lambda run: load_shortcuts(run.shortcuts_path),
}


def test_a_record_is_read_and_validated(tmp_path: Path) -> None:
    path = tmp_path / "record.json"
    path.write_text('{"num_photos": 5, "num_refused": 4, "num_chosen_on": 3}')
    assert load_record(path, _ADAPTER, "") == NoneMeasurement(
        num_photos=5, num_refused=4, num_chosen_on=3
    )


def test_a_record_cannot_be_changed_and_passes_over_fields_of_later_versions() -> None:
    record = NoneMeasurement(num_photos=5, num_refused=4, num_chosen_on=3, later=7)
    with pytest.raises(ValidationError, match="frozen"):
        record.num_photos = 6
    assert not hasattr(record, "later")


def test_a_record_that_is_not_there_is_none(tmp_path: Path) -> None:
    assert load_record(tmp_path / "record.json", _ADAPTER, "") is None


@pytest.mark.parametrize("content", _DAMAGED)
def test_a_damaged_record_is_an_error_with_its_path_and_advice(
    tmp_path: Path, content: bytes
) -> None:
    path = tmp_path / "record.json"
    path.write_bytes(content)
    with pytest.raises(RunError, match=r"record\.json is damaged\.\nRemove it\."):
        load_record(path, _ADAPTER, "Remove it.")


def test_a_record_that_cannot_be_read_is_not_called_damaged(tmp_path: Path) -> None:
    (tmp_path / "record.json").mkdir()
    with pytest.raises(RunError, match=r"record\.json cannot be read: Is a directory\."):
        load_record(tmp_path / "record.json", _ADAPTER, "Remove it.")


@pytest.mark.parametrize("name", _READERS)
@pytest.mark.parametrize("content", [b"{", b'{"classes": {"a": 1}}'])
def test_each_damaged_record_of_a_run_is_an_error_with_advice(
    tmp_path: Path, name: str, content: bytes
) -> None:
    run = Run(tmp_path)
    path = getattr(run, name)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    with pytest.raises(RunError, match=r"is damaged\.\n(Remove|Write|Measure)"):
        _READERS[name](run)
