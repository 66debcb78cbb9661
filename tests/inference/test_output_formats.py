from pathlib import Path
from typing import get_args

import pytest

from pawsight.errors import ConfigError, DiskError
from pawsight.inference.format_names import OutputFormat
from pawsight.inference.output_formats import FORMATS, check_replaceable, format_of
from pawsight.inference.result_rows import write_rows
from pawsight.records import Prediction

CLASSES = ("cats", "a rather long name of a class")
ROWS = {
    "none": [],
    "read": [Prediction("a.jpg", "cats", 0.75, dict(zip(CLASSES, (0.75, 0.25), strict=True)))],
    "unread": [Prediction("a.jpg", error="It is no image.")],
}


def test_every_name_has_a_format():
    assert tuple(FORMATS) == get_args(OutputFormat)


@pytest.mark.parametrize("rows", ROWS)
@pytest.mark.parametrize("name", FORMATS)
def test_a_result_of_any_format_can_be_replaced_by_another(name, rows, tmp_path):
    path = tmp_path / "answers"
    with path.open("wb") as file:
        write_rows(ROWS[rows], FORMATS[name].writer(CLASSES), file.write)
    check_replaceable(path)


@pytest.mark.parametrize("text", ["path,price\n", "{}", "<html>"])
def test_what_is_no_result_is_never_replaced(text, tmp_path):
    path = tmp_path / "answers.csv"
    path.write_text(text)
    with pytest.raises(DiskError, match="is not an earlier result of predict"):
        check_replaceable(path)


@pytest.mark.parametrize(
    ("name", "expected"),
    [("a.csv", "csv"), ("a.TXT", "csv"), ("a", "csv"), ("a.JSON", "json"), ("a.ndjson", "jsonl")],
)
def test_the_ending_of_a_name_chooses_the_format(name, expected):
    assert format_of(Path(name)) == expected


def test_an_ending_of_no_format_is_refused_with_those_known():
    with pytest.raises(
        ConfigError, match=r"known endings: \.csv, \.txt, \.json, \.jsonl, \.ndjson"
    ):
        format_of(Path("answers.xlsx"))
