import math

import pytest

from pawsight.training import time_budget
from pawsight.training.time_budget import TimeBudget


@pytest.fixture
def clock(monkeypatch):
    """A clock that stands still unless it is moved: clock[0] are its seconds."""
    now = [100.0]
    monkeypatch.setattr(time_budget.time, "monotonic", lambda: now[0])
    return now


def test_what_is_not_paused_is_charged(clock):
    budget = TimeBudget(2.0, started=90.0)
    clock[0] += 5.0
    with budget.paused():
        clock[0] += 30.0
    clock[0] += 7.0
    with budget.paused():
        clock[0] += 1.0
    assert budget.spent_seconds == 10.0 + 5.0 + 7.0
    assert budget.left_seconds == 120.0 - 22.0


def test_a_pause_within_a_pause_counts_once(clock):
    budget = TimeBudget(1.0)
    with budget.paused():
        clock[0] += 2.0
        with budget.paused():
            clock[0] += 3.0
        clock[0] += 4.0
    assert budget.spent_seconds == 0.0


def test_a_pause_ends_with_an_error_in_its_block(clock):
    budget = TimeBudget(1.0)
    with pytest.raises(ValueError), budget.paused():
        clock[0] += 5.0
        raise ValueError
    clock[0] += 1.0
    assert budget.spent_seconds == 1.0


def test_without_a_limit_there_is_always_time(clock):
    budget = TimeBudget()
    clock[0] += 1e6
    assert budget.left_seconds == math.inf
    assert budget.spent_seconds == 1e6
