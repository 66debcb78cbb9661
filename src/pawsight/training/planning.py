"""From settings and photos to a plan: sizes, steps, learning rates, all decided before step 0.

The recipe of a network is what its plan takes where the user does not state
otherwise. How long a run takes on this machine, and what that means for its
length, is in `pacing.py`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from pawsight.class_weights import resolve_class_weights
from pawsight.config import TrainConfig
from pawsight.models.recipe import Recipe, Sizes
from pawsight.models.registry import find_network
from pawsight.training.plan import Piece, Plan, Stage
from pawsight.training.precision import Precision

# A run of no given length stops at this many passes: more of the same photos teaches little.
_MAX_EPOCHS = 60
# ... and at this many photos shown, once it made at least 12 passes.
_ENOUGH_IMAGES = 300_000
_MIN_EPOCHS = 12
_SIDE_UNIT = 8  # pixels: a side that is no multiple of it costs as much as the next one
# Below this many training photos they are changed more, up to so many times as strongly.
_MANY_PHOTOS = 4000
_STRONGEST = 1.6


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
    photos is worth; `pacing.fitted` makes it what the time allows. Classes are
    weighted where `num_per_class`, the training photos of each, differ by more
    than 1.5 to 1, unless the setting is "none". That holds for "colab" as
    well, although the script had no weights: what is rare in the photos must
    not be ignored by the model.
    """
    recipe = find_network(config.model).recipe
    fitting = max(recipe.least_batch_size, num_train // 80 * 8)
    batch_size = config.batch_size or min(recipe.batch_size, fitting)
    num_steps = math.ceil(_epochs(recipe, config, num_train) * num_train / batch_size)
    # A smaller batch is a noisier gradient. Muon's steps have one length whatever the gradient's,
    # so its root counts; Adam's rate stays as the user gave it.
    scale = math.sqrt(batch_size / recipe.batch_size) if recipe.optimizer == "muon" else 1.0
    image_size = config.image_size or find_network(config.model).image_size
    minutes = budget_minutes(config)
    return Plan(
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
        eager=config.eager,
        optimizer=recipe.optimizer,
        learning_rate=config.learning_rate or recipe.learning_rate * scale,
        schedule=recipe.schedule,
        batch_size=batch_size,
        label_smoothing=0.0 if config.source.multi_label else recipe.label_smoothing,
        augment=config.augment or recipe.augment,
        num_steps=num_steps,
        class_weights=resolve_class_weights(config.class_weights, class_names, num_per_class),
        warmup=recipe.warmup,
        augment_strength=_strength(recipe, config, num_train),
        stages=_stages(recipe, recipe.sizes[0], config.model, image_size),
        target_accuracy=config.target_accuracy,
        minutes=minutes,
        # A budget that the user gave is used up; without one, early stopping decides.
        most_steps=num_steps if minutes is not None and config.minutes is None else None,
    )


def plan_of_part(whole: Plan, config: TrainConfig, num_per_class: Sequence[int]) -> Plan:
    """Return the plan of training on a part of a run's photos, with the recipe of the run.

    It has as many epochs. Batch size, learning rate, class weights and strength of augmentation
    are those that the recipe has for so few photos.

    Args:
        whole: The plan that the run followed to its end.
        config: The settings of the run.
        num_per_class: The photos of the part, of each class.
    """
    num_train = sum(num_per_class)
    config = config.model_copy(update={"minutes": None, "epochs": 1})
    precision = Precision(whole.precision, whole.precision_reason)
    facts = whole.class_names, num_train, whole.num_validation, precision, num_per_class
    decided = plan(config, *facts)
    if decided.batch_size > whole.batch_size:  # the memory allowed no more
        decided = plan(config.model_copy(update={"batch_size": whole.batch_size}), *facts)
    epochs = whole.epochs_at(whole.num_steps)  # without what the last batch is more
    num_steps = math.ceil(epochs * num_train / decided.batch_size)
    taken = ("num_train", "batch_size", "class_weights", "augment_strength")
    changed: dict[str, object] = {name: getattr(decided, name) for name in taken}
    if whole.optimizer != "own":
        changed["learning_rate"] = decided.learning_rate
    if whole.num_head_photos is not None:
        changed["num_head_photos"] = min(whole.num_head_photos, num_train)
    measured = ("minutes", "seconds", "most_steps", "second_seconds", "limited_by")
    unmeasured = {"step_seconds": None, "validation_seconds": None}
    stages = tuple(stage.model_copy(update=unmeasured) for stage in whole.stages)
    steps = {
        "num_steps": num_steps,
        "pieces": (Piece(step=0, progress=0.0, per_step=1 / num_steps),),
    }
    changed |= (
        dict.fromkeys(measured) | steps | {"stages": stages, "cuts": (), "finish_seconds": 0.0}
    )
    return whole.model_copy(update=changed)


def _epochs(recipe: Recipe, config: TrainConfig, num_train: int) -> int:
    """Return the configured epochs, or the default for so many photos."""
    epochs = config.epochs or recipe.epochs
    if epochs is not None and config.minutes is None:
        return epochs
    return min(_MAX_EPOCHS, max(_MIN_EPOCHS, math.ceil(_ENOUGH_IMAGES / num_train)))


def budget_minutes(config: TrainConfig) -> float | None:
    """Return the minutes a run may take in all, or None where its epochs were given."""
    recipe = find_network(config.model).recipe
    if config.epochs is not None or (recipe.epochs is not None and config.minutes is None):
        return None
    return config.minutes or recipe.minutes


def sized(plan: Plan, config: TrainConfig, epochs: float) -> Plan:
    """Choose the sizes of the photos, and of the finished model, for a run of some length.

    Args:
        plan: At the full size.
        config: A size that the user set is that of the finished model.
        epochs: How many passes over the photos the time allows at the full size.
    """
    recipe = find_network(config.model).recipe
    sizes = next(
        size for size in recipe.sizes if epochs >= size.least_epochs or not size.least_epochs
    )
    image_size = plan.image_size
    network = find_network(plan.model)
    smaller: tuple[tuple[int, int], ...] = ()
    if config.image_size is None and network.fits_any_size:
        image_size = _scaled(image_size, sizes.finished, network.min_side)
        shares = recipe.finished_shares
        smaller = tuple(_scaled(image_size, share, network.min_side) for share in shares)
    stages = _stages(recipe, sizes, plan.model, plan.image_size)
    return plan.model_copy(
        update={"stages": stages, "image_size": image_size, "finished_sizes": smaller}
    )


def _stages(
    recipe: Recipe, sizes: Sizes, model: str, image_size: tuple[int, int]
) -> tuple[Stage, ...]:
    """Return what changes in the course of a run: image sizes, or which layers learn."""
    network = find_network(model)
    if not network.fits_any_size:
        return tuple(
            Stage(until=until, image_size=image_size, share=share) for until, share in recipe.shares
        )
    stages: list[Stage] = []
    for until, share in sizes.stages:
        size = _scaled(image_size, share, network.min_side)
        if stages and stages[-1].image_size == size:
            stages.pop()
        stages.append(Stage(until=until, image_size=size))
    return tuple(stages)


def _scaled(image_size: tuple[int, int], share: float, least: int) -> tuple[int, int]:
    """Return a share of a size, in whole units of pixels; never above it."""
    height, width = (
        min(side, max(least, round(side * share / _SIDE_UNIT) * _SIDE_UNIT)) for side in image_size
    )
    return height, width


def _strength(recipe: Recipe, config: TrainConfig, num_train: int) -> float:
    """Return the factor on the augmentation; what the user sets is kept."""
    if config.augment is not None or not recipe.grows_stronger:
        return 1.0
    # A tenth of the photos, a fifth more augmentation: each is used ten times as often.
    return min(_STRONGEST, 1 + 0.2 * math.log10(max(1.0, _MANY_PHOTOS / num_train)))
