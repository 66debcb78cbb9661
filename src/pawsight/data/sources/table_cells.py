"""Read the cells of a table, with its encoding, its separator and the numbers of its lines."""

from __future__ import annotations

import codecs
import csv
import io
import re
from collections.abc import Iterable, Sequence
from pathlib import Path

from pawsight.data.sources.column_values import Row
from pawsight.errors import DataError, SourceError

_SEPARATORS = ",;\t|"
_QUOTED = re.compile(r'"[^"]*"')
_HEADER = re.compile(r'(?:[^"\n]|"[^"]*"?)*')


def read_cells(path: Path, encoding: str | None = None) -> tuple[list[str], list[Row]]:
    """Return the headings, and for each further line its number and its stripped cells.

    Args:
        path: The table.
        encoding: The encoding of the text; None detects UTF-8 and UTF-16.

    Raises:
        SourceError: The file cannot be read as text.
        DataError: The CSV is damaged.
    """
    text = _read_text(path, encoding)
    # Excel may write the separator into a line of its own: sep=;
    stated = re.match(r'"?sep=(.)"?\r?\n', text)
    first = stated.end() if stated else 0
    header = _header(text, first)
    # Excel writes semicolons if the comma is the decimal separator.
    delimiter = stated[1] if stated else max(_SEPARATORS, key=header.count)
    # Skip empty lines, and comments of tools, such as "# exported by ...".
    while _is_above_headings(header, delimiter) and "\n" in text[first:]:
        first = text.index("\n", first) + 1
        header = _header(text, first)
        delimiter = max(_SEPARATORS, key=header.count)
    # Not str.splitlines, which also divides at characters that a name may contain.
    reader = csv.reader(io.StringIO(text[first:], newline=""), delimiter=delimiter, strict=True)
    before = text[:first].count("\n")
    rows: list[Row] = []
    start = before + 1  # of the current row: an unclosed quote extends a row to the end of the file
    try:
        for row in reader:
            stripped = [cell.strip() for cell in row]
            if any(stripped):
                rows.append((reader.line_num + before, stripped))
            start = reader.line_num + before + 1
    except csv.Error as error:
        raise DataError(
            f"The table {path} is damaged in line {start}: {error}.\n"
            f"A cell that begins with a quote must end with a quote; a quote inside the cell is "
            f"written twice."
        ) from error
    if not rows:
        return [], []
    # A heading may extend over several lines.
    return [" ".join(heading.split()) for heading in rows[0][1]], rows[1:]


def _header(text: str, first: int) -> str:
    """Return the line at a position without its quoted texts, which may contain line breaks."""
    match = _HEADER.match(text, first)
    return _QUOTED.sub("", match[0]) if match else ""


def _is_above_headings(line: str, delimiter: str) -> bool:
    return not line.strip() or (line.startswith("#") and delimiter not in line)


def check_lengths(path: Path, headings: Sequence[str], rows: Sequence[Row]) -> None:
    """Refuse lines with more cells than the headings, as of a label that contains the separator.

    Raises:
        DataError: An additional cell is not empty.
    """
    for number, cells in rows:
        if extra := [cell for cell in cells[len(headings) :] if cell]:
            raise DataError(
                f"Line {number} of {path} has more cells than the first line, such as "
                f"'{extra[0]}'.\n"
                f"Put quotes around a cell that contains the separator, or write a heading for "
                f"each column."
            )


def check_text(path: Path, number: int, cells: Iterable[str], can_choose: bool = True) -> None:
    """Refuse cells of a line that are not UTF-8.

    Args:
        path: The table, for the message.
        number: The number of the line.
        cells: The cells of the line.
        can_choose: Whether the user can choose the encoding of the table by an option.

    Raises:
        DataError: A cell is not UTF-8.
    """
    for cell in cells:
        if cell.isascii():
            continue
        try:
            cell.encode()
        except UnicodeEncodeError as error:
            choice = (
                ", or name its encoding: --encoding cp1252 (Windows in western Europe and "
                "America), cp1251 (Cyrillic), gbk (Chinese), shift_jis (Japanese) ..."
            )
            raise DataError(
                f"Line {number} of {path} is not UTF-8.\n"
                f"Save the table again as 'CSV UTF-8'{choice if can_choose else '.'}"
            ) from error


def _read_text(path: Path, encoding: str | None) -> str:
    try:
        data = path.read_bytes()
    except OSError as error:
        raise SourceError(f"The table {path} cannot be read: {error.strerror or error}.") from error
    try:
        if encoding is not None:
            return data.decode(encoding)
        if utf16 := utf16_codec(data):
            return data.decode(utf16)
        # The name of a photo may have any bytes. A label must be text, which is checked later.
        return data.decode("utf-8-sig", errors="surrogateescape")
    except UnicodeDecodeError as error:
        in_it = f" in {encoding}" if encoding else ""
        raise SourceError(f"The table {path} is not text{in_it}: {error.reason}.") from error


def utf16_codec(data: bytes) -> str:
    """Return the UTF-16 codec of a text, by its byte order mark or its zero bytes; else ""."""
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
    first, second = data[0:16:2], data[1:16:2]
    if len(data) < 16 or any(first) == any(second):
        return ""
    return "utf-16-le" if all(first) else "utf-16-be" if all(second) else ""
