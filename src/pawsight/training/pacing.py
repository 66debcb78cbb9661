"""Fit the length of a run to its time budget, before and while it runs.

What a step of each size costs is measured before the first step. While the run
is trained, its pace is compared with that, and its end is moved when it would miss
the budget: a busier machine takes fewer steps, a less busy one more. The learning
rate follows the progress, so it reaches 0 at the end in either case.
"""

from __future__ import annotations

import math

from pawsight.errors import RunError
from pawsight.runs import Run
from pawsight.training.plan import Plan, load_plan

# The end is moved where it would miss the budget by more than a share of it, and the run has
# made some progress (0..1) since the last move: the smaller the miss, the more progress.
_DUE = ((0.06, 0.0), (0.015, 0.01), (0.003, 0.03))
# The pace is averaged over the steps of this share of the budget, and over so many at least.
_WINDOW_SHARE = 0.03
_MIN_STEPS_SEEN = 6
# A run of fewer steps would be over before its end could be moved.
_MIN_STEPS = 16
_MAX_VALIDATION = 0.04  # share of the time that may go into validation
_MAX_VALIDATIONS = 100  # per run: more points do not improve the curve
_MIN_VALIDATIONS = 8  # per run, where validation is cheap, so that there is a curve


def fitted(plan: Plan, seconds: float) -> Plan:
    """Return the plan with the length that takes `seconds` at the costs of its stages.

    It is validated after each epoch where that costs little, else after each few
    epochs; several times an epoch where a run has only a few of them. Some steps
    remain, however little time there is.

    Args:
        plan: Its stages have both times.
        seconds: For all steps and validations.
    """
    # Without validations first, to see how many epochs there are.
    plan = plan.model_copy(update={"seconds": seconds, "validate_every": math.inf})
    plan = plan.replanned(0, _steps_at_first(plan, seconds))
    plan = plan.model_copy(update={"validate_every": _validation_interval(plan, seconds)})
    return plan.replanned(0, _steps_at_first(plan, seconds))


def least_seconds(plan: Plan) -> float:
    """Return the seconds of the shortest run worth starting, at the costs of its stages."""
    return _MIN_STEPS * _mean_step_seconds(plan, 0) + last_validation_seconds(plan)


def _steps_at_first(plan: Plan, seconds: float) -> int:
    least = _MIN_STEPS if plan.most_steps is None else min(_MIN_STEPS, plan.most_steps)
    return max(least, _affordable_steps(plan, 0, seconds, 1.0))


class Pace:
    """Tracks the speed of a run, and moves its end where it would miss the budget."""

    def __init__(self, plan: Plan, num_ahead: int) -> None:
        """Start with the measured costs of a plan with a budget; `num_ahead` batches are made."""
        self._num_ahead = num_ahead
        budget = plan.seconds or 0.0
        cost = plan.stages[0].step_seconds or 0.0
        self._window_seconds = max(_MIN_STEPS_SEEN * cost, _WINDOW_SHARE * budget, 1e-9)
        # As if two steps had taken what was measured.
        self._actual = self._expected = 2 * cost or 1.0
        self._num_seen = 0

    @property
    def slowness(self) -> float:
        """Time of the last steps relative to what was measured at the start; 1 is equal."""
        return self._actual / self._expected

    def record_step(self, plan: Plan, step: int, seconds: float) -> None:
        """Record how long a step (counted from 0) took."""
        cost = plan.stages[plan.stage_at(step)].step_seconds
        if not cost:
            return
        self._num_seen += 1
        kept = max(0.0, 1 - seconds / self._window_seconds)
        self._actual = kept * self._actual + seconds
        self._expected = kept * self._expected + cost

    def replanned(self, plan: Plan, step: int, spent: float) -> Plan | None:
        """Return a plan that keeps the budget, or None where `plan` does.

        Args:
            plan: The plan that is followed now.
            step: Steps done.
            spent: Seconds that training has taken so far.
        """
        first, last = step + self._num_ahead, plan.pieces[-1]
        if plan.seconds is None or first >= plan.num_steps or step < last.step:
            return None
        if self._num_seen < _MIN_STEPS_SEEN:
            return None
        # On a machine that became slower, what comes after training takes longer, too.
        left = plan.seconds - spent - plan.finish_seconds * (self.slowness - 1)
        missed = abs(_remaining_seconds(plan, step, self.slowness) - left) / plan.seconds
        moved = plan.progress_at(step) - last.progress
        if not any(missed > share and moved >= progress for share, progress in _DUE):
            return None
        # The steps before `first` cannot be changed any more.
        meanwhile = _remaining_seconds(plan, step, self.slowness)
        meanwhile -= _remaining_seconds(plan, first, self.slowness)
        num_steps = _affordable_steps(plan, first, left - meanwhile, self.slowness)
        return plan.replanned(first, num_steps)


def _stage_shares(plan: Plan, progress: float) -> list[float]:
    """Return how much progress is left in each stage."""
    shares, reached = [], progress
    for stage in plan.stages:
        shares.append(max(0.0, stage.until - reached))
        reached = max(reached, stage.until)
    return shares


def _mean_step_seconds(plan: Plan, step: int) -> float:
    """Return the mean seconds of a step from `step` on, with its share of the validations."""
    shares = _stage_shares(plan, plan.progress_at(step))
    steps_between = max(1.0, plan.validate_every * plan.num_train / plan.batch_size)
    costs = [
        (stage.step_seconds or 0.0) + (stage.validation_seconds or 0.0) / steps_between
        for stage in plan.stages
    ]
    total = sum(shares)
    if total <= 0:
        return costs[-1]
    return sum(share * cost for share, cost in zip(shares, costs, strict=True)) / total


def load_followed_plan(run: Run) -> Plan:
    """Return a run's plan of training in steps, with the changes that were made on the way.

    Raises:
        RunError: It is a plan of another kind, missing or damaged.
    """
    plan = load_plan(run)
    if not isinstance(plan, Plan):
        raise RunError(f"{run.plan_path} is the plan of a fitted head, not of training.")
    return plan


def last_validation_seconds(plan: Plan) -> float:
    """Return the seconds of the validation at the end, at the full size."""
    last = plan.stages[-1]
    (height, width), (full_height, full_width) = last.image_size, plan.image_size
    return (last.validation_seconds or 0.0) * full_height * full_width / (height * width)


def _remaining_seconds(plan: Plan, step: int, slowness: float) -> float:
    """Return the seconds of the rest of the plan at a pace."""
    steps = max(0, plan.num_steps - step)
    return slowness * (steps * _mean_step_seconds(plan, step) + last_validation_seconds(plan))


def _affordable_steps(plan: Plan, step: int, seconds: float, slowness: float) -> int:
    """Return how many steps from `step` on fit into `seconds`: at least 1, at most the limit."""
    left = seconds / slowness - last_validation_seconds(plan)
    steps = int(left / max(1e-9, _mean_step_seconds(plan, step)))
    if plan.most_steps is not None:
        steps = min(steps, plan.most_steps - step)
    return max(1, steps)


def _validation_interval(plan: Plan, seconds: float) -> float:
    """Return the number of epochs from one validation to the next."""
    cost = max(stage.validation_seconds or 0.0 for stage in plan.stages)
    affordable = _MAX_VALIDATION * seconds / cost if cost else plan.epochs
    count = max(1.0, min(affordable, _MAX_VALIDATIONS))
    if count < plan.epochs:
        return float(math.ceil(plan.epochs / count))
    parts = int(min(count, _MIN_VALIDATIONS) / plan.epochs)
    return 1 / max(1, parts)
