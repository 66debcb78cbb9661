"""Leave out folders of other programs, results of pawsight, and what the user excludes."""

from __future__ import annotations

import unicodedata
from collections import defaultdict
from collections.abc import Iterator, Sequence
from fnmatch import fnmatchcase
from pathlib import Path

from pawsight.data.file_types import EXAMPLES, belongs_to, is_system_folder
from pawsight.errors import SourceError
from pawsight.formatting import listed
from pawsight.progress import Progress

SORT_JOURNAL = ".pawsight-sort"  # a subfolder of each folder that `pawsight sort` made
_MAX_NAMED = 3  # folders of a kind that a note names


class LeftOut:
    """Decides what is left out, and records it for notes.

    Args:
        exclude: Patterns of the user, such as `to check`, `*_old.jpg` or `cats/2019/*`. A
            pattern without "/" is compared with the names of folders and files, a pattern with
            "/" with paths relative to the source.
        takes_sorted: Whether to list subfolders of the source that `pawsight sort` made.
    """

    def __init__(self, exclude: Sequence[str] = (), takes_sorted: bool = True) -> None:
        self._patterns = {pattern: _text(pattern.strip("/")) for pattern in exclude}
        self._takes_sorted = takes_sorted
        self._sorted: set[str] = set()
        self._folders: defaultdict[str, set[str]] = defaultdict(set)
        self._matched: defaultdict[str, set[str]] = defaultdict(set)
        self.photos: set[str] = set()  # photos of a table that are excluded by path or class
        self.empty: list[str] = []  # folders that the user named, and that have no photos

    def takes_folder(self, path: str) -> bool:
        """Return whether to list a folder; `path` is relative, without a final "/"."""
        parent, _, name = path.rpartition("/")
        if name == SORT_JOURNAL and parent:
            self._sorted.add(parent)
        if program := belongs_to(name):
            self._folders[program].add(path)
            return False
        return not is_system_folder(name) and not self.excludes(path)

    def takes_content(self, root: str, path: str, names: set[str]) -> bool:
        """Return whether to list the content of a folder: not if it is a result of pawsight.

        Args:
            root: The source.
            path: The folder, relative to the source; `takes_folder` was called for its subfolders.
            names: The names of the files in the folder.
        """
        if path in self._sorted and not self._takes_sorted:
            self._folders["sorted by pawsight; to train on it, give it as the source"].add(path)
            return False
        if "catalog.csv" not in names or not names & {"config.json", "audit.json"}:
            return True
        try:
            with Path(root, path, "catalog.csv").open("rb") as file:
                is_result = b"sha256" in file.readline(1000)
        except OSError:
            return True
        if is_result:
            self._folders["results of pawsight"].add(path)
        return not is_result

    def excludes(self, path: str) -> bool:
        """Return whether a pattern of the user matches a path or its last name."""
        if not self._patterns:
            return False
        whole = _text(path)
        name = whole.rpartition("/")[2]
        for pattern, text in self._patterns.items():
            compared = whole if "/" in text else name
            if compared == text or fnmatchcase(compared, text):  # "[" may be part of the name
                self._matched[pattern].add(path)
                return True
        return False

    def report(self, progress: Progress) -> None:
        """Write a note for each kind of folder, and for each pattern of the user."""
        for text in self._notes():
            progress.note(text)
        for pattern in self._patterns:
            if matched := self._matched[pattern]:
                paths = listed(sorted(matched), _MAX_NAMED)
                progress.note(f"Left out by --exclude '{pattern}': {paths}.")
            else:
                progress.note(f"--exclude '{pattern}' matches nothing.")

    def check_no_folder_is_empty(self) -> None:
        """Raise SourceError if a folder that the user named has no photos."""
        if self.empty:
            raise SourceError("\n".join((*self._notes(), EXAMPLES)))

    def _notes(self) -> Iterator[str]:
        if self.empty:
            yield f"There are no photos in {listed(self.empty, _MAX_NAMED)}."
        for program, folders in sorted(self._folders.items()):
            yield f"Left out: {listed(sorted(folders), _MAX_NAMED)} ({program})."


def _text(name: str) -> str:
    return unicodedata.normalize("NFC", name)
