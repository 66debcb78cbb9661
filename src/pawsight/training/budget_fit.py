"""Fit a plan to its time budget: measure the network, then choose image sizes and steps."""

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

# Training gets at least this share of the budget, however long everything else takes.
_MIN_SHARE = 0.1
# With a smaller share, the user receives a note.
_SMALL_SHARE = 0.4
# Share of the budget for measuring the speed at each image size, and its maximum.
_MEASURED = 0.008
_MAX_MEASURED_SECONDS = 2.0
# Share of the budget that is planned, so that varying step times do not exceed the budget.
_AIM = 0.975


class OutOfTimeError(TrainingError):
    """The budget leaves no time to improve a network that is usable without training."""


class TimeCosts(NamedTuple):
    """What a budget covers besides training."""

    budget: TimeBudget
    finish_seconds: float  # for export, figures and report
    num_evaluated: int  # photos that the exported model is evaluated on
    slowdown: float  # time of an evaluation relative to a validation, per photo
    speedup: float  # expected speed of training relative to the measured speed

    def overhead(self, photo_seconds: float) -> float:
        """Return the seconds spent so far plus those needed after training.

        Args:
            photo_seconds: Seconds for the validation of a photo.
        """
        evaluation = self.num_evaluated * self.slowdown * photo_seconds
        return self.budget.spent_seconds + self.finish_seconds + evaluation


def fit_to_budget(
    plan: Plan, config: TrainConfig, learner: Learner, costs: TimeCosts, progress: Progress
) -> Plan:
    """Measure the network, and plan the image sizes and the steps that the budget allows.

    Args:
        plan: The plan that follows from the settings alone.
        config: The settings.
        learner: The network. With a scored warm start, too short a budget is an error.
        costs: What else the budget has to cover.
        progress: Receives a note if the budget is short.

    Raises:
        OutOfTimeError: The budget is too short to improve a warm start.
    """
    seconds = 60 * (plan.minutes or 0.0) - costs.budget.reserved_seconds
    speed = Speed(learner, min(_MAX_MEASURED_SECONDS, _MEASURED * seconds), costs.speedup)
    # Measured at the first, smallest size: the time is proportional to the number of pixels.
    first = plan.stages[0]
    share = math.prod(first.image_size) / math.prod(plan.image_size)
    epoch_seconds = speed.step_seconds(plan, 0) / share * plan.num_train / plan.batch_size
    left = seconds - costs.overhead(0.0)
    plan = speed.with_costs(planning.sized(plan, config, left / epoch_seconds))
    validation_seconds = pacing.last_validation_seconds(plan)
    overhead = costs.overhead(validation_seconds / plan.num_validation)
    start = learner.warm_start
    if start:  # the trainer also validates the initial weights, or their average with the final
        overhead += (2 if start.row is None else 1) * validation_seconds
        pixels = sum(map(math.prod, plan.finished_sizes)) / math.prod(plan.image_size)
        overhead += 2 * pixels * validation_seconds
    if start and start.row and _AIM * seconds - overhead < pacing.least_seconds(plan):
        raise OutOfTimeError(f"{plan.minutes:g} min leave no time for fine-tuning.")
    left = max(_AIM * seconds - overhead, _MIN_SHARE * seconds)
    if left < _SMALL_SHARE * seconds:
        progress.note(
            f"{plan.minutes:g} min is short: starting and evaluating take about {overhead:.0f} s. "
            f"Give more --minutes for a better model."
        )
    finish_seconds = overhead - costs.budget.spent_seconds
    return pacing.fitted(plan.model_copy(update={"finish_seconds": finish_seconds}), left)
