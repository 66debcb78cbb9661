"""Measure the time of training steps and validations on this machine, with the run's photos."""

from __future__ import annotations

import math
import time

import tensorflow as tf

from pawsight.machine import elapsed_seconds
from pawsight.training.learner import Learner
from pawsight.training.photos import Subset
from pawsight.training.plan import Plan, Stage

_MIN_STEPS = 2
_MAX_STEPS = 40
_FEW_PHOTOS = 8  # of the validation part, for the time that does not depend on the number of photos
_MAX_PHOTOS = 384


class Speed:
    """Measures the step of each stage once, which also compiles it.

    Args:
        learner: Takes the steps. Its variables are restored afterwards, so that
            measuring does not change the run.
        seconds: Duration of a measurement, without compiling.
        speedup: Expected speed of the workers relative to this process, by which the measured
            times are divided.
    """

    def __init__(self, learner: Learner, seconds: float, speedup: float = 1.0) -> None:
        self._learner = learner
        self._speedup = speedup
        self._seconds = seconds
        self._steps: dict[tuple[tuple[int, int], float], float] = {}

    def with_costs(self, plan: Plan) -> Plan:
        """Return the plan with the times of a step and of a validation in each stage."""
        full_seconds = self._validation_seconds(plan.image_size)
        full_pixels = math.prod(plan.image_size)
        stages = tuple(
            stage.model_copy(
                update={
                    "step_seconds": self.step_seconds(plan, number),
                    "validation_seconds": full_seconds * math.prod(stage.image_size) / full_pixels,
                }
            )
            for number, stage in enumerate(plan.stages)
        )
        return plan.model_copy(update={"stages": stages})

    def step_seconds(self, plan: Plan, number: int) -> float:
        """Measure the seconds of a step in a stage, without the first steps, which compile."""
        stage = plan.stages[number]
        kind = stage.image_size, stage.share
        if kind not in self._steps:
            before = self._learner.state.capture(0, {}, [])
            measured = plan.model_copy(update={"stages": (stage,)})
            measured = measured.replanned(0, _MIN_STEPS + _MAX_STEPS)
            batches = self._learner.feed(lambda: measured).batches(0)
            for _ in range(_MIN_STEPS):
                self._step(next(batches), stage)
            started, num_steps = time.perf_counter(), 0
            while num_steps < _MIN_STEPS or (
                num_steps < _MAX_STEPS and time.perf_counter() - started < self._seconds
            ):
                self._step(next(batches), stage)
                num_steps += 1
            self._steps[kind] = elapsed_seconds(started) / num_steps / self._speedup
            batches.close()
            self._learner.state.restore(before)
        return self._steps[kind]

    def _step(self, batch: tuple[tf.Tensor, tf.Tensor], stage: Stage) -> None:
        loss, _ = self._learner.train_step(*batch, tf.constant(0.0), stage.share)
        float(loss)  # waits for the end of the step

    def _validation_seconds(self, size: tuple[int, int]) -> float:
        """Estimate the seconds of a validation on all photos at a size from a sample."""
        whole = self._learner.validation
        few = Subset(whole.indices[:_FEW_PHOTOS], whole.labels[:_FEW_PHOTOS])
        sample = Subset(whole.indices[:_MAX_PHOTOS], whole.labels[:_MAX_PHOTOS])
        self._validate(few, size)  # compiles
        fixed_seconds = self._validate(few, size)
        num_more = max(1, len(sample.indices) - len(few.indices))
        photo_seconds = max(0.0, self._validate(sample, size) - fixed_seconds) / num_more
        return (fixed_seconds + photo_seconds * len(whole.indices)) / self._speedup

    def _validate(self, portion: Subset, size: tuple[int, int]) -> float:
        started = time.perf_counter()
        self._learner.validator.measure(portion, size)
        return time.perf_counter() - started
