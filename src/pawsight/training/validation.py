"""Validate a model on the validation photos."""

from __future__ import annotations

import keras
import numpy as np

from pawsight.pipeline.batches import evaluation_batches
from pawsight.training.photos import MonitoredPixels, Subset
from pawsight.training.plan import Plan
from pawsight.training.score import ValidationScore
from pawsight.training.step import build_validation_step

_BATCH_SIZE = 128


class Validator:
    """Scores a model on a part of the photos, without augmentation."""

    def __init__(self, model: keras.Model, plan: Plan, pixels: MonitoredPixels) -> None:
        self._num_classes = len(plan.class_names)
        self._pixels = pixels
        self._step = build_validation_step(model, plan)

    def measure(self, portion: Subset, image_size: tuple[int, int]) -> ValidationScore:
        """Score the model on photos at (height, width) pixels; lost photos are left out."""
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
        return ValidationScore(loss / max(1, int(count.sum())), right, count)
