"""Place photos by a plan, so that a kill at any point neither loses nor duplicates a photo.

Photos are placed in batches: copies are written under temporary names, then the
journal is written, and only then are the copies renamed. A name is reserved by creating
an empty file, which fails if the name is taken; the photo is then renamed onto that file.
Every file system supports this, even without hard links.
"""

from __future__ import annotations

import contextlib
import dataclasses
import errno
import itertools
import os
from collections.abc import Iterable
from pathlib import Path

from pawsight.errors import DiskError, PhotoError
from pawsight.sorting.file_contents import (
    CHANGED,
    copy_file,
    is_same_content,
    reason,
    sync_folder,
)
from pawsight.sorting.journal import Act, Entry, Journal, disk_error
from pawsight.sorting.sort_plan import Placement, Sorting
from pawsight.sorting.target_names import UnusedNames, portable

# os, not pathlib: it is faster for 100,000 photos, and names may have any bytes.
# ruff: noqa: PTH105, PTH108, PTH116, PTH118, PTH119, PTH120

_NAME_REFUSED = {errno.EINVAL, errno.EILSEQ, errno.ENAMETOOLONG}  # by the file system


def reserve(path: str) -> None:
    """Reserve a name with an empty file.

    Raises:
        FileExistsError: The name is taken, possibly by a broken link.
    """
    Path(path).touch(exist_ok=False)


def move_onto_new(source: str, target: str) -> None:
    """Rename a file on the same disk without overwriting another file.

    Raises:
        FileExistsError: The target exists.
    """
    reserve(target)
    try:
        os.replace(source, target)
    except OSError:
        os.unlink(target)
        raise


class Placer:
    """Carries out a plan, batch by batch.

    Args:
        sorting: The plan.
        journal: Every step is written to it before it is done.
    """

    def __init__(self, sorting: Sorting, journal: Journal) -> None:
        self._into = str(sorting.into)
        self._how = sorting.how
        self._journal = journal
        self._numbers = itertools.count(max(journal.entries, default=0) + 1)
        planned = {p.target: p.path for p in sorting.placements if p.status == "planned"}
        self._names = UnusedNames(self._into, planned)
        self._devices: dict[str, int] = {}  # of the class folders

    def place(self, batch: list[Placement]) -> list[Placement]:
        """Place the photos and sidecar files of a batch.

        Args:
            batch: Planned placements, each photo before its sidecar files.

        Returns:
            The same placements with their outcome.

        Raises:
            DiskError: The folder cannot be written; photos not placed yet stay where they are.
        """
        try:
            self._make_folders(batch)
            outcomes = list(batch)
            entries: dict[int, Entry] = {}  # by index in the batch
            failed: set[str] = set()
            for index, placement in enumerate(batch):
                try:
                    if placement.beside in failed:
                        raise PhotoError("its photo was not sorted")
                    entries[index] = self._prepare(placement)
                except PhotoError as error:
                    failed.add(placement.path)
                    outcomes[index] = failure(placement, str(error))
            self._journal.write(*entries.values())
            # Sidecar files first: if this is interrupted, a later sort finds them by their photo.
            for index in sorted(entries, key=lambda index: not batch[index].beside):
                outcomes[index], entries[index] = self._publish(batch[index], entries[index])
            self._remove_carried(outcomes, entries)
        except OSError as error:
            raise disk_error(self._into, error) from error
        return outcomes

    def _make_folders(self, batch: Iterable[Placement]) -> None:
        for folder in sorted({placement.folder for placement in batch} - self._devices.keys()):
            path = os.path.join(self._into, folder)
            if not os.path.isdir(path):  # noqa: PTH112
                self._journal.write({"made": folder})
                os.mkdir(path)  # noqa: PTH102
            self._devices[folder] = os.stat(path).st_dev

    def _prepare(self, placement: Placement) -> Entry:
        """Return the journal entry of a photo, after copying it to a temporary name if needed."""
        try:
            facts = os.stat(placement.path)
        except OSError as error:
            raise PhotoError(reason(error)) from error
        if (facts.st_size, facts.st_mtime_ns) != (placement.size, placement.mtime_ns):
            raise PhotoError(CHANGED)
        act: Act = "link" if self._how == "link" else "copy"
        if self._how == "move":
            act = "rename" if facts.st_dev == self._devices[placement.folder] else "carry"
        return self._entry(placement, act)

    def _entry(self, placement: Placement, act: Act) -> Entry:
        number = next(self._numbers)
        entry = Entry(
            number, act, stored(self._into, placement.path), placement.target,
            placement.size, placement.mtime_ns,
        )  # fmt: skip
        if act in ("link", "rename"):
            return entry
        if act == "carry" and not os.access(os.path.dirname(placement.path) or ".", os.W_OK):
            raise PhotoError("it cannot be moved: no permission to change its folder")
        entry = dataclasses.replace(
            entry, part=f"{placement.folder}/{self._journal.part_name(number)}"
        )
        part = os.path.join(self._into, entry.part)
        try:
            copied = copy_file(placement.path, part, must_last=act == "carry")
        except BaseException:
            with contextlib.suppress(OSError):
                os.unlink(part)
            raise
        return dataclasses.replace(entry, sha256=copied.sha256)

    def _publish(self, placement: Placement, entry: Entry) -> tuple[Placement, Entry]:
        """Move a photo to its target name, or to another name if that is taken."""
        while True:
            try:
                self._create_target(placement.path, entry)
                return dataclasses.replace(placement, target=entry.target, status="placed"), entry
            except FileExistsError:
                target, is_there = self._other_name(placement, entry.target)
                if is_there:
                    self._give_up(entry)
                    return dataclasses.replace(placement, target=target, status="there"), entry
                entry = dataclasses.replace(entry, target=target)
            except (OSError, PhotoError) as error:
                try:
                    entry = self._fallback(placement, entry, error)
                except PhotoError as final_error:
                    self._give_up(entry)
                    return failure(placement, str(final_error)), entry
            self._journal.write(entry)

    def _other_name(self, placement: Placement, taken: str) -> tuple[str, bool]:
        """Return another name for a photo whose target was taken since it was planned."""
        if is_same_content(placement.path, os.path.join(self._into, taken)):
            return taken, True
        if placement.beside:
            return self._names.choose(placement.path, placement.size, taken)
        preferred = f"{placement.folder}/{os.path.basename(placement.path)}"
        if portable(os.path.basename(placement.path)) == os.path.basename(taken):
            preferred = taken  # the file system refused the original name
        return self._names.choose(placement.path, placement.size, preferred)

    def _create_target(self, source: str, entry: Entry) -> None:
        target = os.path.join(self._into, entry.target)
        if entry.act == "link":
            os.symlink(os.path.abspath(source), target)  # noqa: PTH100, PTH211
        elif entry.act == "rename":
            reserve(target)
            try:
                os.replace(source, target)
            except OSError as error:
                os.unlink(target)
                if error.errno == errno.EXDEV:
                    raise
                raise PhotoError(f"it cannot be moved: {reason(error)}") from error
        else:
            move_onto_new(os.path.join(self._into, entry.part), target)

    def _fallback(self, placement: Placement, entry: Entry, error: Exception) -> Entry:
        """Return another entry if the disk does not support an operation, or raise the error."""
        folder, name = entry.target.split("/", 1)
        number = error.errno if isinstance(error, OSError) else None
        if number == errno.EXDEV and entry.act == "rename":  # as between subvolumes of a disk
            carried = self._entry(placement, "carry")
            self._journal.write({"void": entry.number})
            return dataclasses.replace(carried, target=entry.target)
        if number in _NAME_REFUSED and name != portable(name):
            return dataclasses.replace(entry, target=f"{folder}/{portable(name)}")
        if isinstance(error, OSError) and entry.act == "link":
            raise DiskError(
                f"Cannot create links in {self._into}: {error.strerror}.\n"
                f"Many memory cards and sticks do not support links: leave --link out to copy."
            ) from error
        raise error

    def _give_up(self, entry: Entry) -> None:
        self._journal.write({"void": entry.number})
        if entry.part:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(os.path.join(self._into, entry.part))

    def _remove_carried(self, outcomes: list[Placement], entries: dict[int, Entry]) -> None:
        """Remove the originals of photos that were moved to another disk."""
        carried = {
            index: entry
            for index, entry in entries.items()
            if entry.act == "carry" and outcomes[index].status == "placed"
        }
        for folder in {outcomes[index].folder for index in carried}:
            sync_folder(os.path.join(self._into, folder))
        for index, entry in carried.items():
            try:
                remove_carried(self._into, entry)
            except PhotoError as error:
                # The original stays, so remove the copy.
                os.unlink(os.path.join(self._into, entry.target))
                self._journal.write({"void": entry.number})
                outcomes[index] = failure(outcomes[index], str(error))


def remove_carried(into: str, entry: Entry) -> None:
    """Remove the original of a photo that was moved to another disk, if it did not change.

    Args:
        into: The sorted folder.
        entry: The entry of the photo.

    Raises:
        PhotoError: The original stays; the message is the reason.
    """
    source = os.path.join(into, entry.source)
    try:
        facts = os.stat(source)
        if (facts.st_size, facts.st_mtime_ns) != (entry.size, entry.mtime_ns):
            raise PhotoError(CHANGED)
        os.unlink(source)
    except FileNotFoundError:
        return  # removed already; the photo is at its target
    except OSError as error:
        raise PhotoError(f"it cannot be moved: {reason(error)}") from error


def stored(into: str, path: str) -> str:
    """Return a path as the journal stores it: relative inside of the sorted folder, else absolute.

    So the sort can still be undone if the folder is moved, or its disk is mounted elsewhere.
    """
    path = os.path.abspath(path)  # noqa: PTH100 - links are not resolved
    return os.path.relpath(path, into) if path.startswith(into + os.sep) else path


def failure(placement: Placement, text: str) -> Placement:
    """Return a failed placement with the reason."""
    return dataclasses.replace(placement, target="", status="failed", reason=text)
