"""Sums over the training steps between two validations."""

from __future__ import annotations

from dataclasses import dataclass

from pawsight.history import Epoch
from pawsight.training.plan import Plan
from pawsight.training.score import ValidationScore


@dataclass(slots=True)
class Totals:
    """Sums since the last validation, and the time of the whole training so far."""

    loss: float = 0.0
    num_right: float = 0.0
    num_images: float = 0.0
    num_timed: float = 0.0  # photos of the timed steps, which are all that did not compile
    step_seconds: float = 0.0  # time of the timed steps
    seconds: float = 0.0  # time of the whole training so far

    def add(self, loss: float, num_right: float, num_readable: int) -> None:
        """Add one step.

        Args:
            loss: Mean over the photos that are not lost, in nats.
            num_right: Number of correctly classified photos.
            num_readable: Number of photos that are not lost.
        """
        self.loss += loss * num_readable
        self.num_right += num_right
        self.num_images += num_readable

    @property
    def images_per_second(self) -> float:
        """The rate of the timed steps; 0 if there are none."""
        return self.num_timed / self.step_seconds if self.step_seconds else 0.0

    def row(
        self, step: int, plan: Plan, score: ValidationScore, scale: float, is_imbalanced: bool
    ) -> Epoch:
        """Return the row of the history after a validation, without its learning rate.

        Args:
            step: Number of steps taken.
            plan: The current plan.
            score: The validation score.
            scale: Side of the validated images, relative to the full size of the plan.
            is_imbalanced: Whether the row has the balanced accuracy.
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
        """Set everything except `seconds` to 0."""
        self.loss = self.num_right = self.num_images = self.num_timed = self.step_seconds = 0.0
