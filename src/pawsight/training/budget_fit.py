"""Fit a plan to its time budget: measure the network, then choose the sizes and the length."""

from __future__ import annotations

import math
from typing import NamedTuple

from pawsight.config import TrainConfig
from pawsight.errors import TrainingError
from pawsight.progress import Progress
from pawsight.training import pacing, planning
from pawsight.training.learner import Learner
from pawsight.training.plan import Plan
from pawsight.training.step_timing import Speed
from pawsight.training.time_budget import TimeBudget

# However slow the machine is to start, this share of the budget goes into training.
_MIN_SHARE = 0.1
# With less than this share, the user receives a note.
_SMALL_SHARE = 0.4
# Share of the budget in which the speed is measured, at each size; and the most seconds.
_MEASURED = 0.008
_MAX_MEASURED_SECONDS = 2.0
# The share of the budget to plan for, so that it is kept although steps vary.
_AIM = 0.975


class OutOfTimeError(TrainingError):
    """A budget leaves no time to improve a network that can be used as it is."""


class TimeCosts(NamedTuple):
    """What a budget covers besides training."""

    budget: TimeBudget
    finish_seconds: float  # for export, figures and report
    num_evaluated: int  # photos that the exported model runs on in the end
    slowdown: float  # how much longer it takes for one than a validation
    speedup: float  # how many times as fast as measured the training is expected to be

    def around(self, photo_seconds: float) -> float:
        """Return the seconds spent by now plus what the end takes, at so much a photo."""
        evaluation = self.num_evaluated * self.slowdown * photo_seconds
        return self.budget.spent_seconds + self.finish_seconds + evaluation


def fit_to_budget(
    plan: Plan, config: TrainConfig, learner: Learner, costs: TimeCosts, progress: Progress
) -> Plan:
    """Measure the network, and give the plan the sizes and the length that its budget allows.

    Args:
        plan: What was decided from the settings alone.
        config: The settings.
        learner: The network; with a warm start too short a budget is refused.
        costs: What else the budget has to cover.
        progress: Receives a note where the budget is too short to learn much.

    Raises:
        OutOfTimeError: The budget is too short to improve a warm start.
    """
    seconds = 60 * (plan.minutes or 0.0) - costs.budget.reserved_seconds
    speed = Speed(learner, min(_MAX_MEASURED_SECONDS, _MEASURED * seconds), costs.speedup)
    # The smallest photos are enough for a choice of sizes: the cost is proportional to the pixels.
    first = plan.stages[0]
    share = math.prod(first.image_size) / math.prod(plan.image_size)
    epoch_seconds = speed.step_seconds(plan, 0) / share * plan.num_train / plan.batch_size
    left = seconds - costs.around(0.0)
    plan = speed.with_costs(planning.sized(plan, config, left / epoch_seconds))
    around = costs.around(pacing.last_validation_seconds(plan) / plan.num_validation)
    start = learner.warm_start
    if start:  # the trainer scores it first, or its average with the final weights in the end
        around += (2 if start.row is None else 1) * pacing.last_validation_seconds(plan)
        pixels = sum(map(math.prod, plan.finished_sizes)) / math.prod(plan.image_size)
        around += 2 * pixels * pacing.last_validation_seconds(plan)
    if start and start.row and _AIM * seconds - around < pacing.least_seconds(plan):
        raise OutOfTimeError(f"{plan.minutes:g} min leave no time for fine-tuning.")
    left = max(_AIM * seconds - around, _MIN_SHARE * seconds)
    if left < _SMALL_SHARE * seconds:
        progress.note(
            f"{plan.minutes:g} min is short: about {around:.0f} s go into starting and evaluating. "
            f"Give more --minutes for a better model."
        )
    finish_seconds = around - costs.budget.spent_seconds
    return pacing.fitted(plan.model_copy(update={"finish_seconds": finish_seconds}), left)
