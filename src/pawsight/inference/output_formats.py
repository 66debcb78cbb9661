"""The formats that predictions are written in, one entry each.

A new one needs a name in `format_names`, a writer and an entry here.
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

    name: OutputFormat  # as `--format` takes it
    writer: Callable[[Sequence[str]], RowWriter]  # makes its text, of the names of the classes
    endings: tuple[str, ...]  # of the names of files in it, in lower case
    starts: tuple[bytes, ...]  # how such a file can begin: --output replaces nothing else


_FORMATS: tuple[FileFormat, ...] = (
    # The table pads `label` to the longest class name.
    FileFormat("table", Table, (), (b"label  ",)),
    FileFormat("csv", Csv, (".csv", ".txt", ""), (b"path,label,probability,",)),
    FileFormat("json", Json, (".json",), (b'[\n{"path": ', b"[\n]")),
    FileFormat("jsonl", JsonLines, (".jsonl", ".ndjson"), (b'{"path": ',)),
)
FORMATS = {one.name: one for one in _FORMATS}


def format_of(path: Path) -> OutputFormat:
    """Return the format that the ending of a file's name chooses; raises ConfigError."""
    for name, one in FORMATS.items():
        if path.suffix.lower() in one.endings:
            return name
    endings = ", ".join(ending for one in FORMATS.values() for ending in one.endings if ending)
    raise ConfigError(
        f"The ending of {path.name} chooses no format: those known are {endings}.\n"
        f"Give --output another name, or choose the format with --format csv."
    )


def check_replaceable(path: Path) -> None:
    """Check that results written to `path` replace nothing but earlier results.

    Raises:
        DiskError: Something else is there.
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
    if start and not any(start.startswith(one.starts) for one in FORMATS.values()):
        raise DiskError(
            f"{path} is no earlier result of predict, and is not overwritten.\n"
            f"Choose another name, or remove the file first."
        )
