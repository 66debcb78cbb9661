"""The batches of a run, and how long the run has waited for them."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator

import tensorflow as tf

from pawsight.pipeline.augment import Augment
from pawsight.pipeline.augment_schedule import Changes, Look
from pawsight.pipeline.batches import batches_ahead, training_batches
from pawsight.training.photos import Portion, WatchedPixels
from pawsight.training.plan import Plan

# Waiting for less than this share of the time is no limit worth a word.
_WORTH_TELLING = 0.05
# Steps enough for any budget: the loop ends by the plan, whose end may move.
_ENDLESS = 2**40


class Feed:
    """Makes batches as the plan of the moment wants them.

    A GPU changes the photos itself; the plan is asked a few steps ahead of the
    one that trains, so what it says of those must not change any more.
    """

    def __init__(
        self,
        pixels: WatchedPixels,
        portion: Portion,
        plan_now: Callable[[], Plan],
        on_device: bool = False,
    ) -> None:
        self._pixels = pixels
        self._portion = portion
        self._plan_now = plan_now
        self._on_device = on_device
        self.waited_seconds = 0.0
        self.num_images = 0

    @property
    def num_ahead(self) -> int:
        """So many steps from the present one on are decided."""
        return batches_ahead(self._pixels) + 2

    def batches(self, start_step: int) -> Generator[tuple[tf.Tensor, tf.Tensor]]:
        """Images float32 0..255 [B, H, W, 3] and labels int32 [B], from a step on, without end."""
        plan = self._plan_now()
        sizes = tuple(stage.image_size for stage in plan.stages)
        is_plain = sizes == (self._pixels.image_size,) and plan.augment_strength == 1.0
        look_at = None if is_plain else self._look_at
        augment = Augment(plan.augment)
        batches = training_batches(
            self._pixels,
            self._portion.indices,
            self._portion.labels,
            batch_size=plan.batch_size,
            seed=plan.seed,
            augment=augment,
            start_step=start_step,
            num_steps=_ENDLESS if plan.seconds is not None else plan.num_steps - start_step,
            sizes=sizes,
            look_at=look_at,
            is_raw=self._on_device,
        )
        changes = Changes(plan.seed, augment, sizes, look_at)
        source = iter(batches)
        step = start_step
        with self._pixels.plain_errors():
            while True:
                asked = time.perf_counter()
                images, labels = next(source)
                # The first batch has nothing to be made behind.
                if step > start_step:
                    self.waited_seconds += time.perf_counter() - asked
                    self.num_images += plan.batch_size
                yield (changes.now(images, step) if self._on_device else images), labels
                step += 1

    def limit(self, seconds: float) -> str | None:
        """Say which stage held the run up, if one did.

        Args:
            seconds: How long the steps took in all, with what they waited for.

        Returns:
            Such as "reading photos, 212 images/s".
        """
        if self.num_images == 0 or self.waited_seconds <= _WORTH_TELLING * seconds:
            return None
        seconds = max(seconds, self.waited_seconds)
        # Reading and changing take turns in one thread, so the longer one is the limit.
        read = self._pixels.read_seconds / max(1, self._pixels.num_read)
        made = seconds / self.num_images
        name = "reading photos" if read > made / 2 else "changing photos"
        return f"{name}, {self.num_images / seconds:,.0f} images/s"

    def _look_at(self, step: int) -> Look:
        plan = self._plan_now()
        return Look(plan.stage_at(step), plan.augment_strength)
