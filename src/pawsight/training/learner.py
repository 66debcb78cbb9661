"""A network with its optimizer, compiled steps and photos."""

from __future__ import annotations

from collections.abc import Callable

import keras
import numpy as np
import tensorflow as tf

from pawsight.models.registry import build_model
from pawsight.records import Pixels
from pawsight.training.communicator import SINGLE_PROCESS, Communicator
from pawsight.training.custom_components import Callbacks, CustomComponents
from pawsight.training.feed import Feed
from pawsight.training.optimizers import build_optimizer
from pawsight.training.photos import MonitoredPixels, Subset
from pawsight.training.plan import Plan
from pawsight.training.state import State
from pawsight.training.step import TrainStep, build_train_step
from pawsight.training.validation import Validator
from pawsight.training.warm_start import WarmStart


class Learner:
    """A network with all that a training step needs; the caller decides steps and learning rates.

    Args:
        plan: Decides the network, the optimizer and the loss. Its steps and stages are not
            used, so they may still be undecided.
        pixels: The pixels of all photos.
        train: The training photos.
        validation: The validation photos.
        warm_start: The network to start from; None builds one with random weights.
        components: The user's optimizer, metrics and callbacks.
        communicator: The processes that take each step together.

    Attributes:
        initial: The weights that fine-tuning starts from, if their score is known; else None.
    """

    def __init__(
        self,
        plan: Plan,
        pixels: Pixels,
        train: Subset,
        validation: Subset,
        warm_start: WarmStart | None = None,
        components: CustomComponents | None = None,
        communicator: Communicator = SINGLE_PROCESS,
    ) -> None:
        keras.utils.set_random_seed(plan.seed)
        self.pixels = MonitoredPixels(pixels)
        self.train = train
        self.validation = validation
        self.warm_start = warm_start
        self.communicator = communicator
        self.model = warm_start.build(plan) if warm_start else _with_random_weights(plan)
        communicator.prepare(self.model)
        components = components or CustomComponents()
        self.validator = Validator(self.model, plan, self.pixels, components.metrics, communicator)
        self._plan = plan
        is_own = plan.optimizer == "own"
        self._optimizer = components.new_optimizer() if is_own else build_optimizer(plan)
        self._optimizer.build(self.model.trainable_variables)
        self.callbacks = Callbacks(components, self.model, self._optimizer)
        self.state = State(self.model, self._optimizer)
        is_tuned = warm_start is not None and warm_start.row is not None
        self.initial = self.state.weights() if is_tuned else None
        self._steps: dict[float, TrainStep] = {}
        self._on_device = bool(tf.config.list_physical_devices("GPU"))

    def train_step(
        self, images: tf.Tensor, labels: tf.Tensor, learning_rate: tf.Tensor, share: float
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """Take a training step, compiled at the first call with each `share`.

        Args:
            images: float32 0..255, [B, H, W, 3].
            labels: int32 [B]; of multi-label photos [B, K].
            learning_rate: Of this step.
            share: The share of the layers that are trained, counted from the last, 0..1.

        Returns:
            The mean loss, and the number of photos that are classified correctly.
        """
        if share not in self._steps:
            self._steps[share] = build_train_step(
                self.model, self._optimizer, self._plan, share, self.communicator
            )
        return self._steps[share](images, labels, learning_rate)

    def num_readable(self, labels: np.ndarray) -> int:
        """Return how many photos of a batch are not lost; `labels` are those of this process."""
        is_readable = labels.reshape(len(labels), -1)[:, 0] >= 0
        (total,) = self.communicator.sum_arrays([np.array([np.count_nonzero(is_readable)])])
        return int(total[0])

    def learning_rate_at(self, step: int, plan: Plan) -> float:
        """Return the learning rate of a step, counted from 0, from the plan or own optimizer."""
        if self._plan.optimizer == "own":
            return float(np.asarray(self._optimizer.learning_rate))
        return plan.learning_rate_at(step)

    def feed(self, plan_now: Callable[[], Plan]) -> Feed:
        """Return a source of training batches; `plan_now` returns the current plan."""
        return Feed(self.pixels, self.train, plan_now, self._on_device, self.communicator.part)


def _with_random_weights(plan: Plan) -> keras.Model:
    num_classes = len(plan.class_names)
    return build_model(plan.model, num_classes, plan.image_size, plan.precision, any_size=True)
