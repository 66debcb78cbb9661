"""Looking at the validation photos: the loss, how many are right, and what that proves."""

from __future__ import annotations

from dataclasses import dataclass

import keras
import numpy as np

from pawsight.pipeline.batches import evaluation_batches
from pawsight.records import IntArray
from pawsight.training.photos import Portion, WatchedPixels
from pawsight.training.plan import Plan
from pawsight.training.step import build_validation_step

_BATCH_SIZE = 128


@dataclass(frozen=True, slots=True, eq=False)
class Validation:
    """What a pass over photos found.

    Attributes:
        loss: Mean over the photos, in nats.
        num_right: Photos of each class that were right, shape [K].
        num_photos: Photos of each class, shape [K].
    """

    loss: float
    num_right: IntArray
    num_photos: IntArray

    @property
    def accuracy(self) -> float:
        """Share of the photos that were right, 0..1."""
        return float(self.num_right.sum() / max(1, self.num_photos.sum()))

    @property
    def balanced_accuracy(self) -> float:
        """Mean over the classes that are there of their share, 0..1."""
        there = self.num_photos > 0
        if not there.any():
            return 0.0
        return float((self.num_right[there] / self.num_photos[there]).mean())

    def surely_reaches(self, target: float, is_balanced: bool) -> bool:
        """Whether the lower end of the 95 % interval of the accuracy is at least `target`."""
        from pawsight.evaluation.metrics import balanced_interval, wilson_interval

        if is_balanced:
            low = balanced_interval(self.num_right, self.num_photos)[0]
        else:
            low = wilson_interval(int(self.num_right.sum()), int(self.num_photos.sum()))[0]
        return low >= target


class Validator:
    """Measures a model on one part, without changing the photos."""

    def __init__(self, model: keras.Model, plan: Plan, pixels: WatchedPixels) -> None:
        self._num_classes = len(plan.class_names)
        self._pixels = pixels
        self._step = build_validation_step(model, plan)

    def measure(self, portion: Portion, image_size: tuple[int, int]) -> Validation:
        """Look at photos at a size; those that went bad do not count."""
        loss = 0.0
        right = np.zeros(self._num_classes, np.int64)
        count = np.zeros(self._num_classes, np.int64)
        batches = evaluation_batches(
            self._pixels, portion.indices, portion.labels, _BATCH_SIZE, image_size
        )
        with self._pixels.plain_errors():
            for images, labels in batches:
                batch_loss, is_right = self._step(images, labels)
                loss += float(batch_loss)
                truth = labels.numpy()
                right += np.bincount(truth[is_right.numpy()], minlength=self._num_classes)
                count += np.bincount(truth, minlength=self._num_classes)
        return Validation(loss / max(1, int(count.sum())), right, count)
