"""Carry out a plan, and take up one that was killed."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

from pawsight.errors import StoppedError
from pawsight.progress import Progress
from pawsight.sorting.file_operations import Placer
from pawsight.sorting.journal import Journal, only_sort
from pawsight.sorting.recovery import settle
from pawsight.sorting.sort_plan import Placement, Sorting
from pawsight.sorting.space import need_space

_BATCH = 64  # files per wait for the disk
_DOING = {"copy": "Copying", "link": "Linking", "move": "Moving"}


def is_stopped(into: str) -> bool:
    """Whether a sort into a folder was stopped before its end, or is still at work."""
    journal = Journal.newest(into)
    return journal is not None and not journal.is_ended


def settle_earlier(into: str, progress: Progress) -> None:
    """Bring to a clean state what a sort left that was killed.

    Raises:
        DataError: Its journal cannot be read.
        DiskError: The folder cannot be written.
    """
    if not is_stopped(into):
        return
    with only_sort(into, progress):
        journal = Journal.newest(into)  # another sort may just have ended, or been taken back
        if journal is not None and not journal.is_ended:
            progress.note("An earlier sort was stopped before its end.")
            settle(journal)


def carry_out(sorting: Sorting, progress: Progress) -> Sorting:
    """Do what was planned, and end an equal sort that was stopped.

    Returns:
        The same photos, each with what became of it.

    Raises:
        DiskError: The folder cannot be written, or the disk is too full.
        StoppedError: Ctrl-C was pressed; all photos are whole and in one place.
    """
    planned = [place for place in sorting.placements if place.status == "planned"]
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
                outcomes |= {place.path: place for place in placer.place(batch)}
                progress.advance(len(batch))
        except KeyboardInterrupt as error:
            settle(Journal.newest(into) or journal)  # what is on the disk counts
            raise StoppedError(
                "Stopped. Each photo is whole, and where it was or where it should be.\n"
                "Give the same command again to go on, or take back what was done with --undo."
            ) from error
        journal.write({"end": True})
    placements = tuple(outcomes.get(place.path, place) for place in sorting.placements)
    return dataclasses.replace(sorting, placements=placements)


def _batches(planned: list[Placement]) -> Iterator[list[Placement]]:
    """Divide what is to be placed, without parting a photo from its sidecar files."""
    batch: list[Placement] = []
    for place in planned:
        if len(batch) >= _BATCH and not place.beside:
            yield batch
            batch = []
        batch.append(place)
    if batch:
        yield batch


def _journal_for(sorting: Sorting, made: list[str]) -> Journal:
    """Open the journal of an equal sort that was stopped, or begin one."""
    head = {"how": sorting.how, "model": sorting.model, "sources": list(sorting.sources)}
    journal = Journal.newest(str(sorting.into))
    if journal is not None and not journal.is_ended:
        if journal.is_of(head):
            return journal
        settle(journal)
        journal.write({"end": True})
    return Journal.create(str(sorting.into), head, made)
