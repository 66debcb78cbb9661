"""The process that reads photos ends when one takes too long, and only then."""

import signal

import pytest

from pawsight.data.reading.reader import SignalTimeout

pytestmark = pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="Windows has no timers")
TIMERS = tuple(getattr(signal, name, 0) for name in ("ITIMER_PROF", "ITIMER_REAL"))


def test_time_runs_from_the_beginning_of_a_photo_to_its_end():
    timeout = SignalTimeout()
    try:
        timeout.begin()
        assert all(signal.getitimer(timer)[0] > 0 for timer in TIMERS)
    finally:
        timeout.end()
    assert [signal.getitimer(timer) for timer in TIMERS] == [(0, 0), (0, 0)]
