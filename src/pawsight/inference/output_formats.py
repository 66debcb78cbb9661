"""The formats that predictions are written in.

A new format needs a name in `format_names`, a writer, and an entry in `_FORMATS`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from pawsight.errors import ConfigError, DiskError
from pawsight.inference.format_names import OutputFormat
from pawsight.inference.result_rows import Csv, Json, JsonLines, RowWriter, Table


@dataclass(frozen=True, slots=True)
class FileFormat:
    """A format of predictions."""

    name: OutputFormat  # for `--format`
    writer: Callable[[Sequence[str]], RowWriter]  # called with the class names
    endings: tuple[str, ...]  # of file names, in lower case
    starts: tuple[bytes, ...]  # first bytes of its files; --output overwrites no other files


_FORMATS: tuple[FileFormat, ...] = (
    # The column `label` is at least as wide as "unsure".
    FileFormat("table", Table, (), (b"label  ",)),
    FileFormat("csv", Csv, (".csv", ".txt", ""), (b"path,label,probability,",)),
    FileFormat("json", Json, (".json",), (b'[\n{"path": ', b"[\n]")),
    FileFormat("jsonl", JsonLines, (".jsonl", ".ndjson"), (b'{"path": ',)),
)
FORMATS = {file_format.name: file_format for file_format in _FORMATS}


def format_of(path: Path) -> OutputFormat:
    """Return the format for the ending of a file's name; raises ConfigError."""
    for file_format in _FORMATS:
        if path.suffix.lower() in file_format.endings:
            return file_format.name
    endings = ", ".join(
        ending for file_format in _FORMATS for ending in file_format.endings if ending
    )
    raise ConfigError(
        f"{path.name} has none of the known endings: {endings}.\n"
        f"Give --output another name, or choose the format with --format csv."
    )


def check_replaceable(path: Path) -> None:
    """Check that results can be written to `path` without overwriting another file.

    Raises:
        DiskError: The path is a folder, or a file that is not an earlier result.
    """
    if path.is_dir():
        raise DiskError(f"{path} is a folder.\nGive the name of a file in it.")
    try:
        with path.open("rb") as file:
            start = file.read(80)
    except FileNotFoundError:
        return
    except OSError as error:
        raise DiskError(f"{path} cannot be replaced: {error.strerror}.") from error
    if start and not any(start.startswith(file_format.starts) for file_format in _FORMATS):
        raise DiskError(
            f"{path} is not an earlier result of predict, so it is not overwritten.\n"
            f"Choose another name, or remove the file first."
        )
