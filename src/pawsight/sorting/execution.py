"""Execute the plan of a sort, and resume an interrupted sort."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

from pawsight.errors import StoppedError
from pawsight.progress import Progress
from pawsight.sorting.file_operations import Placer
from pawsight.sorting.journal import Journal, only_sort
from pawsight.sorting.recovery import recover
from pawsight.sorting.sort_plan import Placement, Sorting
from pawsight.sorting.space import need_space

_BATCH = 64  # files per flush to the disk
_DOING = {"copy": "Copying", "link": "Linking", "move": "Moving"}


def is_stopped(into: str) -> bool:
    """Return whether a sort into a folder was interrupted, or is still running."""
    journal = Journal.newest(into)
    return journal is not None and not journal.is_ended


def recover_earlier(into: str, progress: Progress) -> None:
    """Clean up after a sort that was killed, if there is one.

    Args:
        into: The sorted folder.
        progress: Receives a note.

    Raises:
        DataError: The journal cannot be read.
        DiskError: The folder cannot be written.
    """
    if not is_stopped(into):
        return
    with only_sort(into, progress):
        journal = Journal.newest(into)  # read again: another sort may have ended meanwhile
        if journal is not None and not journal.is_ended:
            progress.note("Finishing an earlier, interrupted sort.")
            recover(journal)


def carry_out(sorting: Sorting, progress: Progress) -> Sorting:
    """Execute a plan; continue the journal of an equal sort that was interrupted.

    Args:
        sorting: The plan.
        progress: Receives progress.

    Returns:
        The same sorting with the outcome of each placement.

    Raises:
        DataError: The journal of an earlier sort cannot be read.
        DiskError: The folder cannot be written, or the disk is too full.
        StoppedError: Ctrl-C was pressed; each photo is complete and in one place.
    """
    planned = [p for p in sorting.placements if p.status == "planned"]
    into = str(sorting.into)
    if not planned and not is_stopped(into):
        return sorting
    need_space(sorting)
    with only_sort(into, progress) as made:
        journal = _journal_for(sorting, made)
        placer = Placer(sorting, journal)
        outcomes: dict[str, Placement] = {}
        progress.start(_DOING[sorting.how], len(planned), "files")
        try:
            for batch in _batches(planned):
                outcomes |= {p.path: p for p in placer.place(batch)}
                progress.advance(len(batch))
        except KeyboardInterrupt as error:
            recover(Journal.newest(into) or journal)  # from the disk, which shows what was done
            raise StoppedError(
                "Stopped. Each photo is complete, either where it was or where it was sorted to.\n"
                "Run the same command again to resume, or undo it with --undo."
            ) from error
        journal.write({"end": True})
    placements = tuple(outcomes.get(p.path, p) for p in sorting.placements)
    return dataclasses.replace(sorting, placements=placements)


def _batches(planned: list[Placement]) -> Iterator[list[Placement]]:
    """Yield batches of placements; sidecar files are in the batch of their photo."""
    batch: list[Placement] = []
    for placement in planned:
        if len(batch) >= _BATCH and not placement.beside:
            yield batch
            batch = []
        batch.append(placement)
    if batch:
        yield batch


def _journal_for(sorting: Sorting, made: list[str]) -> Journal:
    """Open the journal of an equal sort that was interrupted, or create one."""
    head = {"how": sorting.how, "model": sorting.model, "sources": list(sorting.sources)}
    journal = Journal.newest(str(sorting.into))
    if journal is not None and not journal.is_ended:
        if journal.is_of(head):
            return journal
        recover(journal)
        journal.write({"end": True})
    return Journal.create(str(sorting.into), head, made)
