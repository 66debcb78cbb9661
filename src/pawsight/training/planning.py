"""Make a plan from the settings and the photos: image sizes, steps and learning rate.

Where the user has not chosen a setting, the network's recipe decides. `pacing` then
fits the number of steps to the time on this machine.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from pawsight.class_weights import resolve_class_weights
from pawsight.config import StepSettings, TrainConfig
from pawsight.models.network import Network
from pawsight.models.recipe import Recipe, Sizes
from pawsight.models.registry import find_network
from pawsight.training.plan import Piece, Plan, Stage
from pawsight.training.precision import Precision

# Default number of epochs: as many as have `_ENOUGH_IMAGES` images, within these limits.
_MIN_EPOCHS, _MAX_EPOCHS = 12, 60
_ENOUGH_IMAGES = 300_000
_SIDE_UNIT = 8  # pixels; other sides take as much time as the next multiple
# With fewer training photos than this, augmentation is stronger, up to this factor.
_MANY_PHOTOS = 4000
_MAX_STRENGTH = 1.6
# Fields of a recipe that a plan takes, unless the settings have one of the same name.
_OF_RECIPE = ("optimizer", "schedule", "warmup", "augment")


def plan(
    config: TrainConfig,
    class_names: tuple[str, ...],
    num_train: int,
    num_validation: int,
    precision: Precision,
    num_per_class: Sequence[int] = (),
) -> Plan:
    """Return a plan whose number of steps follows from the epochs, not from the time.

    Without `epochs` in the settings, `num_steps` is the number that is useful for so many photos;
    `pacing.fitted` replaces it by what the budget allows. Imbalanced classes are weighted unless
    the setting is "none", also for "colab", whose script had no weights.

    Args:
        config: The settings.
        class_names: Names of the classes, length K.
        num_train: Number of training photos.
        num_validation: Number of validation photos.
        precision: The number format.
        num_per_class: Training photos of each class, length K.
    """
    network = find_network(config.model)
    recipe = network.recipe
    max_batch_size = max(recipe.least_batch_size, num_train // 80 * 8)
    batch_size = config.batch_size or min(recipe.batch_size, max_batch_size)
    num_steps = math.ceil(_epochs(recipe, config, num_train) * num_train / batch_size)
    # Smaller batches have noisier gradients. The length of Muon's steps is independent of the
    # gradient, so its learning rate is scaled by the square root; Adam's rate is not scaled.
    scale = math.sqrt(batch_size / recipe.batch_size) if recipe.optimizer == "muon" else 1.0
    image_size = config.image_size or network.image_size
    minutes = budget_minutes(config)
    return Plan(
        **{name: getattr(config, name) for name in StepSettings.model_fields},
        **{name: _setting(config, recipe, name) for name in _OF_RECIPE},
        model=config.model,
        task=config.source.task.name,
        class_names=class_names,
        image_size=image_size,
        resize=config.resize,
        num_train=num_train,
        num_validation=num_validation,
        precision=precision.name,
        precision_reason=precision.reason,
        seed=config.seed,
        learning_rate=config.learning_rate or recipe.learning_rate * scale,
        batch_size=batch_size,
        label_smoothing=0.0 if config.source.multi_label else recipe.label_smoothing,
        num_steps=num_steps,
        class_weights=resolve_class_weights(config.class_weights, class_names, num_per_class),
        augment_strength=_strength(recipe, config, num_train),
        stages=_stages(network, recipe.sizes[0], image_size),
        minutes=minutes,
        # Minutes that the user chose are used in full; the default minutes are an upper limit.
        most_steps=num_steps if minutes is not None and config.minutes is None else None,
    )


def plan_of_part(whole: Plan, config: TrainConfig, num_per_class: Sequence[int]) -> Plan:
    """Return the plan for training on a part of a run's photos, as the run was trained.

    The number of epochs is that of the run. Batch size, learning rate, class weights and strength
    of augmentation follow from the number of photos.

    Args:
        whole: The plan that the run followed to its end.
        config: The settings of the run.
        num_per_class: Photos of the part by class, length K.
    """
    num_train = sum(num_per_class)
    config = config.model_copy(update={"minutes": None, "epochs": 1})
    precision = Precision(whole.precision, whole.precision_reason)
    arguments = whole.class_names, num_train, whole.num_validation, precision, num_per_class
    part = plan(config, *arguments)
    if part.batch_size > whole.batch_size:  # the run's batches were limited by the memory
        part = plan(config.model_copy(update={"batch_size": whole.batch_size}), *arguments)
    epochs = whole.epochs_at(
        whole.num_steps
    )  # as in the history, without surplus of the last batch
    num_steps = math.ceil(epochs * num_train / part.batch_size)
    names = ("num_train", "batch_size", "class_weights", "augment_strength")
    changed: dict[str, object] = {name: getattr(part, name) for name in names}
    if whole.optimizer != "own":
        changed["learning_rate"] = part.learning_rate
    if whole.num_head_photos is not None:
        changed["num_head_photos"] = min(whole.num_head_photos, num_train)
    unmeasured = {"step_seconds": None, "validation_seconds": None}
    changed |= {
        **dict.fromkeys(("minutes", "seconds", "most_steps", "second_seconds", "limited_by")),
        "num_steps": num_steps,
        "pieces": (Piece(step=0, progress=0.0, per_step=1 / num_steps),),
        "stages": tuple(stage.model_copy(update=unmeasured) for stage in whole.stages),
        "cuts": (),
        "finish_seconds": 0.0,
    }
    return whole.model_copy(update=changed)


def _setting(config: TrainConfig, recipe: Recipe, name: str) -> Any:
    """Return a setting, or the recipe's where it is not given or there is no such setting."""
    given = getattr(config, name, None)
    return getattr(recipe, name) if given is None else given


def _epochs(recipe: Recipe, config: TrainConfig, num_train: int) -> int:
    """Return the configured epochs, or the default for the number of photos."""
    epochs = config.epochs or recipe.epochs
    if epochs is not None and config.minutes is None:
        return epochs
    return min(_MAX_EPOCHS, max(_MIN_EPOCHS, math.ceil(_ENOUGH_IMAGES / num_train)))


def budget_minutes(config: TrainConfig) -> float | None:
    """Return the minutes for the whole run, or None if the number of epochs is fixed."""
    recipe = find_network(config.model).recipe
    if config.epochs is not None or (recipe.epochs is not None and config.minutes is None):
        return None
    return config.minutes or recipe.minutes


def sized(plan: Plan, config: TrainConfig, epochs: float) -> Plan:
    """Return the plan with the image sizes of its stages and of the finished model.

    Args:
        plan: The plan at full size.
        config: The settings; an image size in them is that of the finished model.
        epochs: Number of epochs that the time allows at full size.
    """
    network = find_network(plan.model)
    sizes = next(
        sizes
        for sizes in network.recipe.sizes
        if epochs >= sizes.least_epochs or not sizes.least_epochs
    )
    image_size = plan.image_size
    smaller: tuple[tuple[int, int], ...] = ()
    if config.image_size is None and network.fits_any_size:
        image_size = _scaled(image_size, sizes.finished, network.min_side)
        shares = network.recipe.finished_shares
        smaller = tuple(_scaled(image_size, share, network.min_side) for share in shares)
    stages = _stages(network, sizes, plan.image_size)
    return plan.model_copy(
        update={"stages": stages, "image_size": image_size, "finished_sizes": smaller}
    )


def _stages(network: Network, sizes: Sizes, image_size: tuple[int, int]) -> tuple[Stage, ...]:
    """Return the stages of a run, with different image sizes or different trained layers."""
    if not network.fits_any_size:
        return tuple(
            Stage(until=until, image_size=image_size, share=share)
            for until, share in network.recipe.shares
        )
    stages: list[Stage] = []
    for until, share in sizes.stages:
        size = _scaled(image_size, share, network.min_side)
        if stages and stages[-1].image_size == size:
            stages.pop()
        stages.append(Stage(until=until, image_size=size))
    return tuple(stages)


def _scaled(image_size: tuple[int, int], share: float, least: int) -> tuple[int, int]:
    """Return a share of a size, at most the size and rounded to multiples of `_SIDE_UNIT`."""
    height, width = (
        min(side, max(least, round(side * share / _SIDE_UNIT) * _SIDE_UNIT)) for side in image_size
    )
    return height, width


def _strength(recipe: Recipe, config: TrainConfig, num_train: int) -> float:
    """Return the strength of the augmentation: 1, or more with few photos if the recipe says so."""
    if config.augment is not None or not recipe.grows_stronger:
        return 1.0
    # With a tenth of the photos each is used ten times as often, and augmented 20 % more strongly.
    return min(_MAX_STRENGTH, 1 + 0.2 * math.log10(max(1.0, _MANY_PHOTOS / num_train)))
