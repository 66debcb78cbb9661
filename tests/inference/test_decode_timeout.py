"""Whether a thread has been at one photo for too long."""

import time

import pytest

from pawsight.inference import decode_timeout
from pawsight.inference.decode_timeout import DecodeTimer


@pytest.fixture
def work():
    """Use this thread's processor time for a number of seconds."""

    def spin(seconds):
        end = time.thread_time() + seconds
        while time.thread_time() < end:
            pass

    return spin


def test_time_spent_on_earlier_photos_is_not_counted(monkeypatch, work):
    monkeypatch.setattr(decode_timeout, "PROCESSOR_SECONDS", 0.2)
    work(0.3)
    stopwatch = DecodeTimer()
    time.sleep(0.3)
    assert stopwatch.timeout_reason() == ""


@pytest.mark.skipif(not hasattr(time, "pthread_getcpuclockid"), reason="no such clock here")
def test_time_spent_on_this_photo_is_counted(monkeypatch, work):
    monkeypatch.setattr(decode_timeout, "PROCESSOR_SECONDS", 0.2)
    work(0.1)
    stopwatch = DecodeTimer()
    work(0.3)
    assert stopwatch.timeout_reason() == "took more than 0 seconds to decode"


def test_a_photo_that_only_waits_is_ended_by_the_clock(monkeypatch):
    monkeypatch.setattr(decode_timeout, "CLOCK_SECONDS", 0.1)
    stopwatch = DecodeTimer()
    time.sleep(0.2)
    assert stopwatch.timeout_reason() == "took more than 0 seconds to decode"
