"""Time training steps and validations on this machine, with real photos, for a few seconds."""

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
_FEW_PHOTOS = 8  # of the validation part: for the cost that does not depend on their number
_MAX_PHOTOS = 384


class Speed:
    """Times each kind of stage once, which also compiles its steps.

    Args:
        learner: What takes the steps. Every variable is restored afterwards, so that
            timing does not change the run.
        seconds: How long to time one size, besides compiling.
        speedup: What the times that are returned are divided by: how many times as fast as this
            process the workers are expected to be that will train.
    """

    def __init__(self, learner: Learner, seconds: float, speedup: float = 1.0) -> None:
        self._learner = learner
        self._speedup = speedup
        self._seconds = seconds
        self._steps: dict[tuple[tuple[int, int], float], float] = {}

    def with_costs(self, plan: Plan) -> Plan:
        """Return the plan with the time of a step and of a validation in each of its stages."""
        whole = self._validation_seconds(plan.image_size)
        stages = tuple(
            stage.model_copy(
                update={
                    "step_seconds": self.step_seconds(plan, number),
                    "validation_seconds": whole
                    * math.prod(stage.image_size)
                    / math.prod(plan.image_size),
                }
            )
            for number, stage in enumerate(plan.stages)
        )
        return plan.model_copy(update={"stages": stages})

    def step_seconds(self, plan: Plan, number: int) -> float:
        """Measure the seconds of a step in one stage, without the first ones, which compile."""
        stage = plan.stages[number]
        kind = stage.image_size, stage.share
        if kind not in self._steps:
            before = self._learner.state.capture(0, {}, [])
            only = plan.model_copy(update={"stages": (stage,)})
            timed = only.replanned(0, _MIN_STEPS + _MAX_STEPS)
            batches = self._learner.feed(lambda: timed).batches(0)
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
        """Estimate the seconds of validating on all photos at a size, from some of them."""
        whole = self._learner.validation
        few = Subset(whole.indices[:_FEW_PHOTOS], whole.labels[:_FEW_PHOTOS])
        sample = Subset(whole.indices[:_MAX_PHOTOS], whole.labels[:_MAX_PHOTOS])
        self._validate(few, size)  # compiles
        start = self._validate(few, size)
        more = max(1, len(sample.indices) - len(few.indices))
        per_photo = max(0.0, self._validate(sample, size) - start) / more
        return (start + per_photo * len(whole.indices)) / self._speedup

    def _validate(self, portion: Subset, size: tuple[int, int]) -> float:
        started = time.perf_counter()
        self._learner.validator.measure(portion, size)
        return time.perf_counter() - started
