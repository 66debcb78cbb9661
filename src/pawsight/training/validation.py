"""Compute the score of a model on photos, with the user's metrics."""

from __future__ import annotations

from collections.abc import Sequence

import keras
import numpy as np
import tensorflow as tf

from pawsight.errors import TrainingError, first_line
from pawsight.pipeline.batches import evaluation_batches
from pawsight.task import task_of
from pawsight.training.communicator import SINGLE_PROCESS, Communicator
from pawsight.training.photos import MonitoredPixels, Subset
from pawsight.training.plan import Plan
from pawsight.training.score import ValidationScore
from pawsight.training.step import build_validation_step

_BATCH_SIZE = 128


class Validator:
    """Computes the score of a model on photos, without augmentation."""

    def __init__(
        self,
        model: keras.Model,
        plan: Plan,
        pixels: MonitoredPixels,
        metrics: Sequence[keras.Metric] = (),
        communicator: Communicator = SINGLE_PROCESS,
    ) -> None:
        self._metrics = metrics
        self._num_classes = len(plan.class_names)
        self._task = task_of(plan.task)
        self._pixels = pixels
        self._communicator = communicator
        self._step = build_validation_step(model, plan)

    def measure(self, portion: Subset, image_size: tuple[int, int]) -> ValidationScore:
        """Compute the score of the model on photos; lost photos are left out.

        The processes of a communicator share the photos, of which each must have at least one.

        Args:
            portion: The photos.
            image_size: (height, width) in pixels to which they are resized.
        """
        part = slice(self._communicator.part.index, None, self._communicator.part.count)
        for metric in self._metrics:
            metric.reset_state()
        loss, num_photos = 0.0, 0
        right = count = self._task.outcomes(portion.labels[:0], self._num_classes)
        batches = evaluation_batches(
            self._pixels, portion.indices[part], portion.labels[part], _BATCH_SIZE, image_size
        )
        with self._pixels.plain_errors():
            for images, labels in batches:
                batch_loss, is_right, logits = self._step(images, labels)
                self._update_metrics(labels, logits)
                loss += float(batch_loss)
                truth = labels.numpy()
                num_photos += len(truth)
                right = right + self._task.outcomes(truth, self._num_classes, is_right.numpy())
                count = count + self._task.outcomes(truth, self._num_classes)
        sums, right, count = self._communicator.sum_arrays(
            [np.array([loss, num_photos]), right, count]
        )
        return ValidationScore(float(sums[0]) / max(1, int(sums[1])), right, count)

    def own_metrics(self) -> dict[str, float]:
        """Return the results of the user's metrics for the last `measure`, by name.

        Raises:
            TrainingError: The result of a metric is not a single number.
        """
        try:
            return {metric.name: float(np.asarray(metric.result())) for metric in self._metrics}
        except (TypeError, ValueError) as error:
            raise TrainingError(
                f"The result of a metric must be a single number ({first_line(error)})."
            ) from error

    def _update_metrics(self, labels: tf.Tensor, logits: tf.Tensor) -> None:
        if not self._metrics:
            return
        if logits.shape[-1] == 1:
            logits = tf.concat([tf.zeros_like(logits), logits], axis=-1)
        probs = tf.nn.softmax(logits)
        one_hot = tf.one_hot(labels, self._num_classes)
        for metric in self._metrics:
            is_sparse = "Sparse" in type(metric).__name__
            try:
                metric.update_state(labels if is_sparse else one_hot, probs)
            except Exception as error:
                raise TrainingError(
                    f"The metric {metric.name} failed: {type(error).__name__}: {first_line(error)}"
                ) from error
