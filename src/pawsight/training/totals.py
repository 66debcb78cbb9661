"""What the training loop sums up between two validations."""

from __future__ import annotations

from dataclasses import dataclass

from pawsight.history import Epoch
from pawsight.training.plan import Plan
from pawsight.training.score import ValidationScore


@dataclass(slots=True)
class Totals:
    """Sums since the last validation, and the time spent so far."""

    loss: float = 0.0
    num_right: float = 0.0
    num_images: float = 0.0
    num_timed: float = 0.0  # photos of timed steps: the first step of a session compiles
    step_seconds: float = 0.0  # time of those steps
    seconds: float = 0.0  # of all the training so far

    def add(self, loss: float, num_right: float, num_readable: int) -> None:
        """Add one step.

        Args:
            loss: Mean over the photos that are not lost, in nats.
            num_right: How many of them are classified correctly.
            num_readable: How many there are.
        """
        self.loss += loss * num_readable
        self.num_right += num_right
        self.num_images += num_readable

    @property
    def images_per_second(self) -> float:
        """The rate of the training steps alone; 0 while none was timed."""
        return self.num_timed / self.step_seconds if self.step_seconds else 0.0

    def row(
        self, step: int, plan: Plan, score: ValidationScore, scale: float, is_imbalanced: bool
    ) -> Epoch:
        """Return the row of the history after a validation, with a learning rate of 0.

        Args:
            step: Steps taken.
            plan: As it is followed.
            score: The score.
            scale: Side of the images of the validation, relative to the largest of the plan.
            is_imbalanced: Whether the balanced accuracy decides.
        """
        num_images = max(1.0, self.num_images)
        return Epoch(
            epoch=plan.epochs_at(step),
            step=step,
            seconds=round(self.seconds, 3),
            images_per_second=round(self.images_per_second, 2),
            learning_rate=0.0,
            train_loss=self.loss / num_images,
            train_accuracy=self.num_right / num_images,
            validation_loss=score.loss,
            validation_accuracy=score.accuracy,
            is_best=False,
            validation_balanced_accuracy=score.balanced_accuracy if is_imbalanced else None,
            validation_scale=scale,
        )

    def clear(self) -> None:
        """Set all but the seconds of the run to 0."""
        self.loss = self.num_right = self.num_images = self.num_timed = self.step_seconds = 0.0
