"""Fit the number of steps of a run to its time budget, before and during training.

The time of a step of each image size is measured before the first step. During
training, the pace is compared with it, and the end is moved when it would miss
the budget: on a machine that becomes busier, the run takes fewer steps. The learning
rate is a function of the progress, so it always reaches 0 at the end.
"""

from __future__ import annotations

import math

from pawsight.errors import RunError
from pawsight.runs import Run
from pawsight.training.plan import Plan, load_plan

# (share, progress): the end is moved if it would miss the budget by more than this share of it, and
# the run has made this progress (0..1) since the last move. A small miss may wait longer.
_DUE = ((0.06, 0.0), (0.015, 0.01), (0.003, 0.03))
# The pace is averaged over this share of the budget, and over at least this number of steps.
_WINDOW_SHARE = 0.03
_MIN_STEPS_SEEN = 6
# A shorter run would end before its end could be moved.
_MIN_STEPS = 16
_MAX_VALIDATION = 0.04  # largest share of the time for validation
_MAX_VALIDATIONS = 100  # per run; more points do not improve the curve
_MIN_VALIDATIONS = 8  # per run, if validation is fast


def fitted(plan: Plan, seconds: float) -> Plan:
    """Return the plan with as many steps as fit into `seconds`, at least `_MIN_STEPS`.

    Validations are due after each epoch; less often where they take too much time, and
    more often where a run has few epochs.

    Args:
        plan: A plan whose stages have measured times.
        seconds: Time for all steps and validations.
    """
    # Without validations first, to compute the number of epochs.
    plan = plan.model_copy(update={"seconds": seconds, "validate_every": math.inf})
    plan = plan.replanned(0, _planned_steps(plan, seconds))
    plan = plan.model_copy(update={"validate_every": _validation_interval(plan, seconds)})
    return plan.replanned(0, _planned_steps(plan, seconds))


def least_seconds(plan: Plan) -> float:
    """Return the seconds of the shortest run, `_MIN_STEPS` steps and a validation."""
    return _MIN_STEPS * _mean_step_seconds(plan, 0) + last_validation_seconds(plan)


def _planned_steps(plan: Plan, seconds: float) -> int:
    min_steps = _MIN_STEPS if plan.most_steps is None else min(_MIN_STEPS, plan.most_steps)
    return max(min_steps, _affordable_steps(plan, 0, seconds, 1.0))


class _Slowness:
    """Average of measured times of steps relative to the planned ones, over the last seconds.

    Args:
        window_seconds: The weight of a step decays to a third in so many seconds.
        step_seconds: The average starts as if two steps had taken this planned time.
    """

    def __init__(self, window_seconds: float, step_seconds: float) -> None:
        self._window_seconds = max(window_seconds, _MIN_STEPS_SEEN * step_seconds, 1e-9)
        self._actual = self._expected = 2 * step_seconds or 1.0

    def record(self, seconds: float, expected: float) -> None:
        """Record the measured and the planned time of a step."""
        decay = max(0.0, 1 - seconds / self._window_seconds)
        self._actual = decay * self._actual + seconds
        self._expected = decay * self._expected + expected

    @property
    def mean(self) -> float:
        """The average; 1 is as planned."""
        return self._actual / self._expected


class Pace:
    """Tracks the pace of a run, and moves its end if it would miss the budget.

    Args:
        plan: A plan with measured times.
        num_ahead: Number of steps, from the current step on, that must not change.
    """

    def __init__(self, plan: Plan, num_ahead: int) -> None:
        self._num_ahead = num_ahead
        step_seconds = plan.stages[0].step_seconds or 0.0
        self._last_steps = _Slowness(_WINDOW_SHARE * (plan.seconds or 0.0), step_seconds)
        # A short burst of other load says little about what comes after training, and a run that
        # was ended for it could not be continued.
        self._as_long_as_finish = _Slowness(plan.finish_seconds, step_seconds)
        self._num_seen = 0

    @property
    def slowness(self) -> float:
        """Time of the last steps relative to the time measured before training."""
        return self._last_steps.mean

    def record_step(self, plan: Plan, step: int, seconds: float) -> None:
        """Record the duration of a step, counted from 0."""
        expected = plan.stages[plan.stage_at(step)].step_seconds
        if not expected:
            return
        self._num_seen += 1
        self._last_steps.record(seconds, expected)
        self._as_long_as_finish.record(seconds, expected)

    def replanned(self, plan: Plan, step: int, spent: float) -> Plan | None:
        """Return a plan that keeps the budget; None if the current plan need not change.

        Args:
            plan: The current plan.
            step: Number of steps that are done.
            spent: Seconds of training so far.
        """
        first, last = step + self._num_ahead, plan.pieces[-1]
        if plan.seconds is None or first >= plan.num_steps or step < last.step:
            return None
        if self._num_seen < _MIN_STEPS_SEEN:
            return None
        # On a machine that became slower, the time after training becomes longer, too.
        left = plan.seconds - spent - plan.finish_seconds * (self._as_long_as_finish.mean - 1)
        missed = abs(_remaining_seconds(plan, step, self.slowness) - left) / plan.seconds
        moved = plan.progress_at(step) - last.progress
        if not any(missed > share and moved >= progress for share, progress in _DUE):
            return None
        # The steps before `first` must not change.
        fixed = _remaining_seconds(plan, step, self.slowness)
        fixed -= _remaining_seconds(plan, first, self.slowness)
        num_steps = _affordable_steps(plan, first, left - fixed, self.slowness)
        return plan.replanned(first, num_steps)


def _mean_step_seconds(plan: Plan, step: int) -> float:
    """Return the mean seconds of a step from `step` on, with its share of the validations."""
    steps_between = max(1.0, plan.validate_every * plan.num_train / plan.batch_size)
    start = progress = plan.progress_at(step)
    seconds = weighted = 0.0
    for stage in plan.stages:
        seconds = (stage.step_seconds or 0.0) + (stage.validation_seconds or 0.0) / steps_between
        weighted += max(0.0, stage.until - progress) * seconds
        progress = max(progress, stage.until)
    return weighted / (progress - start) if progress > start else seconds


def load_followed_plan(run: Run) -> Plan:
    """Load a run's plan of training in steps, as it was last changed during training.

    Raises:
        RunError: It is a plan of another kind, missing or damaged.
    """
    plan = load_plan(run)
    if not isinstance(plan, Plan):
        raise RunError(f"{run.plan_path} is the plan of a fitted head, not of training.")
    return plan


def last_validation_seconds(plan: Plan) -> float:
    """Return the seconds of the last validation, which is at full size."""
    last = plan.stages[-1]
    pixels = math.prod(plan.image_size) / math.prod(last.image_size)
    return (last.validation_seconds or 0.0) * pixels


def _remaining_seconds(plan: Plan, step: int, slowness: float) -> float:
    """Return the seconds from `step` to the end of the plan at a pace."""
    steps = max(0, plan.num_steps - step)
    return slowness * (steps * _mean_step_seconds(plan, step) + last_validation_seconds(plan))


def _affordable_steps(plan: Plan, step: int, seconds: float, slowness: float) -> int:
    """Return how many steps from `step` on fit into `seconds`: at least 1, at most `most_steps`."""
    left = seconds / slowness - last_validation_seconds(plan)
    steps = int(left / max(1e-9, _mean_step_seconds(plan, step)))
    if plan.most_steps is not None:
        steps = min(steps, plan.most_steps - step)
    return max(1, steps)


def _validation_interval(plan: Plan, seconds: float) -> float:
    """Return the number of epochs between validations: a whole number, or 1 divided by one."""
    validation_seconds = max(stage.validation_seconds or 0.0 for stage in plan.stages)
    affordable = (
        _MAX_VALIDATION * seconds / validation_seconds if validation_seconds else plan.epochs
    )
    count = max(1.0, min(affordable, _MAX_VALIDATIONS))
    if count < plan.epochs:
        return float(math.ceil(plan.epochs / count))
    per_epoch = int(min(count, _MIN_VALIDATIONS) / plan.epochs)
    return 1 / max(1, per_epoch)
