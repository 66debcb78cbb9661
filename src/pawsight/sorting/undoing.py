"""Undo a sort.

A copy is only removed if it is unchanged and its original still exists. A moved photo
is only moved back if its old name is free. Photos that the user changed or moved since
the sort stay where they are, and are listed.
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

# os, not pathlib: it is faster for 100,000 entries, and names may have any bytes.
# ruff: noqa: PTH100, PTH103, PTH108, PTH114, PTH115, PTH116, PTH118, PTH120, PTH202

_BATCH = 64  # entries per flush to the disk

# Reasons for which an entry cannot be undone.
_CHANGED = "it was modified since the sort"
_MISSING = "it is no longer where the sort put it"
_TAKEN = "its old name is taken"
_NO_ORIGINAL = "its original is missing or modified"


@dataclass(frozen=True, slots=True)
class Undone:
    """The outcome of undoing a sort.

    Attributes:
        num_back: Number of copies and links removed, and of photos moved back.
        left: The reason for each file that stayed, by path relative to the sorted folder.
        is_complete: Whether another attempt would change nothing.
    """

    num_back: int
    left: dict[str, str]
    is_complete: bool = True


class _CannotUndoError(Exception):
    """An entry cannot be undone; the message is the reason."""


class Undoer:
    """Undoes the entries of a journal; may be killed at any point and repeated."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._left: dict[str, str] = {}
        self._num_back = 0
        self._is_complete = True

    def undo(self, progress: Progress) -> Undone:
        """Undo all entries, the last entry first; the caller has locked the folder.

        Raises:
            DiskError: The journal cannot be written.
        """
        journal = self._journal
        if not journal.is_ended:
            recover(journal)
            journal.write({"end": True})  # so that a later sort does not continue this journal
        # Of several entries for a target, only the last one placed the file that is there.
        entries = {entry.target: entry for entry in journal.entries.values()}
        remaining = reversed(list(entries.values()))
        progress.start("Undoing", len(entries), "files")
        while batch := list(itertools.islice(remaining, _BATCH)):
            chosen = [entry for entry in batch if self._try(self._has_to_be_undone, entry)]
            # After these lines, an empty file with a photo's old name is known to be a reservation.
            journal.write(*({"back": entry.number} for entry in chosen))
            self._num_back += sum(self._try(self._move_back, entry) for entry in chosen)
            progress.advance(len(batch))
        return Undone(self._num_back, self._left, self._is_complete)

    def _try(self, step: Callable[[Entry, str, str], bool], entry: Entry) -> bool:
        """Return the result of a step; record the reason and return False if it fails."""
        source = self._journal.place(entry.source)
        target = os.path.join(self._journal.into, entry.target)
        try:
            return step(entry, source, target)
        except _CannotUndoError as error:
            self._left[entry.target] = str(error)
        except (OSError, PhotoError) as error:  # another attempt may succeed
            self._left[entry.target] = reason(error) if isinstance(error, OSError) else str(error)
            self._is_complete = False
        return False

    def _has_to_be_undone(self, entry: Entry, source: str, target: str) -> bool:
        """Return whether something is left to undo of an entry.

        Raises:
            _CannotUndoError: The target is not the file that the sort put there, or the old name
                of the photo is taken.
        """
        if not os.path.lexists(target):
            # An earlier undo may have removed it before it was killed.
            is_back = entry.number in self._journal.backs or entry.act == "link"
            if is_back or (entry.act != "copy" and os.path.lexists(source)):
                return False
            raise _CannotUndoError(_MISSING)
        if entry.act == "link":
            if not os.path.islink(target) or os.readlink(target) != os.path.abspath(source):
                raise _CannotUndoError(_CHANGED)
            return True
        is_free = not os.path.lexists(source) or self._is_own_reservation(entry, source)
        if entry.act == "rename":
            if not _is_unchanged(target, entry):
                # The sort was killed before it moved this photo.
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
                raise _CannotUndoError(_NO_ORIGINAL)
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
            os.unlink(target)  # the sort was killed before it removed the original
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
        if os.path.lexists(part):  # left by an undo that was killed
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
    """Undo the last sort into a folder that was not undone yet.

    Args:
        into: The sorted folder.
        progress: Receives progress.

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
    """Open the journal of the last sort into a folder that was not undone yet.

    Raises:
        DataError: There is no sort to undo, or the journal cannot be read.
    """
    journal = Journal.newest(into)
    if journal is None:
        raise DataError(
            f"There is no sort to undo in {into}.\n"
            f"Pass the folder that photos were sorted into with --into."
        )
    return journal


def _is_unchanged(path: str, entry: Entry) -> bool:
    """Return whether a photo has the size and the time of last change that it was sorted with."""
    try:
        facts = os.stat(path)
    except OSError:
        return False
    return (facts.st_size, facts.st_mtime_ns) == (entry.size, entry.mtime_ns)


def _is_unchanged_copy(path: str, entry: Entry) -> bool:
    is_plain = not os.path.islink(path) and os.path.getsize(path) == entry.size
    return is_plain and hash_file(path) == entry.sha256
