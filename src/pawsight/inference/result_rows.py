"""Write predictions as text, row by row: as a table for display, as CSV or JSON for programs.

The columns are path, label, probability, answer, error, and one per class.
"""

from __future__ import annotations

import csv
import io
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from pawsight.formatting import encoded, inert_cell, inert_path, percent, printable, to_json
from pawsight.inference.answers import UNSURE
from pawsight.records import Prediction, class_columns

FIXED_COLUMNS = ("path", "label", "probability", "answer", "error")


class RowWriter(ABC):
    """The text of a list of predictions, or its bytes: header, rows and footer."""

    def header(self) -> str | bytes:
        """Return what is before the first row."""
        return ""

    @abstractmethod
    def row(self, prediction: Prediction) -> str | bytes:
        """Return a prediction, with its line end."""

    def footer(self) -> str | bytes:
        """Return what is after the last row."""
        return ""


def columns(class_names: Sequence[str]) -> list[str]:
    """Return the names of all columns."""
    return [*FIXED_COLUMNS, *class_columns(class_names, FIXED_COLUMNS)]


def cells(prediction: Prediction, class_names: Sequence[str]) -> list[str | float | None]:
    """Return the cells of a row, one for each of `columns`; None for missing values."""
    if prediction.error:
        return [prediction.path, None, None, None, prediction.error, *(None for _ in class_names)]
    by_class = prediction.probabilities
    probs = [_short(by_class[name]) for name in class_names]
    shown = prediction.label, _short(prediction.probability), prediction.answer
    return [prediction.path, *shown, None, *probs]


class Csv(RowWriter):
    """Comma-separated values; missing values are empty.

    A file or class name that looks like a formula is escaped, so that no spreadsheet executes it.
    """

    def __init__(self, class_names: Sequence[str]) -> None:
        self._class_names = class_names

    def header(self) -> str:
        """Return the names of the columns."""
        return _csv_line(map(inert_cell, columns(self._class_names)))

    def row(self, prediction: Prediction) -> str:
        """Return a line."""
        path, label, probability, answer, error, *probs = cells(prediction, self._class_names)
        texts = (inert_cell(str(text or "")) for text in (label, answer, error))
        row = [inert_path(str(path)), next(texts), probability, *texts, *probs]
        return _csv_line("" if cell is None else cell for cell in row)


class JsonLines(RowWriter):
    """An object per line; missing values are null."""

    def __init__(self, class_names: Sequence[str]) -> None:
        self._class_names = class_names
        self._columns = columns(class_names)

    def row(self, prediction: Prediction) -> str:
        """Return an object."""
        return self._object(prediction) + "\n"

    def _object(self, prediction: Prediction) -> str:
        values = cells(prediction, self._class_names)
        return to_json(dict(zip(self._columns, values, strict=True)))


class Json(JsonLines):
    """A list of the objects of `JsonLines`."""

    _is_first = True

    def header(self) -> str:
        """Return the start of the list."""
        return "["

    def row(self, prediction: Prediction) -> str:
        """Return an object, with a comma before it if it is not the first."""
        start = "\n" if self._is_first else ",\n"
        self._is_first = False
        return start + self._object(prediction)

    def footer(self) -> str:
        """Return the end of the list."""
        return "\n]\n"


class Table(RowWriter):
    """Lines for display; the path comes last and is not shortened, so that it can be copied."""

    def __init__(self, class_names: Sequence[str]) -> None:
        names = ("label", UNSURE, *class_names)
        self._width = max(_width(printable(name)) for name in names)

    def header(self) -> str:
        """Return the names of the columns."""
        return self._line("label", "probability", "answer", "path")

    def row(self, prediction: Prediction) -> str:
        """Return a line."""
        path = printable(prediction.path)
        if prediction.error:
            return self._line("-", "-", "-", f"{path}: {printable(prediction.error)}")
        label, answer = printable(prediction.label), printable(prediction.answer)
        return self._line(label, percent(prediction.probability), answer, path)

    def _line(self, label: str, probability: str, answer: str, path: str) -> str:
        label, answer = (text + " " * (self._width - _width(text)) for text in (label, answer))
        return f"{label}  {probability:>11}  {answer}  {path}\n"


@dataclass(slots=True)
class Count:
    """The numbers of photos that were predicted, and that could not be read."""

    num_read: int = 0
    num_failed: int = 0

    def add(self, prediction: Prediction) -> None:
        """Count a prediction."""
        self.num_failed += bool(prediction.error)
        self.num_read += not prediction.error


def count_rows(predictions: Iterable[Prediction]) -> Count:
    """Count predictions."""
    count = Count()
    for prediction in predictions:
        count.add(prediction)
    return count


def write_rows(
    predictions: Iterable[Prediction], writer: RowWriter, write: Callable[[bytes], object]
) -> Count:
    """Write predictions as they are made, and count them.

    The header is written with the first row, so that an error before it leaves no output.
    """
    count = Count()
    start = encoded(writer.header())
    for prediction in predictions:
        write(start + encoded(writer.row(prediction)))
        start = b""
        count.add(prediction)
    write(start + encoded(writer.footer()))
    return count


def _short(probability: float) -> float:
    return float(f"{probability:.6g}")  # the precision of float32


def _csv_line(cells: Iterable[str | float]) -> str:
    line = io.StringIO()
    csv.writer(line, lineterminator="\n").writerow(cells)
    return line.getvalue()


def _width(text: str) -> int:
    from rich.cells import cell_len  # some characters take two columns

    return cell_len(text)
