"""The training loop: steps, validation, history, checkpoints, and a clean stop.

The result depends only on the plan, the photos and the step number, and a checkpoint has
the whole state, so a killed run continues and ends with the same bits. In a run with a
budget, the end of the plan may move; plan.json is written before a step follows the change.
"""

from __future__ import annotations

import dataclasses
import math
import time
from collections.abc import Callable

import numpy as np
import tensorflow as tf

from pawsight.class_weights import is_imbalanced
from pawsight.errors import StoppedError
from pawsight.formatting import percent, resume_command
from pawsight.history import Epoch, best_epoch, load_history, mark_best, save_history
from pawsight.progress import Progress
from pawsight.runs import Run
from pawsight.task import task_of
from pawsight.training.candidates import Candidate, candidates
from pawsight.training.checkpoints import Checkpoint, load_checkpoint, save_checkpoint
from pawsight.training.communicator import Decision
from pawsight.training.divergence import DivergedError, described, with_lower_rate
from pawsight.training.interrupts import stop_requests
from pawsight.training.learner import Learner
from pawsight.training.pacing import Pace
from pawsight.training.photos import Subset
from pawsight.training.plan import Plan, save_plan
from pawsight.training.score import ValidationScore
from pawsight.training.totals import Totals

Clock = Callable[[], float]

_CHECKPOINT_SECONDS = 120.0  # time between checkpoints, which a killed run may lose
# Checkpoints are also written after validations, if this takes less than this share of the time.
_CHECKPOINT_SHARE = 0.02


class Trainer:
    """Trains a network by a plan, from its last checkpoint or from the first step.

    Args:
        learner: The network, built for this plan.
        plan: The plan to begin with. The attribute `plan` is the current plan.
        clock: Returns seconds, like `time.perf_counter`.
    """

    def __init__(self, learner: Learner, plan: Plan, clock: Clock = time.perf_counter) -> None:
        self.plan = plan
        self.learner = learner
        self._clock = clock
        task, subsets = task_of(plan.task), (learner.train, learner.validation)
        self._is_imbalanced = any(is_imbalanced(task.counts(part.labels, 0)) for part in subsets)
        self._feed = learner.feed(lambda: self.plan)
        self._tally = Totals()
        self._history: list[Epoch] = []
        self._best: list[np.ndarray] = []
        self._initial: Checkpoint | None = None  # until the first checkpoint is written
        self._began = clock()  # minus the seconds of earlier sessions

    def fit(self, run: Run, progress: Progress) -> list[Epoch]:
        """Train to the end of the plan; return the history.

        Afterwards the network has the best weights, and the run folder history and plan.

        Raises:
            StoppedError: The user stopped the training; a checkpoint was written.
            TrainingError: Training diverged, also with lower learning rates.
        """
        step = self._resume(run, progress)
        self.learner.callbacks.begin(len(self._history))
        with stop_requests() as is_stopped:
            while step < self.plan.num_steps:
                progress.start("Training", self.plan.num_steps, "steps")
                progress.advance(step)
                for row in self._history:  # of earlier sessions
                    progress.advance(0, **row.facts())
                try:
                    step = self._loop(step, run, progress, is_stopped)
                except DivergedError as error:
                    step = self._go_back(error, run, progress)
        final = self.learner.state.weights()
        for candidate in candidates(self.plan, self.learner.initial, final):
            self._score_candidate(candidate, run, progress)
        self.learner.callbacks.end()
        self.learner.state.set_weights(self._best)
        return self._history

    def begin(self, run: Run, progress: Progress) -> None:
        """Write a checkpoint of the weights before the first step, unless there is one."""
        if self._resume(run, progress) == 0:
            self._save(0, run)

    def _loop(self, step: int, run: Run, progress: Progress, is_stopped: Callable[[], bool]) -> int:
        """Train from a step to the end of the plan; return the number of its steps."""
        tally, clock = self._tally, self._clock
        last_saved = started = clock()
        first_step = step
        save_seconds = 0.0
        pace = Pace(self.plan, self._feed.num_ahead)
        batches = self._feed.batches(step)
        while step < self.plan.num_steps:
            step_started = clock()
            images, labels = next(batches)
            learning_rate = tf.constant(self.plan.learning_rate_at(step), tf.float32)
            share = self.plan.stages[self.plan.stage_at(step)].share
            loss, num_right = self.learner.train_step(images, labels, learning_rate, share)
            tally.add(float(loss), float(num_right), self.learner.num_readable(labels.numpy()))
            self._check(step + 1, run)
            now = clock()
            # Without the first step of a session or a stage, which may compile.
            if step > first_step and self.plan.stage_at(step) == self.plan.stage_at(step - 1):
                pace.record_step(self.plan, step, now - step_started)
                tally.num_timed += self.plan.batch_size
                tally.step_seconds += now - step_started
            step += 1
            tally.seconds = self._clock() - self._began
            self._report_step(step, progress)
            is_validated = self.plan.is_validated_after(step)
            if is_validated:
                self._end_epoch(step, run, progress)
                tally.clear()
            revised = pace.replanned(self.plan, step, tally.seconds)
            now, since = clock(), clock() - last_saved
            is_cheap = is_validated and save_seconds < _CHECKPOINT_SHARE * since
            is_saved = since > _CHECKPOINT_SECONDS or is_cheap
            decision = self.learner.communicator.agree(Decision(revised, is_saved, is_stopped()))
            if decision.plan is not None:
                self._follow(decision.plan, run)
            is_last = step == self.plan.num_steps
            if decision.is_saved or decision.is_stopped or is_last:
                self._save(step, run)
                last_saved = clock()
                save_seconds = last_saved - now
            if decision.is_stopped and not is_last:
                raise StoppedError(
                    f"Stopped after step {step:,} of {self.plan.num_steps:,}; no work is lost.\n"
                    f"Continue with: {resume_command(run.place)}"
                )
        batches.close()
        limit = self._feed.limit(clock() - started)
        if limit is not None:
            progress.note(f"Training was limited by: {limit}.")
            self._follow(self.plan.model_copy(update={"limited_by": limit}), run)
        return step

    def _save(self, step: int, run: Run) -> None:
        checkpoint = self._capture(step)
        if not checkpoint.is_finite:
            raise DivergedError(step, self.plan, "A weight is not finite")
        save_checkpoint(checkpoint, run.checkpoints_dir)
        self._initial = None

    def _capture(self, step: int) -> Checkpoint:
        return self.learner.state.capture(step, dataclasses.asdict(self._tally), self._best)

    def _go_back(self, error: DivergedError, run: Run, progress: Progress) -> int:
        """Restore the last checkpoint, and lower the learning rate; return its step."""
        if self.plan.optimizer == "own":
            raise error  # the user's optimizer decides the learning rate
        began = self._began
        step = self._resume(run, progress)
        self._began = began  # the lost steps took time, too
        self._follow(with_lower_rate(self.plan, error, step), run)
        progress.note(
            f"{error.what} at step {error.step:,}: training diverged. Resuming from step {step:,} "
            f"with the learning rate multiplied by {self.plan.cuts[-1].factor:g}."
        )
        return step

    def _check(self, step: int, run: Run) -> None:
        """Raise an error if too many photos are lost or the loss is not finite."""
        self.learner.pixels.check_enough_left(self.learner.train, run)
        if not math.isfinite(self._tally.loss):
            raise DivergedError(step, self.plan, described(self._tally.loss))

    def _report_step(self, step: int, progress: Progress) -> None:
        tally, num_images = self._tally, max(1.0, self._tally.num_images)
        progress.advance(
            1,
            total=self.plan.num_steps,
            epoch=(step - 1) * self.plan.batch_size // self.plan.num_train + 1,
            images_per_second=tally.images_per_second,
            loss=tally.loss / num_images,
            accuracy=tally.num_right / num_images,
        )
        self.learner.callbacks.after_step(step, tally.loss / num_images)

    def _end_epoch(self, step: int, run: Run, progress: Progress) -> None:
        """Validate, add a row to the history, keep the best weights, and stop at the target."""
        full, size = self.plan.image_size, self.plan.stages[self.plan.stage_at(step - 1)].image_size
        if step >= self.plan.num_steps:
            size = full
        target = self.plan.target_accuracy
        score = self._measure(size, run)
        is_reached = target is not None and score.confirms(target, self._is_imbalanced)
        if is_reached and target is not None and size != full:
            score, size = self._measure(full, run), full
            is_reached = score.confirms(target, self._is_imbalanced)
        if not math.isfinite(score.loss):
            raise DivergedError(step, self.plan, f"{described(score.loss)} in validation")
        row = self._row(step, score, size[0] / full[0])
        self._history = mark_best([*self._history, row])
        if best_epoch(self._history).step == step:
            self._best = self.learner.state.weights()
        save_history(self._history, run.history_path)
        progress.advance(0, **row.facts())
        progress.note(row.describe(self.plan.image_size, task_of(self.plan.task).accuracy_title))
        is_requested = self.learner.callbacks.after_epoch(row)
        if (is_reached or is_requested) and step < self.plan.num_steps:
            target_reached = f"Target of {percent(target)} reached (lower 95 % bound)"
            reason = target_reached if is_reached else "A callback requests it"
            progress.note(f"{reason}; stopping early.")
            self._follow(self.plan.model_copy(update={"num_steps": step}), run)

    def _score_candidate(self, candidate: Candidate, run: Run, progress: Progress) -> None:
        """Validate an alternative to the final weights, and keep it if it is the best."""
        self.learner.state.set_weights(candidate.weights)
        scale = candidate.image_size[0] / self.plan.image_size[0]
        score = self._measure(candidate.image_size, run)
        row = dataclasses.replace(
            self._row(self.plan.num_steps, score, scale),
            train_loss=self._history[-1].train_loss,
            train_accuracy=self._history[-1].train_accuracy,
            is_average=candidate.is_average,
            is_smaller=scale < 1,
        )
        progress.note(row.describe(self.plan.image_size, task_of(self.plan.task).accuracy_title))
        if math.isfinite(score.loss):
            self._history = mark_best([*self._history, row])
            save_history(self._history, run.history_path)
            if self._history[-1].is_best:
                self._best = candidate.weights

    def _measure(self, size: tuple[int, int], run: Run) -> ValidationScore:
        score = self.learner.validator.measure(self.learner.validation, size)
        self.learner.pixels.check_enough_left(self.learner.validation, run)
        return score

    def _row(self, step: int, score: ValidationScore, scale: float) -> Epoch:
        self._tally.seconds = self._clock() - self._began
        row = self._tally.row(step, self.plan, score, round(scale, 4), self._is_imbalanced)
        rate = self.learner.learning_rate_at(step - 1, self.plan) if step else 0.0
        own_metrics = self.learner.validator.own_metrics()
        return dataclasses.replace(row, learning_rate=rate, own_metrics=own_metrics)

    def _row_at_start(self, run: Run) -> Epoch:
        """Score the initial weights on the validation photos and as many training photos."""
        train, count = self.learner.train, len(self.learner.validation.indices)
        every = max(1, len(train.indices) // count)
        sample = Subset(train.indices[::every][:count], train.labels[::every][:count])
        train_score = self.learner.validator.measure(sample, self.plan.image_size)
        score = self._measure(self.plan.image_size, run)
        self._began = self._clock()  # the budget of the steps has no share for these scores
        return dataclasses.replace(
            self._row(0, score, 1.0),
            train_loss=train_score.loss,
            train_accuracy=train_score.accuracy,
            is_best=True,
        )

    def _follow(self, plan: Plan, run: Run) -> None:
        """Save a changed plan, and follow it from now on."""
        save_plan(run, plan)
        self.plan = plan

    def _resume(self, run: Run, progress: Progress) -> int:
        """Restore the last checkpoint, or the initial state; return its step."""
        self._tally, self._history, self._best = Totals(), [], []
        self._began = self._clock()
        checkpoint = load_checkpoint(run.checkpoints_dir, progress)
        if checkpoint is None:
            if self._initial is not None:  # training diverged before the first checkpoint
                self.learner.state.restore(self._initial)
            if self.learner.warm_start is not None:
                self._history = [self.learner.warm_start.row or self._row_at_start(run)]
                self._best = self.learner.state.weights()
                save_history(self._history, run.history_path)
            self._initial = self._capture(0)
            return 0
        self.learner.state.restore(checkpoint)
        self._tally, self._best = Totals(**checkpoint.facts), checkpoint.best
        self._began = self._clock() - self._tally.seconds
        history = load_history(run.history_path) if run.history_path.is_file() else []
        # Rows after the checkpoint are of a killed process; their steps are repeated.
        history = [row for row in history if row.step <= checkpoint.step and not row.is_extra]
        self._history = mark_best(history) if history else []
        return checkpoint.step
