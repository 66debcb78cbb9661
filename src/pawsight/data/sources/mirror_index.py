"""What of a copy is here already: one line a file, added when the file is in its place."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import TextIO

from pawsight.storage.atomic import write_text

NAME = ".copied.jsonl"


class CopiedIndex:
    """The files of a copy, by path, with the version each is of.

    A file counts while it has the size and time that it was put there with. A
    line that a killed process left half written counts as none.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._path = folder / NAME
        self._known: dict[str, tuple[str, int, int]] = {}
        self._file: TextIO | None = None
        if self._path.is_file():
            for line in self._path.read_text(encoding="utf-8", errors="replace").splitlines():
                try:
                    path, version, size, mtime_ns = json.loads(line)
                except ValueError:
                    continue
                self._known[path] = (version, size, mtime_ns)

    def has(self, path: str, version: str) -> bool:
        """Return whether this version of a file is in its place."""
        entry = self._known.get(path)
        if entry is None or entry[0] != version:
            return False
        try:
            facts = (self._folder / path).lstat()
        except OSError:
            return False
        return entry[1:] == (facts.st_size, facts.st_mtime_ns)

    def keep(self, paths: Iterable[str]) -> None:
        """Remove the files that are none of these, and their lines; folders left empty too.

        Raises:
            OSError: A file cannot be removed.
            DiskError: The index cannot be written.
        """
        gone = self._known.keys() - set(paths)
        for path in gone:
            (self._folder / path).unlink(missing_ok=True)
            del self._known[path]
        for folder in {parent for path in gone for parent in Path(path).parents}:
            self._remove_if_empty(folder)
        # Written again each time: that drops old lines, and one that was cut.
        write_text(self._path, "".join(map(self._line, self._known)))

    def add(self, path: str, version: str) -> None:
        """Record that a file was copied."""
        facts = (self._folder / path).lstat()
        self._known[path] = (version, facts.st_size, facts.st_mtime_ns)
        if self._file is None:
            self._file = self._path.open("a", encoding="utf-8")
        self._file.write(self._line(path))
        self._file.flush()

    def close(self) -> None:
        """Release the file."""
        if self._file is not None:
            self._file.close()

    def _line(self, path: str) -> str:
        return json.dumps([path, *self._known[path]]) + "\n"

    def _remove_if_empty(self, folder: Path) -> None:
        while folder != Path():
            try:
                (self._folder / folder).rmdir()
            except OSError:  # not empty
                return
            folder = folder.parent
