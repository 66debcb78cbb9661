"""Predictions as text, one row at a time: a table for people, CSV and JSON for programs.

The columns are path, label, probability, error, and then one per class. Rows
are made as predictions come, so that a long list shows results at once.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from pawsight.cli.tables import printable, to_json
from pawsight.errors import DiskError
from pawsight.records import Prediction, class_columns

FIXED_COLUMNS = ("path", "label", "probability", "error")


class Writer(Protocol):
    """Makes the text of a list of predictions, in three pieces."""

    def head(self) -> str:
        """What stands before the first row."""

    def row(self, prediction: Prediction) -> str:
        """One row, with its line end."""

    def foot(self) -> str:
        """What stands after the last row."""


def columns(class_names: Sequence[str]) -> list[str]:
    """Return the names of all columns."""
    return [*FIXED_COLUMNS, *class_columns(class_names, FIXED_COLUMNS)]


class Csv:
    """Comma-separated values; what an unread photo lacks is empty."""

    def __init__(self, class_names: Sequence[str]) -> None:
        self._class_names = class_names

    def head(self) -> str:
        """The names of the columns."""
        return _csv_line(columns(self._class_names))

    def row(self, prediction: Prediction) -> str:
        """One line."""
        cells = _cells(prediction, self._class_names)
        return _csv_line(["" if cell is None else cell for cell in cells])

    def foot(self) -> str:
        """Nothing."""
        return ""


class JsonLines:
    """An object per line; what an unread photo lacks is null, as is `error` for the others."""

    def __init__(self, class_names: Sequence[str]) -> None:
        self._class_names = class_names
        self._columns = columns(class_names)

    def head(self) -> str:
        """Nothing."""
        return ""

    def row(self, prediction: Prediction) -> str:
        """One object."""
        return self._object(prediction) + "\n"

    def foot(self) -> str:
        """Nothing."""
        return ""

    def _object(self, prediction: Prediction) -> str:
        cells = _cells(prediction, self._class_names)
        return to_json(dict(zip(self._columns, cells, strict=True)))


class Json(JsonLines):
    """One list of such objects."""

    _is_first = True

    def head(self) -> str:
        """The list's beginning."""
        return "["

    def row(self, prediction: Prediction) -> str:
        """One object; the comma stands before it, since nobody knows which is the last."""
        start = "\n" if self._is_first else ",\n"
        self._is_first = False
        return start + self._object(prediction)

    def foot(self) -> str:
        """The list's end."""
        return "\n]\n"


class Table:
    """Lines for people. The path stands last, whole, so that it can be copied."""

    def __init__(self, class_names: Sequence[str]) -> None:
        self._width = max(len("label"), *(_width(printable(name)) for name in class_names))

    def head(self) -> str:
        """The names of the columns."""
        return self._line("label", "probability", "path")

    def row(self, prediction: Prediction) -> str:
        """One line."""
        path = printable(prediction.path)
        if prediction.error:
            return self._line("-", "-", f"{path}: {printable(prediction.error)}")
        return self._line(
            printable(prediction.label), f"{100 * prediction.probability:.1f} %", path
        )

    def foot(self) -> str:
        """Nothing."""
        return ""

    def _line(self, label: str, probability: str, path: str) -> str:
        return f"{label}{' ' * (self._width - _width(label))}  {probability:>11}  {path}\n"


WRITERS: dict[str, type[Csv] | type[JsonLines] | type[Json] | type[Table]] = {
    "table": Table,
    "csv": Csv,
    "json": Json,
    "jsonl": JsonLines,
}


def _cells(prediction: Prediction, class_names: Sequence[str]) -> list[str | float | None]:
    if prediction.error:
        return [prediction.path, None, None, prediction.error, *(None for _ in class_names)]
    by_class = prediction.probabilities
    probs = [_short(by_class[name]) for name in class_names]
    return [prediction.path, prediction.label, _short(prediction.probability), None, *probs]


def _short(probability: float) -> float:
    return float(f"{probability:.6g}")  # as much as a float32 model can know


def _csv_line(cells: Sequence[str | float]) -> str:
    line = io.StringIO()
    csv.writer(line, lineterminator="\n").writerow(cells)
    return line.getvalue()


def _width(text: str) -> int:
    from rich.cells import cell_len  # some letters take two columns

    return cell_len(text)


def check_replaceable(path: Path) -> None:
    """Make sure that results written to `path` replace nothing but earlier results.

    Raises:
        DiskError: Something else is there.
    """
    if path.is_dir():
        raise DiskError(f"{path} is a folder.\nGive --output a file in it.")
    try:
        with path.open("rb") as file:
            start = file.read(80)
    except FileNotFoundError:
        return
    except OSError as error:
        raise DiskError(f"{path} cannot be replaced: {error.strerror}.") from error
    if start and not start.startswith(_OUR_STARTS):
        raise DiskError(
            f"{path} holds something that is no earlier result, and is left as it is.\n"
            f"Give --output another name, or remove the file first."
        )


# How each format begins; the table pads `label` to the longest class name.
_OUR_STARTS = (b"path,label,probability,error,", b'[\n{"path": ', b'{"path": ', b"[\n]", b"label  ")
