"""Load the training batches of a run, and measure how long the run waits for them."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator
from dataclasses import dataclass, field

import tensorflow as tf

from pawsight.pipeline.augment import Augment
from pawsight.pipeline.augment_schedule import ScheduledAugment, StepAugment
from pawsight.pipeline.batch_part import BatchPart
from pawsight.pipeline.batches import batches_ahead, training_batches
from pawsight.progress_text import rate_text
from pawsight.training.photos import MonitoredPixels, Subset
from pawsight.training.plan import Plan

# A smaller share of waiting is not reported.
_MIN_REPORTED_SHARE = 0.05
# More steps than any budget allows: the loop ends by the plan, whose end may move.
_ENDLESS = 2**40


@dataclass(eq=False)
class Feed:
    """A source of the batches of a plan that may change during training.

    Batches are made a few steps ahead by the current plan, so the plan must not change for
    these steps.
    """

    pixels: MonitoredPixels
    portion: Subset  # the training photos
    plan_now: Callable[[], Plan]  # returns the current plan
    on_device: bool  # whether photos are augmented on a GPU
    part: BatchPart  # the part of each batch that this process loads
    waited_seconds: float = field(default=0.0, init=False)
    num_images: int = field(default=0, init=False)

    @property
    def num_ahead(self) -> int:
        """Number of steps, from the current step on, that the plan must not change."""
        return batches_ahead(self.pixels) + 2

    def batches(self, start_step: int) -> Generator[tuple[tf.Tensor, tf.Tensor]]:
        """Yield images float32 0..255 [B, H, W, 3] and labels int32 [B] or [B, K], endlessly."""
        plan = self.plan_now()
        sizes = tuple(stage.image_size for stage in plan.stages)
        is_plain = sizes == (self.pixels.image_size,) and plan.augment_strength == 1.0
        schedule = None if is_plain else self._schedule
        augment = Augment(plan.augment)
        batches = training_batches(
            self.pixels,
            self.portion.indices,
            self.portion.labels,
            batch_size=plan.batch_size,
            seed=plan.seed,
            augment=augment,
            start_step=start_step,
            num_steps=_ENDLESS if plan.seconds is not None else plan.num_steps - start_step,
            sizes=sizes,
            schedule=schedule,
            is_raw=self.on_device,
            part=self.part,
        )
        scheduled = ScheduledAugment(plan.seed, augment, sizes, schedule, self.part)
        source = iter(batches)
        step = start_step
        with self.pixels.plain_errors():
            while True:
                requested = time.perf_counter()
                images, labels = next(source)
                # Training always waits for the first batch.
                if step > start_step:
                    self.waited_seconds += time.perf_counter() - requested
                    self.num_images += plan.batch_size
                yield (scheduled.apply_eagerly(images, step) if self.on_device else images), labels
                step += 1

    def limit(self, seconds: float) -> str | None:
        """Return the stage that training waited for, such as "reading photos, 212 images/s".

        Args:
            seconds: Duration of all steps, including waiting.

        Returns:
            The stage and its rate; None if training hardly waited.
        """
        if self.waited_seconds <= _MIN_REPORTED_SHARE * seconds:
            return None
        seconds = max(seconds, self.waited_seconds)
        # Photos are read and augmented in turn in one thread, so the slower stage is the limit.
        read_seconds = self.pixels.read_seconds / max(1, self.pixels.num_read)
        photo_seconds = seconds / self.num_images
        name = "reading photos" if read_seconds > photo_seconds / 2 else "augmenting photos"
        return f"{name}, {rate_text(self.num_images / seconds, 'images')}"

    def _schedule(self, step: int) -> StepAugment:
        plan = self.plan_now()
        return StepAugment(plan.stage_at(step), plan.augment_strength)
