"""A sort or an undo that is killed before any of its steps loses and doubles nothing."""

import itertools
import os

import pytest

pytestmark = pytest.mark.slow


@pytest.fixture(autouse=True)
def without_waiting(monkeypatch):
    """A kill, unlike a power cut, takes nothing that was written but not yet on the disk."""
    monkeypatch.setattr(os, "fsync", lambda handle: None)


def named_from(library) -> dict[str, bytes | str]:
    """All files and links of a library, with names that say nothing of where it is."""
    root = str(library.home.parent)
    return {
        path.removeprefix(root): held.removeprefix(root) if isinstance(held, str) else held
        for path, held in library.tree().items()
    }


def has_journal(library) -> bool:
    return any(library.into.glob(".pawsight-sort/*.jsonl"))


def killed_libraries(make_library, kill_at, work, prepare=lambda library: None):
    """Give a library in which `work` was killed before its nth step, for each n there is."""
    for number in itertools.count():
        library = make_library(sidecar="rex.xmp", num_photos=3)
        prepare(library)
        if not kill_at(number, lambda library=library: work(library)):
            assert number > 10
            return
        yield library


def test_killed_sort_is_finished_by_the_same_call_and_undone_in_one_go(make_library, kill_at, how):
    before = named_from(make_library(sidecar="rex.xmp", num_photos=3))
    whole = make_library(sidecar="rex.xmp", num_photos=3)
    whole.sort(how)
    for library in killed_libraries(make_library, kill_at, lambda one: one.sort(how)):
        library.sort(how)
        assert named_from(library) == named_from(whole)
        assert library.undo().left == {}
        assert not has_journal(library)
        assert named_from(library) == before


def test_killed_sort_has_lost_nothing_and_is_undone(make_library, kill_at, how):
    before = named_from(make_library(sidecar="rex.xmp", num_photos=3))
    for library in killed_libraries(make_library, kill_at, lambda one: one.sort(how)):
        assert set(before.values()) <= set(library.tree().values())
        if has_journal(library):
            assert library.undo().left == {}
        assert named_from(library) == before


def test_killed_undo_is_finished_by_the_same_call(make_library, kill_at, how):
    before = named_from(make_library(sidecar="rex.xmp", num_photos=3))
    for library in killed_libraries(
        make_library, kill_at, lambda one: one.undo(), lambda one: one.sort(how)
    ):
        if has_journal(library):
            assert library.undo().left == {}
        assert named_from(library) == before
