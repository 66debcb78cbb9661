"""Read and write the write-ahead journal of a sort: a line of JSON for each step, before it.

The journal is in the folder that photos are sorted into, as
`.pawsight-sort/0001.jsonl`, with a higher number for each later sort. Its lines:

    {"journal": 1, "how": "move", "model": ..., "sources": [...]}    first
    {"made": "cats"}                       a folder that is created for this sort
    {"number": 7, "act": "copy", "source": ..., "target": "cats/IMG.jpg", ...}    an Entry
    {"void": 7}                            entry 7 was not carried out
    {"back": 7}                            entry 7 is about to be undone
    {"end": true}                          the sort is complete

No line states that a step was done: the files at source, target and part show it. So a
sort may be killed between any two steps. Bytes of a name that are not UTF-8 are lone
surrogates in JSON. A line that was cut by a power failure is ignored, since its step was
not begun.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

from pawsight.data.listing.left_out import SORT_JOURNAL
from pawsight.errors import DataError, DiskError
from pawsight.progress import Progress
from pawsight.sorting.file_contents import sync_folder
from pawsight.storage.locks import locked

# os.path, not pathlib: it is faster for 100,000 lines.
# ruff: noqa: PTH118, PTH120

FOLDER = SORT_JOURNAL
VERSION = 1
_PART = ".pawsight-part"

# copy: a new file; link: a symbolic link; rename: the photo itself, on the same disk;
# carry: a copy on another disk, after which the photo is removed.
Act = Literal["copy", "link", "rename", "carry"]


@dataclass(frozen=True, slots=True)
class Entry:
    """A photo or sidecar file that is placed."""

    number: int
    act: Act
    source: str  # relative to the sorted folder if it is in that folder, else absolute
    target: str  # relative to the sorted folder
    size: int  # of the photo, in bytes
    mtime_ns: int  # time of last change of the photo
    sha256: str = ""  # of the photo, if its bytes are copied
    part: str = ""  # temporary file to which it is copied first, relative to the sorted folder


class Journal:
    """The journal of a sort, and its entries so far."""

    def __init__(self, into: str, path: Path, lines: Iterable[dict[str, Any]] = ()) -> None:
        self.into = into
        self.path = path
        self.head: dict[str, Any] = {}
        self.entries: dict[int, Entry] = {}
        self.made: list[str] = []
        self.backs: set[int] = set()  # numbers of entries that were about to be undone
        self.is_ended = False
        self._starts_line = False
        for line in lines:
            self._take(line)

    @classmethod
    def create(cls, into: str, head: dict[str, Any], made: Iterable[str] = ()) -> Journal:
        """Create a new journal.

        Args:
            into: The sorted folder; the caller has locked it by `only_sort`.
            head: The sources, the model and the operation.
            made: Folders that were created already, outermost first, relative to `into`.

        Raises:
            DiskError: The journal cannot be written.
        """
        folder = Path(into, FOLDER)
        number = max(_numbers(into, ".jsonl", ".undone"), default=0) + 1
        journal = cls(into, folder / f"{number:04d}.jsonl")
        journal.write({"journal": VERSION, **head}, *({"made": name} for name in made))
        sync_folder(str(folder))
        return journal

    @classmethod
    def newest(cls, into: str) -> Journal | None:
        """Open the journal of the last sort that was not undone; None if there is none.

        Raises:
            DataError: The journal cannot be read, or a newer pawsight wrote it.
        """
        numbers = _numbers(into, ".jsonl")
        if not numbers:
            return None
        path = Path(into, FOLDER, f"{max(numbers):04d}.jsonl")
        try:
            content = path.read_bytes()
        except OSError as error:
            raise DataError(f"The journal {path} cannot be read: {error.strerror}.") from error
        journal = cls(into, path, filter(None, map(_parsed, content.split(b"\n"))))
        if journal.head.get("journal", VERSION) != VERSION:
            raise DataError(
                f"The journal {path} was written by a newer pawsight.\n"
                f"Upgrade with: pip install --upgrade pawsight"
            )
        journal._starts_line = not content.endswith(b"\n")
        return journal

    def write(self, *lines: Entry | dict[str, Any]) -> None:
        """Write lines and flush them to the disk, which must precede the steps.

        Raises:
            DiskError: The journal cannot be written.
        """
        values = [dataclasses.asdict(line) if isinstance(line, Entry) else line for line in lines]
        text = "".join(json.dumps(value) + "\n" for value in values)  # plain ASCII
        try:
            with self.path.open("ab", buffering=0) as file:
                rest = (b"\n" if self._starts_line else b"") + text.encode()
                self._starts_line = True  # the next write, if this one is interrupted
                while rest:
                    rest = rest[file.write(rest) or 0 :]
                os.fsync(file.fileno())
        except OSError as error:
            raise disk_error(self.into, error) from error
        self._starts_line = False
        for value in values:
            self._take(value)

    def is_of(self, head: dict[str, Any]) -> bool:
        """Return whether this is the journal of a sort with this head."""
        return self.head == {"journal": VERSION, **head}

    def place(self, source: str) -> str:
        """Return the absolute path of an entry's source."""
        return os.path.join(self.into, source)

    def part_name(self, number: int) -> str:
        """Return the name of the temporary file to which an entry is copied."""
        return f".{self.path.stem}-{number}{_PART}"

    def owns_part(self, name: str) -> bool:
        """Return whether a file name is that of a temporary file of this journal."""
        return name.startswith(f".{self.path.stem}-") and name.endswith(_PART)

    def remove(self, is_kept: bool) -> None:
        """Remove the journal after an undo, and each empty folder that was created for the sort.

        The caller does not hold the lock, whose file is removed, too.

        Args:
            is_kept: Whether to rename the journal instead, since some files were not undone.
        """
        folder = self.path.parent
        if is_kept:
            self.path.replace(self.path.with_suffix(".undone"))
        else:
            self.path.unlink()
        for name in ("lock", "lock-journal"):  # the second is left by a kill while locking
            (folder / name).unlink(missing_ok=True)
        made = [os.path.normpath(os.path.join(self.into, name)) for name in reversed(self.made)]
        for path in (folder, *map(Path, made)):
            with contextlib.suppress(OSError):
                path.rmdir()

    def _take(self, line: dict[str, Any]) -> None:
        if "journal" in line:
            self.head = line
        elif "made" in line:
            self.made.append(line["made"])
        elif "number" in line:
            self.entries[line["number"]] = Entry(**line)
        elif "void" in line:
            self.entries.pop(line["void"], None)
        elif "back" in line:
            self.backs.add(line["back"])
        elif "end" in line:
            self.is_ended = True


@contextlib.contextmanager
def only_sort(into: str, progress: Progress) -> Iterator[list[str]]:
    """Lock a folder against other sorts while the block runs.

    Yields:
        The folders that were created for the lock, outermost first, relative to `into`.

    Raises:
        DiskError: The folder cannot be created, written or locked.
    """
    folder = Path(into, FOLDER)
    made = _missing_folders(into)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise disk_error(into, error) from error
    with contextlib.ExitStack() as stack:
        try:
            stack.enter_context(
                locked(
                    folder / "lock",
                    lambda owner: progress.note(f"Waiting for {owner}, which sorts into {into}."),
                )
            )
        except OSError as error:
            raise DiskError(
                f"{folder} cannot be locked: {error.strerror or error}.\n"
                f"Two sorts at once could interfere. Sort into a folder on another disk."
            ) from error
        yield made


def disk_error(into: str, error: OSError) -> DiskError:
    """Return the error for a folder that cannot be written, with how to continue."""
    return DiskError(
        f"Cannot write into {into}: {error.strerror or error}.\n"
        f"No photo is lost. Fix the cause and run the same command again to resume, or undo the "
        f"sort with --undo."
    )


def _numbers(into: str, *suffixes: str) -> list[int]:
    with contextlib.suppress(FileNotFoundError, NotADirectoryError):
        names = [path.stem for path in Path(into, FOLDER).iterdir() if path.suffix in suffixes]
        return [int(name) for name in names if name.isdecimal()]
    return []


def _parsed(line: bytes) -> dict[str, Any] | None:
    """Return the content of a line; None if it was cut or is invalid."""
    try:
        content = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return content if isinstance(content, dict) and _is_valid(content) else None


def _is_valid(line: dict[str, Any]) -> bool:
    """Return whether a line has the fields of its kind, and targets inside the sorted folder."""
    if "number" in line:
        types = {field.name: field.type for field in dataclasses.fields(Entry)}
        texts = [name for name, type_name in types.items() if type_name in ("str", "Act")]
        return (
            line.keys() == types.keys()
            and all(isinstance(line[name], str if name in texts else int) for name in types)
            and line["act"] in get_args(Act)
            and _is_inside(line["target"])
            and (not line["part"] or _is_inside(line["part"]))
        )
    if "made" in line:
        return isinstance(line["made"], str)
    if "void" in line or "back" in line:
        return all(isinstance(value, int) for value in line.values())
    if "journal" in line:
        how, sources = line.get("how"), line.get("sources")
        are_texts = isinstance(sources, list) and all(isinstance(name, str) for name in sources)
        return line["journal"] != VERSION or (are_texts and isinstance(how, str))
    return "end" in line


def _is_inside(name: str) -> bool:
    """Return whether a name has the form `folder/file` of a target."""
    folder, _, file = name.partition("/")
    invalid = {"", ".", ".."}
    return folder not in invalid and file not in invalid and "/" not in file


def _missing_folders(into: str) -> list[str]:
    """Return `into` and the parents of it that do not exist, outermost first."""
    missing = []
    name, path = ".", into
    while not os.path.lexists(path):
        missing.append(name)
        name, path = ".." if name == "." else f"../{name}", os.path.dirname(path)
    return missing[::-1]
