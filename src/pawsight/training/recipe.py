"""From settings and photos to a plan: sizes, steps, learning rates, all decided before step 0.

The plan is saved in the run folder and is all that the training loop follows,
so that a resumed run does exactly what the first one was going to do.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from pydantic import BaseModel, ConfigDict

from pawsight import balance
from pawsight.config import AugmentConfig, TrainConfig
from pawsight.models.registry import architecture
from pawsight.records import Resize
from pawsight.training.precision import Precision


@dataclass(frozen=True, slots=True)
class Recipe:
    """How a network is trained where the user does not say otherwise."""

    optimizer: Literal["adam", "sgd"]
    learning_rate: float  # the highest of the run
    schedule: Literal["constant", "one-cycle"]
    batch_size: int
    least_batch_size: int  # small sets get smaller batches, so that an epoch still has steps
    label_smoothing: float
    weight_decay: float
    augment: AugmentConfig
    epochs: int | None  # None: as many as `minutes` allow and the photos are worth
    minutes: float


RECIPES: dict[str, Recipe] = {
    # The script's own settings: Keras' Adam at its default rate, no schedule.
    "colab": Recipe(
        optimizer="adam",
        learning_rate=1e-3,
        schedule="constant",
        batch_size=32,
        least_batch_size=32,
        label_smoothing=0.0,
        weight_decay=0.0,
        augment=AugmentConfig(shear_range=0.2, zoom_range=0.2, horizontal_flip=True),
        epochs=10,
        minutes=10,
    ),
    "swift": Recipe(
        optimizer="sgd",
        learning_rate=0.1,
        schedule="one-cycle",
        batch_size=64,
        least_batch_size=8,
        label_smoothing=0.1,
        weight_decay=5e-4,
        augment=AugmentConfig(
            rotation_range=10,
            width_shift_range=0.1,
            height_shift_range=0.1,
            zoom_range=(0.7, 1.1),
            horizontal_flip=True,
            brightness_range=None,
            fill_mode="reflect",
        ),
        epochs=None,
        minutes=10,
    ),
}

# An unlimited run stops at this many passes: more of the same photos teaches little.
_MOST_EPOCHS = 60
# ... and at this many photos shown, once it made at least 12 passes.
_ENOUGH_IMAGES = 300_000
_LEAST_EPOCHS = 12
_WARMUP_FRACTION = 0.15


class Plan(BaseModel):
    """All that the training loop needs to know; saved as plan.json."""

    model_config = ConfigDict(frozen=True, extra="ignore", protected_namespaces=())

    model: str
    class_names: tuple[str, ...]
    image_size: tuple[int, int]
    resize: Resize
    num_train: int
    num_validation: int
    precision: Literal["float32", "bfloat16"]
    precision_reason: str
    seed: int
    eager: bool
    optimizer: Literal["adam", "sgd"]
    learning_rate: float
    schedule: Literal["constant", "one-cycle"]
    batch_size: int
    label_smoothing: float
    weight_decay: float
    augment: AugmentConfig
    num_steps: int
    class_weights: tuple[float, ...] | None = None  # of a photo of each class, in the loss

    @property
    def epochs(self) -> float:
        """How often each training photo is seen, on average."""
        return self.num_steps * self.batch_size / self.num_train

    def epoch_end(self, epoch: int) -> int:
        """The step with which an epoch (counted from 1) has shown every photo."""
        return min(math.ceil(epoch * self.num_train / self.batch_size), self.num_steps)

    def learning_rate_at(self, step: int) -> float:
        """The learning rate of a step, counted from 0.

        "one-cycle": linear from 0 up to the peak, then linear down to 0, which
        ends a short run annealed. Source: arXiv:1708.07120, without its last
        phase.
        """
        if self.schedule == "constant":
            return self.learning_rate
        warmup = max(1.0, _WARMUP_FRACTION * self.num_steps)
        rising = (step + 1) / warmup
        falling = (self.num_steps - step) / max(1.0, self.num_steps - warmup)
        return self.learning_rate * min(1.0, rising, falling)

    def in_words(self) -> str:
        """The plan as a sentence, shown before the first step."""
        height, width = self.image_size
        return (
            f"{self.epochs:.3g} epochs of {self.num_train:,} photos at {width}x{height} px, "
            f"{self.num_steps:,} steps of {self.batch_size}, {self.precision} "
            f"({self.precision_reason}){self._weights_in_words()}"
        )

    def _weights_in_words(self) -> str:
        if self.class_weights is None:
            return ""
        by_weight = sorted(zip(self.class_weights, self.class_names, strict=True))
        (low, common), (high, rare) = by_weight[0], by_weight[-1]
        return (
            f"; the classes are uneven, so a photo of '{rare}' counts {high / low:.3g} times "
            f"one of '{common}'"
        )


def plan(
    config: TrainConfig,
    class_names: tuple[str, ...],
    num_train: int,
    num_validation: int,
    precision: Precision,
    num_per_class: Sequence[int] = (),
) -> Plan:
    """Decide everything except the length of a run that is given in minutes.

    `num_steps` is that of `epochs`, or of the most epochs that such a set of
    photos is worth; `shortened` cuts it to what the time allows. Classes are
    weighted where `num_per_class`, the training photos of each, differ by more
    than 1.5 to 1, unless the settings say "none". That holds for "colab" as
    well, although the script had no weights: what is rare in the photos must
    not be ignored by the model.
    """
    recipe = RECIPES[config.model]
    fitting = max(recipe.least_batch_size, num_train // 80 * 8)
    batch_size = config.batch_size or min(recipe.batch_size, fitting)
    epochs = config.epochs or recipe.epochs
    if epochs is None or config.minutes is not None:
        enough = math.ceil(_ENOUGH_IMAGES / num_train)
        epochs = _MOST_EPOCHS if config.minutes else min(_MOST_EPOCHS, max(_LEAST_EPOCHS, enough))
    # A smaller batch is a noisier gradient; the linear rule of arXiv:1706.02677.
    scale = batch_size / recipe.batch_size if recipe.optimizer == "sgd" else 1.0
    is_weighted = config.class_weights == "auto" and balance.is_imbalanced(num_per_class)
    return Plan(
        model=config.model,
        class_names=class_names,
        image_size=config.image_size or architecture(config.model).image_size,
        resize=config.resize,
        num_train=num_train,
        num_validation=num_validation,
        precision=precision.name,
        precision_reason=precision.reason,
        seed=config.seed,
        eager=config.eager,
        optimizer=recipe.optimizer,
        learning_rate=config.learning_rate or recipe.learning_rate * scale,
        schedule=recipe.schedule,
        batch_size=batch_size,
        label_smoothing=recipe.label_smoothing,
        weight_decay=recipe.weight_decay,
        augment=config.augment or recipe.augment,
        num_steps=math.ceil(epochs * num_train / batch_size),
        class_weights=balance.class_weights(num_per_class) if is_weighted else None,
    )


def budget_minutes(config: TrainConfig) -> float | None:
    """The minutes a run may take in all, or None where its epochs were given."""
    recipe = RECIPES[config.model]
    if config.epochs is not None or (recipe.epochs is not None and config.minutes is None):
        return None
    return config.minutes or recipe.minutes


def shortened(
    whole: Plan, seconds: float, train_images_per_second: float, validation_images_per_second: float
) -> Plan:
    """Cut a plan so that its steps and validations fit into `seconds`, at the rates measured.

    At least one step remains, however little time there is.
    """
    epoch_seconds = (
        whole.num_train / train_images_per_second
        + whole.num_validation / validation_images_per_second
    )
    affordable = seconds / epoch_seconds * whole.num_train / whole.batch_size
    return whole.model_copy(update={"num_steps": max(1, min(whole.num_steps, int(affordable)))})
