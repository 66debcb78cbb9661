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
    # Correctly classified photos of each class, shape [K]; for multi-label photos, correct
    # decisions on the photos without each label and on those with it, shape [2K].
    num_right: IntArray
    # Photos of each class, shape [K]; for multi-label photos, photos without each label and with
    # it, shape [2K].
    num_photos: IntArray

    @property
    def accuracy(self) -> float:
        """Share of correctly classified photos, or of correct decisions, 0..1."""
        return float(self.num_right.sum() / max(1, self.num_photos.sum()))

    @property
    def balanced_accuracy(self) -> float:
        """Mean recall of the classes that have photos, 0..1."""
        has_photos = self.num_photos > 0
        if not has_photos.any():
            return 0.0
        return float((self.num_right[has_photos] / self.num_photos[has_photos]).mean())

    def confirms(self, target: float, is_balanced: bool) -> bool:
        """Return whether the lower 95 % bound of the (balanced) accuracy reaches the target."""
        if is_balanced:
            low = balanced_interval(self.num_right, self.num_photos)[0]
        else:
            low = wilson_interval(int(self.num_right.sum()), int(self.num_photos.sum()))[0]
        return low >= target


def score(logits: FloatArray, labels: IntArray, task: Task = SINGLE_LABEL) -> ValidationScore:
    """Compute the score of logits; ties go to the lower class index.

    Args:
        logits: Shape [N, K].
        labels: True class indices, [N]; for multi-label photos 1 or 0 for each label, [N, K].
        task: Whether photos have one class or several labels.
    """
    num_classes = logits.shape[1]
    is_right = task.decide(task.probabilities(logits)) == labels
    return ValidationScore(
        float(task.log_losses(logits, labels).mean()),
        task.outcomes(labels, num_classes, is_right),
        task.outcomes(labels, num_classes),
    )
