"""Predictions as text: what each format writes of photos that were read, and that were not."""

import json

import pytest

from pawsight.inference.result_rows import (
    Count,
    Csv,
    Json,
    JsonLines,
    Table,
    count_rows,
    write_rows,
)
from pawsight.records import Prediction

NAMES = ("cats", "=dogs")
READ = Prediction("a.jpg", "cats", 2 / 3, {"cats": 2 / 3, "=dogs": 1 / 3}, "", "unsure")
UNREAD = Prediction("-b.jpg", error="empty file")


def written(writer, *predictions):
    pieces = []
    count = write_rows(predictions, writer, pieces.append)
    return b"".join(pieces).decode(), count


def test_csv_has_a_column_for_each_class_and_no_formulas():
    text, count = written(Csv(NAMES), READ, UNREAD)
    assert text.splitlines() == [
        "path,label,probability,answer,error,cats,'=dogs",
        "a.jpg,cats,0.666667,unsure,,0.666667,0.333333",
        "./-b.jpg,,,,empty file,,",
    ]
    assert count == Count(num_read=1, num_failed=1)
    assert count_rows([READ, READ, UNREAD]) == Count(2, 1)


def test_json_is_one_list_and_json_lines_are_objects():
    first = {"path": "a.jpg", "label": "cats", "probability": 0.666667, "answer": "unsure"}
    first |= {"error": None, "cats": 0.666667, "=dogs": 0.333333}
    second = dict.fromkeys(first) | {"path": "-b.jpg", "error": "empty file"}
    text, _ = written(Json(NAMES), READ, UNREAD)
    assert json.loads(text) == [first, second]
    assert text.startswith('[\n{"path": ') and text.endswith("}\n]\n")
    lines, _ = written(JsonLines(NAMES), READ, UNREAD)
    assert [json.loads(line) for line in lines.splitlines()] == [first, second]
    assert written(Json(NAMES))[0] == "[\n]\n"
    assert written(JsonLines(NAMES))[0] == ""


def test_a_table_is_as_wide_as_its_names():
    text, _ = written(Table(NAMES), READ, UNREAD)
    assert text.splitlines() == [
        "label   probability  answer  path",
        "cats         66.7 %  unsure  a.jpg",
        "-                 -  -       -b.jpg: empty file",
    ]
    wide, _ = written(Table(("猫猫猫猫", "b")), Prediction("c.jpg", "猫猫猫猫", 0.5, {}, "", "b"))
    assert wide.splitlines() == [
        "label     probability  answer    path",
        "猫猫猫猫       50.0 %  b         c.jpg",  # each sign takes two columns
    ]


def test_predictions_survive_a_parquet_file(tmp_path):
    pytest.importorskip("pyarrow")
    from pawsight.errors import DataError
    from pawsight.inference.parquet import read_parquet, write_parquet

    path = tmp_path / "a.parquet"
    write_parquet(path, [READ, UNREAD], NAMES)
    first, second = read_parquet(path)
    assert (first.path, first.label, first.answer, first.error) == ("a.jpg", "cats", "unsure", "")
    assert (first.probability, first.ood_score) == (2 / 3, None)
    assert (second.label, second.probability, second.error) == ("", 0.0, "empty file")
    path.write_bytes(b"PAR1")
    with pytest.raises(DataError, match=r"a\.parquet is damaged"):
        list(read_parquet(path))
