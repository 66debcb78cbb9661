"""Disks that are full, read-only or broken: told in plain words, and nothing is lost or doubled."""

import errno
import itertools
import os

import pytest

from pawsight.errors import DataError, DiskError

from .test_kills import has_journal, named_from, without_waiting  # noqa: F401 - a fixture

pytestmark = pytest.mark.slow


@pytest.fixture(params=["full once", "forbidden from then on"])
def fail_at(request, intercept):
    """Run something of which a call fails; says whether there was that call."""
    number = errno.ENOSPC if request.param == "full once" else errno.EACCES

    def run(first, work) -> bool:
        calls = 0

        def before(name, arguments):
            nonlocal calls
            calls += 1
            if calls == first + 1 or (calls > first and number == errno.EACCES):
                raise OSError(number, os.strerror(number), str(arguments[0]))

        stop = intercept(before)
        try:
            work()
        except (DiskError, DataError):
            return True
        finally:
            stop()
        return calls > first

    return run


def undo_all(library) -> None:
    while has_journal(library):
        assert library.undo().left == {}


def test_sort_that_meets_a_fault_at_any_step_loses_nothing_and_continues_later(
    make_library, fail_at, how
):
    photos = named_from(make_library(num_photos=3))
    whole = make_library(num_photos=3)
    whole.sort(how)
    for first in itertools.count():
        library = make_library(num_photos=3)
        if not fail_at(first, lambda library=library: library.sort(how)):
            assert first > 10
            return
        assert set(photos.values()) <= set(library.tree().values())
        library.sort(how)
        assert named_from(library) == named_from(whole)
        undo_all(library)  # a photo that failed for itself was placed by a second sort
        assert named_from(library) == photos


def test_undo_that_meets_a_fault_at_any_step_continues_later(make_library, fail_at, how):
    photos = named_from(make_library(num_photos=3))
    for first in itertools.count():
        library = make_library(num_photos=3)
        library.sort(how)
        if not fail_at(first, library.undo):
            assert first > 10
            return
        undo_all(library)
        assert named_from(library) == photos
