"""The training loop: steps, validation, history, checkpoints, and a clean stop.

Everything that decides the outcome is in the plan, the photos and the step
number. The loop keeps no other state than what a checkpoint holds, so a run
that was stopped or killed goes on from its last checkpoint and ends with the
same bits.
"""

from __future__ import annotations

import dataclasses
import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

import keras
import numpy as np
import tensorflow as tf

from pawsight.balance import is_imbalanced
from pawsight.errors import StoppedError, TrainingError
from pawsight.history import Epoch, best_epoch, load_history, mark_best, save_history
from pawsight.models.registry import build_model
from pawsight.pipeline.augment import Augment
from pawsight.pipeline.batches import evaluation_batches, training_batches
from pawsight.progress import Progress
from pawsight.records import Pixels
from pawsight.runs import Run
from pawsight.training.checkpoints import Checkpoint, load_checkpoint, save_checkpoint
from pawsight.training.interrupts import stop_requests
from pawsight.training.photos import Portion, WatchedPixels
from pawsight.training.recipe import Plan
from pawsight.training.step import (
    build_optimizer,
    build_train_step,
    build_validation_step,
    check_weights_fit,
)

_VALIDATION_BATCH = 128
# A killed run loses at most this much work, besides the one epoch end that may come later.
_CHECKPOINT_SECONDS = 120.0
# Compiling happens in the first steps; the feed runs two batches ahead.
_PACE_WARMUP = 4
_PACE_STEPS = 12


class _Validation(NamedTuple):
    """What a pass over a part found; the loss in nats, the accuracies from 0 to 1."""

    loss: float
    accuracy: float
    balanced_accuracy: float  # mean over the classes that are there


@dataclass(slots=True)
class _Tally:
    """Sums over the running epoch, and the time spent so far."""

    loss: float = 0.0
    num_right: float = 0.0
    num_images: float = 0.0
    num_timed: float = 0.0  # photos of steps that were timed: the first of a session compiles
    step_seconds: float = 0.0  # time of those steps
    seconds: float = 0.0  # of all the training so far

    @property
    def images_per_second(self) -> float:
        """The rate of the training steps alone; 0 while none was timed."""
        return self.num_timed / self.step_seconds if self.step_seconds else 0.0

    def clear(self) -> None:
        self.loss = self.num_right = self.num_images = self.num_timed = self.step_seconds = 0.0


class Trainer:
    """A freshly built model with what it takes to train it by a plan."""

    def __init__(self, plan: Plan, pixels: Pixels, train: Portion, validation: Portion) -> None:
        keras.utils.set_random_seed(plan.seed)
        self.plan = plan
        self.model = build_model(plan.model, len(plan.class_names), plan.image_size, plan.precision)
        self._pixels = WatchedPixels(pixels)
        self._train = train
        self._validation = validation
        self._is_imbalanced = any(is_imbalanced(_counts(part)) for part in (train, validation))
        self._optimizer = build_optimizer(plan)
        self._train_step = build_train_step(self.model, self._optimizer, plan)
        self._validation_step = build_validation_step(self.model, plan)

    def pace(self) -> tuple[float, float]:
        """Measure this machine: (training, validation) images per second.

        Runs real steps on real photos and then puts every variable back, so the
        run that follows starts from the same state as one that measured nothing.
        """
        before = self._checkpoint(0)
        for step, (images, labels) in enumerate(self._batches(0, _PACE_WARMUP + _PACE_STEPS)):
            if step == _PACE_WARMUP:
                started = time.perf_counter()
            self._train_step(images, labels, tf.constant(0.0))
        train_rate = _PACE_STEPS * self.plan.batch_size / (time.perf_counter() - started)
        some = Portion(self._validation.indices[:256], self._validation.labels[:256])
        self._validate(some)
        started = time.perf_counter()
        self._validate(some)
        validation_rate = len(some.indices) / (time.perf_counter() - started)
        self._restore(before)
        return train_rate, validation_rate

    def fit(self, plan: Plan, run: Run, progress: Progress) -> list[Epoch]:
        """Run the plan to its end, from the last checkpoint if the run has one.

        Leaves the weights of the best epoch in `run.best_checkpoint_path` and
        in `self.model`, and the history in `run.history_path`.

        Raises:
            StoppedError: The user stopped it; a checkpoint was written.
            TrainingError: The loss is no number any more.
        """
        self.plan = plan
        step, tally, history = self._resume(run)
        progress.start("Training", plan.num_steps, "steps")
        progress.advance(step)
        with stop_requests() as is_stopped:
            if step < plan.num_steps:
                self._loop(step, tally, history, run, progress, is_stopped)
        self._restore(load_checkpoint(run.best_checkpoint_path))
        return load_history(run.history_path)

    def _loop(
        self,
        step: int,
        tally: _Tally,
        history: list[Epoch],
        run: Run,
        progress: Progress,
        is_stopped: Callable[[], bool],
    ) -> None:
        plan = self.plan
        seconds_before, started = tally.seconds, time.perf_counter()
        last_saved, step_started = started, 0.0
        for images, labels in self._batches(step, plan.num_steps - step):
            learning_rate = plan.learning_rate_at(step)
            loss, num_right = self._train_step(images, labels, tf.constant(learning_rate))
            step += 1
            num_there = int(np.count_nonzero(labels.numpy() >= 0))
            tally.loss += float(loss) * num_there
            tally.num_right += int(num_right)
            tally.num_images += num_there
            self._pixels.check_enough_left(self._train, run)
            if not math.isfinite(tally.loss):
                raise TrainingError(_diverged(step, plan))
            now = time.perf_counter()
            if step_started:
                tally.num_timed += plan.batch_size
                tally.step_seconds += now - step_started
            tally.seconds = seconds_before + now - started
            progress.advance(
                1,
                epoch=len(history) + 1,
                images_per_second=tally.images_per_second,
                loss=tally.loss / max(1.0, tally.num_images),
                accuracy=tally.num_right / max(1.0, tally.num_images),
            )
            if step == plan.epoch_end(len(history) + 1):
                history = self._end_epoch(step, tally, history, run, progress)
                tally.seconds = seconds_before + time.perf_counter() - started
                tally.clear()
                is_due = True
            else:
                is_due = now - last_saved > _CHECKPOINT_SECONDS
            if is_due or is_stopped():
                save_checkpoint(self._checkpoint(step, tally), run.latest_checkpoint_path)
                last_saved = time.perf_counter()
            if is_stopped() and step < plan.num_steps:
                raise StoppedError(
                    f"Stopped after step {step:,} of {plan.num_steps:,}; nothing is lost.\n"
                    f"Go on with: pawsight resume {run.path}"
                )
            step_started = time.perf_counter()

    def _end_epoch(
        self, step: int, tally: _Tally, history: list[Epoch], run: Run, progress: Progress
    ) -> list[Epoch]:
        """Validate, add the row, and keep the weights if they are the best so far."""
        validation_started = time.perf_counter()
        found = self._validate(self._validation)
        self._pixels.check_enough_left(self._validation, run)
        row = Epoch(
            epoch=len(history) + 1,
            step=step,
            seconds=round(tally.seconds + time.perf_counter() - validation_started, 3),
            images_per_second=round(tally.images_per_second, 2),
            learning_rate=self.plan.learning_rate_at(step - 1),
            train_loss=tally.loss / max(1.0, tally.num_images),
            train_accuracy=tally.num_right / max(1.0, tally.num_images),
            validation_loss=found.loss,
            validation_accuracy=found.accuracy,
            is_best=False,
            validation_balanced_accuracy=found.balanced_accuracy if self._is_imbalanced else None,
        )
        history = mark_best([*history, row])
        if best_epoch(history).epoch == row.epoch:
            save_checkpoint(Checkpoint(step, self._weights()), run.best_checkpoint_path)
        save_history(history, run.history_path)
        progress.note(
            f"Epoch {row.epoch}: accuracy {row.train_accuracy:.1%} in training, "
            f"{found.accuracy:.1%} in validation"
            + (f" (balanced {found.balanced_accuracy:.1%})" if self._is_imbalanced else "")
            + f", {row.images_per_second:.0f} images/s"
        )
        return history

    def _validate(self, portion: Portion) -> _Validation:
        """Measure a part, without augmentation; photos that went bad do not count."""
        loss = 0.0
        num_classes = len(self.plan.class_names)
        right, count = np.zeros(num_classes), np.zeros(num_classes)
        batches = evaluation_batches(
            self._pixels, portion.indices, portion.labels, _VALIDATION_BATCH
        )
        with self._pixels.plain_errors():
            for images, labels in batches:
                batch_loss, is_right = self._validation_step(images, labels)
                loss += float(batch_loss)
                truth = labels.numpy()
                right += np.bincount(truth, weights=is_right.numpy(), minlength=num_classes)
                count += np.bincount(truth, minlength=num_classes)
        there = count > 0
        return _Validation(
            loss / max(1.0, float(count.sum())),
            float(right.sum() / max(1.0, count.sum())),
            float((right[there] / count[there]).mean()) if there.any() else 0.0,
        )

    def _batches(self, start_step: int, num_steps: int) -> Iterator[tuple[tf.Tensor, tf.Tensor]]:
        batches = training_batches(
            self._pixels,
            self._train.indices,
            self._train.labels,
            batch_size=self.plan.batch_size,
            seed=self.plan.seed,
            augment=Augment(self.plan.augment),
            start_step=start_step,
            num_steps=num_steps,
        )
        with self._pixels.plain_errors():
            yield from batches

    def _resume(self, run: Run) -> tuple[int, _Tally, list[Epoch]]:
        if not run.latest_checkpoint_path.is_file():
            return 0, _Tally(), []
        checkpoint = load_checkpoint(run.latest_checkpoint_path)
        self._restore(checkpoint)
        history = load_history(run.history_path) if run.history_path.is_file() else []
        # Killed between writing the history and the checkpoint: that epoch is run again.
        history = [row for row in history if row.step <= checkpoint.step]
        return checkpoint.step, _Tally(**checkpoint.facts), mark_best(history) if history else []

    def _weights(self) -> list[np.ndarray]:
        return [variable.value.numpy() for variable in self.model.variables]

    def _checkpoint(self, step: int, tally: _Tally | None = None) -> Checkpoint:
        slots = [variable.value.numpy() for variable in self._optimizer.variables]
        facts = dataclasses.asdict(tally) if tally else {}
        return Checkpoint(step, self._weights(), slots, facts)

    def _restore(self, checkpoint: Checkpoint) -> None:
        check_weights_fit(self.model, [array.shape for array in checkpoint.weights])
        for variable, array in zip(self.model.variables, checkpoint.weights, strict=True):
            variable.assign(array)
        if checkpoint.slots:
            for variable, array in zip(self._optimizer.variables, checkpoint.slots, strict=True):
                variable.assign(array)


def _counts(portion: Portion) -> list[int]:
    counts: list[int] = np.bincount(portion.labels).tolist()
    return counts


def _diverged(step: int, plan: Plan) -> str:
    return (
        f"The loss is no number any more at step {step:,}: training went astray.\n"
        f"Try a lower learning rate than {plan.learning_rate:g}, "
        f"such as --learning-rate {plan.learning_rate / 10:g}."
    )
