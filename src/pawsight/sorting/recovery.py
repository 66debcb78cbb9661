"""Clean up after a killed sort, so that each photo is complete and in one place.

Every step only depends on the files on the disk, so it may be killed and repeated.
"""

from __future__ import annotations

import contextlib
import os

from pawsight.errors import PhotoError
from pawsight.sorting.file_contents import is_same_content
from pawsight.sorting.file_operations import remove_carried
from pawsight.sorting.journal import Entry, Journal, disk_error

# os, not pathlib: it is faster for 100,000 entries.
# ruff: noqa: PTH108, PTH118


def recover(journal: Journal) -> None:
    """Finish or void all entries of an interrupted sort.

    Args:
        journal: The journal; the caller has locked its folder.

    Raises:
        DiskError: The folder cannot be written.
    """
    try:
        void = [entry for entry in journal.entries.values() if not _finish(journal, entry)]
        for entry in void:
            target = os.path.join(journal.into, entry.target)
            if is_reservation(target, entry):
                os.unlink(target)
        # Written before the temporary files are removed, which show that these entries are void.
        journal.write(*({"void": entry.number} for entry in void))
        _remove_parts(journal)
    except OSError as error:
        raise disk_error(journal.into, error) from error


def _finish(journal: Journal, entry: Entry) -> bool:
    """Finish an entry if possible; return False if it is void."""
    source = journal.place(entry.source)
    target = os.path.join(journal.into, entry.target)
    if entry.act == "link":
        return os.path.lexists(target)
    if entry.act == "rename":
        is_there = os.path.lexists(target) and not is_reservation(target, entry)
        return is_there or not os.path.lexists(source)
    if os.path.lexists(os.path.join(journal.into, entry.part)):
        return False  # the copy was not renamed
    if entry.act == "carry" and is_same_content(source, target):
        try:
            remove_carried(journal.into, entry)
        except PhotoError:
            os.unlink(target)  # the original cannot be removed, so the copy is
            return False
    return True


def is_reservation(path: str, entry: Entry) -> bool:
    """Return whether a file is the empty file that reserves the name of an entry."""
    with contextlib.suppress(OSError):
        return entry.size > 0 and os.lstat(path).st_size == 0
    return False


def _remove_parts(journal: Journal) -> None:
    """Remove temporary files of the sort, also those that have no entry yet."""
    with os.scandir(journal.into) as entries:
        folders = [entry.path for entry in entries if entry.is_dir()]
    for folder in folders:
        with os.scandir(folder) as entries:
            parts = [entry.path for entry in entries if journal.owns_part(entry.name)]
        for part in parts:
            os.unlink(part)
