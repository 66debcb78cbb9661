"""The score of a network on photos: loss, accuracy, and whether it proves a target.

Needs no TensorFlow.
"""

from __future__ import annotations

from dataclasses import dataclass

from pawsight.evaluation.intervals import balanced_interval, wilson_interval
from pawsight.records import FloatArray, IntArray
from pawsight.task import SINGLE_LABEL, Task


@dataclass(frozen=True, slots=True, eq=False)
class ValidationScore:
    """The result of a pass over photos."""

    loss: float  # mean over the photos, in nats
    # Photos of each class that were classified correctly, shape [K]; of several labels the right
    # decisions on each, without it and with it, shape [2K].
    num_right: IntArray
    # Photos of each class, shape [K]; of several labels those without each label and those with it,
    # shape [2K].
    num_photos: IntArray

    @property
    def accuracy(self) -> float:
        """Share of the photos that were classified correctly, or of right decisions, 0..1."""
        return float(self.num_right.sum() / max(1, self.num_photos.sum()))

    @property
    def balanced_accuracy(self) -> float:
        """Mean recall of the classes that have photos, 0..1."""
        there = self.num_photos > 0
        if not there.any():
            return 0.0
        return float((self.num_right[there] / self.num_photos[there]).mean())

    def confirms(self, target: float, is_balanced: bool) -> bool:
        """Return whether the lower 95 % bound of the (balanced) accuracy reaches the target."""
        if is_balanced:
            low = balanced_interval(self.num_right, self.num_photos)[0]
        else:
            low = wilson_interval(int(self.num_right.sum()), int(self.num_photos.sum()))[0]
        return low >= target


def score(logits: FloatArray, labels: IntArray, task: Task = SINGLE_LABEL) -> ValidationScore:
    """Score logits [N, K] by the true class indices [N]; ties go to the lower class index."""
    num_classes = logits.shape[1]
    is_right = task.decide(task.probabilities(logits)) == labels
    return ValidationScore(
        float(task.log_losses(logits, labels).mean()),
        task.outcomes(labels, num_classes, is_right),
        task.outcomes(labels, num_classes),
    )
