"""Lower the learning rate where training diverges.

All weights in a checkpoint are finite, so training resumes from it with a quarter of
the learning rate. plan.json records this before the next step, so that a killed run
ends with the same bits.
"""

from __future__ import annotations

import math

from pawsight.errors import TrainingError
from pawsight.training.plan import Cut, Plan

_FACTOR = 0.25
_MAX_CUTS = 4  # the lowest learning rate is 1/256 of the planned one


class DivergedError(TrainingError):
    """The loss or a weight is NaN or infinite."""

    def __init__(self, step: int, plan: Plan, what: str) -> None:
        """Name the step (counted from 1), what is not finite, and a lower learning rate."""
        lowest = plan.learning_rate * math.prod(cut.factor for cut in plan.cuts)
        also = f" with a learning rate of {lowest:g} as well" if plan.cuts else ""
        super().__init__(
            f"{what} at step {step:,}: training diverged{also}.\n"
            f"Try a lower learning rate than {lowest:g}, "
            f"such as --learning-rate {lowest / 10:g}."
        )
        self.step = step
        self.what = what


def described(loss: float) -> str:
    """Return that a loss is NaN or infinite, as a clause."""
    return f"Loss is {'NaN' if math.isnan(loss) else 'infinite'}"


def with_lower_rate(plan: Plan, error: DivergedError, step: int) -> Plan:
    """Return the plan with a lower learning rate from `step` on.

    Args:
        plan: The plan that diverged.
        error: The divergence.
        step: Steps of the checkpoint that training resumes from.

    Raises:
        DivergedError: The learning rate was lowered `_MAX_CUTS` times already.
    """
    if len(plan.cuts) >= _MAX_CUTS:
        raise error
    cut = Cut(step=step, factor=_FACTOR, diverged_at=error.step)
    return plan.model_copy(update={"cuts": (*plan.cuts, cut)})
