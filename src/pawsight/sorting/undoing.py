"""Undo a sort.

A copy is removed only if it is unchanged and its original still exists; a moved
photo goes back only to a free name. What the user changed or moved since stays,
and is listed.
"""

from __future__ import annotations

import contextlib
import errno
import itertools
import os
from collections.abc import Callable
from dataclasses import dataclass

from pawsight.errors import DataError, PhotoError
from pawsight.progress import Progress
from pawsight.sorting.file_contents import (
    copy_file,
    hash_file,
    is_same_content,
    reason,
    sync_folder,
)
from pawsight.sorting.file_operations import move_onto_new
from pawsight.sorting.journal import Entry, Journal, disk_error, only_sort
from pawsight.sorting.recovery import is_reservation, recover

# os, not pathlib: a journal may have 100,000 entries, and names may hold any bytes.
# ruff: noqa: PTH100, PTH103, PTH108, PTH114, PTH115, PTH116, PTH118, PTH120, PTH202

_BATCH = 64  # entries per flush to the disk

_CHANGED = "it was modified since the sort"
_GONE = "it is no longer where the sort put it"
_TAKEN = "its old place is taken"
_LAST = "its original is gone or modified"


@dataclass(frozen=True, slots=True)
class Undone:
    """The outcome of undoing a sort.

    Attributes:
        num_back: Copies and links removed, and photos moved back.
        left: What stayed, with the reason, by path relative to the sorted folder.
        is_complete: Trying again would change nothing.
    """

    num_back: int
    left: dict[str, str]
    is_complete: bool = True


class _CannotUndoError(Exception):
    """An entry cannot be undone; the text is the reason."""


class Undoer:
    """Undoes the entries of one journal; may be killed at any point and repeated."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._left: dict[str, str] = {}
        self._num_back = 0
        self._is_complete = True

    def undo(self, progress: Progress) -> Undone:
        """Undo all entries, the last one first; the caller holds the lock; raises DiskError."""
        journal = self._journal
        if not journal.is_ended:
            recover(journal)
            journal.write({"end": True})  # a later sort is one of its own
            # What was placed twice was removed from there in between.
        entries = {entry.target: entry for entry in journal.entries.values()}
        waiting = reversed(list(entries.values()))
        progress.start("Undoing", len(entries), "files")
        while batch := list(itertools.islice(waiting, _BATCH)):
            wanted = [entry for entry in batch if self._tried(self._is_wanted, entry)]
            # From here on, if killed, an empty file at a photo's old place is ours.
            journal.write(*({"back": entry.number} for entry in wanted))
            self._num_back += sum(self._tried(self._move_back, entry) for entry in wanted)
            progress.advance(len(batch))
        return Undone(self._num_back, self._left, self._is_complete)

    def _tried(self, step: Callable[[Entry, str, str], bool], entry: Entry) -> bool:
        source = self._journal.place(entry.source)
        target = os.path.join(self._journal.into, entry.target)
        try:
            return step(entry, source, target)
        except _CannotUndoError as error:
            self._left[entry.target] = str(error)
        except (OSError, PhotoError) as error:  # trying again may succeed
            self._left[entry.target] = reason(error) if isinstance(error, OSError) else str(error)
            self._is_complete = False
        return False

    def _is_wanted(self, entry: Entry, source: str, target: str) -> bool:
        """Return whether an entry is to be undone: False where nothing is left to do.

        Raises:
            _CannotUndoError: What is there is not what the sort put there, or its old place is
                taken.
        """
        if not os.path.lexists(target):
            # A link or a copy may have been removed when an earlier undo was killed.
            is_back = entry.number in self._journal.backs or entry.act == "link"
            if is_back or (entry.act != "copy" and os.path.lexists(source)):
                return False
            raise _CannotUndoError(_GONE)
        if entry.act == "link":
            if not os.path.islink(target) or os.readlink(target) != os.path.abspath(source):
                raise _CannotUndoError(_CHANGED)
            return True
        is_free = not os.path.lexists(source) or self._is_own_reservation(entry, source)
        if entry.act == "rename":
            if not _is_unchanged(target, entry):
                # Killed before its turn: it is where it was.
                if _is_unchanged(source, entry):
                    return False
                raise _CannotUndoError(_CHANGED)
            if not is_free:
                raise _CannotUndoError(_TAKEN)
            return True
        if not _is_unchanged_copy(target, entry):
            raise _CannotUndoError(_CHANGED)
        if entry.act == "copy" and not _is_unchanged(source, entry):
            if not is_same_content(source, target):
                raise _CannotUndoError(_LAST)
        elif entry.act == "carry" and not (is_free or is_same_content(source, target)):
            raise _CannotUndoError(_TAKEN)
        return True

    def _is_own_reservation(self, entry: Entry, source: str) -> bool:
        return entry.number in self._journal.backs and is_reservation(source, entry)

    def _move_back(self, entry: Entry, source: str, target: str) -> bool:
        if entry.act in ("copy", "link"):
            os.unlink(target)
            return True
        if os.path.lexists(source) and is_same_content(source, target):
            os.unlink(target)  # carried, but killed before the photo was removed
            return True
        os.makedirs(os.path.dirname(source), exist_ok=True)
        if self._is_own_reservation(entry, source):
            os.unlink(source)
        try:
            if entry.act == "rename":
                try:
                    move_onto_new(target, source)
                    return True
                except OSError as error:
                    if error.errno != errno.EXDEV:
                        raise
            self._carry_back(entry, source, target)
        except FileExistsError as error:
            raise _CannotUndoError(_TAKEN) from error
        return True

    def _carry_back(self, entry: Entry, source: str, target: str) -> None:
        folder = os.path.dirname(source)
        part = os.path.join(folder, self._journal.part_name(entry.number))
        if os.path.lexists(part):  # of an undo that was killed
            os.unlink(part)
        try:
            copy_file(target, part, must_last=True)
            move_onto_new(part, source)
        except BaseException:
            with contextlib.suppress(OSError):
                os.unlink(part)
            raise
        sync_folder(folder)
        os.unlink(target)


def undo(into: str, progress: Progress) -> Undone:
    """Undo the last sort into a folder that is not undone yet.

    Raises:
        DataError: There is no sort to undo.
        DiskError: The journal cannot be written.
    """
    newest(into)
    with only_sort(into, progress):
        journal = newest(into)
        undone = Undoer(journal).undo(progress)
    if undone.is_complete:
        try:
            journal.remove(is_kept=bool(undone.left))
        except OSError as error:
            raise disk_error(into, error) from error
    return undone


def newest(into: str) -> Journal:
    """Open the journal of the sort that would be undone; raises DataError."""
    journal = Journal.newest(into)
    if journal is None:
        raise DataError(
            f"There is no sort to undo in {into}.\n"
            f"Name the folder that photos were sorted into with --into."
        )
    return journal


def _is_unchanged(path: str, entry: Entry) -> bool:
    """Return whether a photo has the size and time that it was sorted with."""
    try:
        facts = os.stat(path)
    except OSError:
        return False
    return (facts.st_size, facts.st_mtime_ns) == (entry.size, entry.mtime_ns)


def _is_unchanged_copy(path: str, entry: Entry) -> bool:
    is_plain = not os.path.islink(path) and os.path.getsize(path) == entry.size
    return is_plain and hash_file(path) == entry.sha256
