"""The index of a copied folder: a line for each file, added when the file is complete."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import TextIO

from pawsight.storage.atomic import write_text

NAME = ".copied.jsonl"


class CopiedIndex:
    """The files of a copy and their versions, by path.

    A file counts as copied while its size and modification time are those of the index. An
    incomplete line, which a killed process left, is ignored.

    Args:
        folder: The folder of the copy.
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
        """Return whether this version of a file is in the copy."""
        entry = self._known.get(path)
        if entry is None or entry[0] != version:
            return False
        try:
            facts = (self._folder / path).lstat()
        except OSError:
            return False
        return entry[1:] == (facts.st_size, facts.st_mtime_ns)

    def keep(self, paths: Iterable[str]) -> None:
        """Remove all other files and their lines, and folders that become empty.

        Args:
            paths: The paths of the files to keep.

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
        # Written again each time, without outdated and incomplete lines.
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
        """Close the file of the index."""
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
