"""How long steps take here, and what that means for the length of a run.

What each size costs is measured before the first step. While the run goes on,
its pace is compared with that, and its end is moved when it would not come in
time: a busier machine takes fewer steps, a freer one more. The learning rate
follows the progress, so it reaches 0 at the end wherever that comes to lie.
"""

from __future__ import annotations

import math

from pawsight.training.plan import Plan

# The end is moved when it would miss its time by more than this share of the budget ...
_TOLERATED = 0.015
# ... and checked for less after so much progress. Pieces are not shorter than a third of that,
_OFTEN = 0.03
# unless the machine's speed changed as much as this, in shares of the budget.
_ALARMING = 0.06
# The pace is that of the last steps: those of this share of the budget, but no fewer than some.
_REMEMBERED = 0.03
_LEAST_SEEN = 6
# A run of fewer steps would be over before it could be planned anew.
_LEAST_STEPS = 16
_MOST_VALIDATION = 0.04  # share of the time that may go into validation
_MOST_VALIDATIONS = 100  # per run: a curve of more points says no more
_FEWEST_VALIDATIONS = 8  # per run, where it is that cheap; so there is a curve to look at


def fitted(plan: Plan, seconds: float) -> Plan:
    """Give a plan the length that takes `seconds`, at the costs its stages say.

    How often it is validated follows: each epoch where that costs little, else
    each few epochs; several times an epoch where a run has only a few of them.
    A few steps remain, however little time there is.

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
    """What the shortest run takes that is worth beginning, at the costs its stages say."""
    return _LEAST_STEPS * _mean_step_seconds(plan, 0) + last_validation_seconds(plan)


def _steps_at_first(plan: Plan, seconds: float) -> int:
    least = _LEAST_STEPS if plan.most_steps is None else min(_LEAST_STEPS, plan.most_steps)
    return max(least, _affordable_steps(plan, 0, seconds, 1.0))


class Pace:
    """Watches how fast a run goes, and plans it anew where its end would come at the wrong time."""

    def __init__(self, plan: Plan, num_ahead: int) -> None:
        """Start to watch.

        Args:
            plan: One with a budget.
            num_ahead: So many steps from now the batches are made already.
        """
        self._num_ahead = num_ahead
        budget = plan.seconds or 0.0
        cost = plan.stages[0].step_seconds or 0.0
        self._memory = max(_LEAST_SEEN * cost, _REMEMBERED * budget, 1e-9)
        # As if two steps had taken what was measured.
        self._actual = self._expected = 2 * cost or 1.0
        self._num_seen = 0

    @property
    def slowness(self) -> float:
        """How long the last steps took, by what was measured at the start: 1 is as long."""
        return self._actual / self._expected

    def took(self, plan: Plan, step: int, seconds: float) -> None:
        """Take note of how long a step (counted from 0) took."""
        cost = plan.stages[plan.stage_at(step)].step_seconds
        if not cost:
            return
        self._num_seen += 1
        kept = max(0.0, 1 - seconds / self._memory)
        self._actual = kept * self._actual + seconds
        self._expected = kept * self._expected + cost

    def replanned(self, plan: Plan, step: int, spent: float) -> Plan | None:
        """A plan whose end comes in time, or None where the present one's does.

        Args:
            plan: What is followed now.
            step: Steps done.
            spent: Seconds of the budget that are spent.
        """
        first, last = step + self._num_ahead, plan.pieces[-1]
        if plan.seconds is None or first >= plan.num_steps or step < last.step:
            return None
        if self._num_seen < _LEAST_SEEN:
            return None
        # What comes after training takes longer too, on a machine that got slower.
        left = plan.seconds - spent - plan.finish_seconds * (self.slowness - 1)
        missed = abs(_seconds_to_go(plan, step, self.slowness) - left) / plan.seconds
        moved = plan.progress_at(step) - last.progress
        is_due = (
            missed > _ALARMING
            or (missed > _TOLERATED and moved > _OFTEN / 3)
            or (missed > _TOLERATED / 5 and moved > _OFTEN)
        )
        if not is_due:
            return None
        # Until `first` everything is decided already.
        meanwhile = _seconds_to_go(plan, step, self.slowness)
        meanwhile -= _seconds_to_go(plan, first, self.slowness)
        num_steps = _affordable_steps(plan, first, left - meanwhile, self.slowness)
        return plan.replanned(first, num_steps)


def _stage_shares(plan: Plan, progress: float) -> list[float]:
    """How much progress is left in each stage."""
    shares, reached = [], progress
    for stage in plan.stages:
        shares.append(max(0.0, stage.until - reached))
        reached = max(reached, stage.until)
    return shares


def _mean_step_seconds(plan: Plan, step: int) -> float:
    """What a step costs on average from `step` on, with its part of the validations."""
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


def last_validation_seconds(plan: Plan) -> float:
    """What the validation at the end costs, at the full size."""
    last = plan.stages[-1]
    (height, width), (full_height, full_width) = last.image_size, plan.image_size
    return (last.validation_seconds or 0.0) * full_height * full_width / (height * width)


def _seconds_to_go(plan: Plan, step: int, slowness: float) -> float:
    """How long the rest of the plan takes at a pace."""
    steps = max(0, plan.num_steps - step)
    return slowness * (steps * _mean_step_seconds(plan, step) + last_validation_seconds(plan))


def _affordable_steps(plan: Plan, step: int, seconds: float, slowness: float) -> int:
    """How many steps from `step` on fit into `seconds`; at least 1, and no more than is allowed."""
    left = seconds / slowness - last_validation_seconds(plan)
    steps = int(left / max(1e-9, _mean_step_seconds(plan, step)))
    if plan.most_steps is not None:
        steps = min(steps, plan.most_steps - step)
    return max(1, steps)


def _validation_interval(plan: Plan, seconds: float) -> float:
    """Epochs from one validation to the next."""
    cost = max(stage.validation_seconds or 0.0 for stage in plan.stages)
    affordable = _MOST_VALIDATION * seconds / cost if cost else plan.epochs
    count = max(1.0, min(affordable, _MOST_VALIDATIONS))
    if count < plan.epochs:
        return float(math.ceil(plan.epochs / count))
    parts = int(min(count, _FEWEST_VALIDATIONS) / plan.epochs)
    return 1 / max(1, parts)
