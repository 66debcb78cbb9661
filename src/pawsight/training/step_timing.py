"""What steps and validations cost here: real ones on real photos, for a few seconds."""

from __future__ import annotations

import math
import time

import tensorflow as tf

from pawsight.training.learner import Learner
from pawsight.training.photos import Portion
from pawsight.training.plan import Plan, Stage

_LEAST_STEPS = 2
_MOST_STEPS = 40
_FEW_PHOTOS = 8  # of the validation part: what it takes to begin to look
_MOST_PHOTOS = 384


class Speed:
    """Measures each kind of stage once; a model measured is a model compiled.

    Args:
        learner: What takes the steps. Every variable is put back afterwards, so
            the run that follows starts as one that measured nothing.
        seconds: How long to measure at one size, besides compiling.
    """

    def __init__(self, learner: Learner, seconds: float) -> None:
        self._learner = learner
        self._seconds = seconds
        self._steps: dict[tuple[tuple[int, int], float], float] = {}

    def costed(self, plan: Plan) -> Plan:
        """Give the plan with what a step and a validation take in each of its stages."""
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
        """Time a step in one stage; the first ones, which compile, do not count."""
        stage = plan.stages[number]
        kind = stage.image_size, stage.share
        if kind not in self._steps:
            before = self._learner.state.capture(0, {}, [])
            only = plan.model_copy(update={"stages": (stage,)})
            timed = only.replanned(0, _LEAST_STEPS + _MOST_STEPS)
            batches = self._learner.feed(lambda: timed).batches(0)
            for _ in range(_LEAST_STEPS):
                self._step(next(batches), stage)
            started, num_steps = time.perf_counter(), 0
            while num_steps < _LEAST_STEPS or (
                num_steps < _MOST_STEPS and time.perf_counter() - started < self._seconds
            ):
                self._step(next(batches), stage)
                num_steps += 1
            self._steps[kind] = (time.perf_counter() - started) / num_steps
            batches.close()
            self._learner.state.restore(before)
        return self._steps[kind]

    def _step(self, batch: tuple[tf.Tensor, tf.Tensor], stage: Stage) -> None:
        loss, _ = self._learner.train_step(*batch, tf.constant(0.0), stage.share)
        float(loss)  # waits for the end of the step

    def _validation_seconds(self, size: tuple[int, int]) -> float:
        """Time a look at all validation photos at a size, from a look at some."""
        whole = self._learner.validation
        few = Portion(whole.indices[:_FEW_PHOTOS], whole.labels[:_FEW_PHOTOS])
        some = Portion(whole.indices[:_MOST_PHOTOS], whole.labels[:_MOST_PHOTOS])
        self._look(few, size)  # compiles
        start = self._look(few, size)
        more = max(1, len(some.indices) - len(few.indices))
        return start + max(0.0, self._look(some, size) - start) / more * len(whole.indices)

    def _look(self, portion: Portion, size: tuple[int, int]) -> float:
        started = time.perf_counter()
        self._learner.validator.measure(portion, size)
        return time.perf_counter() - started
