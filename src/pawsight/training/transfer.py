"""A run on a pretrained network: a linear head is fitted to its frozen features.

Features are cached, so that a run that was stopped continues where it was, and
another run on the same photos takes seconds. The same photos, weights and seed
give the same model.
"""

from __future__ import annotations

import dataclasses
import time
from typing import TYPE_CHECKING

import numpy as np

from pawsight.class_weights import resolve_class_weights
from pawsight.config import TrainConfig
from pawsight.data.dataset import Dataset
from pawsight.data.duplicates.near_duplicates import group_keys
from pawsight.errors import DataError
from pawsight.formatting import counted, percent, resume_command
from pawsight.history import Epoch
from pawsight.models import builtin
from pawsight.models.registry import find_network
from pawsight.progress import Progress
from pawsight.records import FloatArray, IntArray, Part
from pawsight.runs import Run
from pawsight.tensorflow_setup import prepare_tensorflow
from pawsight.training import head_photos
from pawsight.training.custom_components import CustomComponents
from pawsight.training.features import FeatureReader, Features
from pawsight.training.head_fit import HeadFit, history_row, save_head_fit
from pawsight.training.linear_head import Samples, fit_head
from pawsight.training.plan import Plan, load_plan
from pawsight.training.time_budget import TimeBudget

if TYPE_CHECKING:
    import keras

_MAX_LOST = 0.5  # share of a part's photos; without more of them another model would come out
# Fine-tuning takes this long to start: TensorFlow, the network, two compiled steps, its export.
_MIN_SECONDS = 60.0
# Where fine-tuning the shipped network follows, mirrored photos are added up to so many.
_MAX_MIRRORED = 1000
# On fewer training photos fine-tuning gains little or nothing, and validation cannot tell which.
# benchmarks/auto/LOG.md has the figures.
_MIN_FINETUNED = 500
_KEPT = "The fitted head on the unchanged network is the model; give more --minutes."


def transfer_run(
    run: Run,
    config: TrainConfig,
    dataset: Dataset,
    budget: TimeBudget,
    progress: Progress,
    own: CustomComponents | None = None,
) -> keras.Model | None:
    """Fit a linear head, and fine-tune the network if configured.

    Args:
        run: The run; its plan and history are written.
        config: The settings; `model` is a network that comes with weights.
        dataset: Photos with their parts; cross-validation keeps duplicates together.
        budget: The time that is left for fine-tuning.
        progress: Receives every stage.
        own: As `session.train_run` takes it.

    Returns:
        The model that fine-tuning made; None where the fitted head is the model, and the
        model folder is written.

    Raises:
        StoppedError, TrainingError: As `session.train_run`, of fine-tuning.
        ModelError: The weights cannot be fetched or do not fit.
        DataError: Most of the photos are no longer there.
        DiskError: Something cannot be written.
    """
    began = time.monotonic()
    if not config.finetune and (config.minutes is not None or config.epochs is not None):
        progress.note(
            "The linear head is fitted to convergence; --minutes and --epochs have no effect."
        )
    network = find_network(config.model)
    image_size = config.image_size or network.image_size
    dataset = dataset.at_size(image_size)
    backbone = network.open_backbone(image_size, config.weights, progress)
    reader = FeatureReader(backbone, config.resize, own.workers if own else None)
    fitted = _fitted(run, config, dataset, reader, budget, progress)
    row = history_row(fitted, time.monotonic() - began, progress)
    if config.finetune and _is_worth_finetuning(run, config, fitted, budget, progress):
        model = _finetuned(run, config, fitted, row, budget, progress, own)
        if model is not None:
            return model
    progress.start("Saving the model")
    save_head_fit(run, config, fitted, row)
    return None


def _fitted(
    run: Run,
    config: TrainConfig,
    dataset: Dataset,
    reader: FeatureReader,
    budget: TimeBudget,
    progress: Progress,
) -> HeadFit:
    """Fit the head to all photos, or where fine-tuning follows to as many as pay."""
    num_train = len(dataset.catalog.part("train"))
    if not config.finetune or reader.backbone.name != builtin.NAME:
        return _fit(run, config, dataset, reader, num_train, progress)
    if run.plan_path.is_file():
        num_photos = load_plan(run).num_head_photos or head_photos.FIRST
        return _fit(run, config, dataset, reader, num_photos, progress)
    first = _fit(run, config, dataset, reader, head_photos.FIRST, progress)
    accuracy = first.score(first.validation).accuracy
    wanted = head_photos.num_affordable(dataset, reader, accuracy, budget)
    if wanted <= head_photos.FIRST:
        return first
    progress.note(
        f"A head fitted to {len(first.train.indices):,} photos reaches "
        f"{dataset.catalog.task.accuracy_title} {percent(accuracy)} in validation; fitting one to "
        f"{wanted:,} photos before fine-tuning."
    )
    return _fit(run, config, dataset, reader, wanted, progress)


def _fit(
    run: Run,
    config: TrainConfig,
    dataset: Dataset,
    reader: FeatureReader,
    num_photos: int,
    progress: Progress,
) -> HeadFit:
    """Extract the features of about so many training photos, and fit a head to them."""
    catalog = dataset.catalog
    is_start = config.finetune and reader.backbone.name == builtin.NAME
    chosen = head_photos.choose(catalog, num_photos, config.seed)
    is_mirrored = not is_start or len(chosen) <= _MAX_MIRRORED
    train, mirrored, validation = _extract(reader, dataset, chosen, is_mirrored, run, progress)
    labels = catalog.labels(train.indices)
    num_classes = len(catalog.class_names)
    counts = catalog.task.counts(labels, num_classes).tolist()
    weights = resolve_class_weights(config.class_weights, catalog.class_names, counts)
    views, groups = [train.rows, *mirrored], group_keys(catalog, dataset.duplicates, train.indices)
    samples = Samples(views, labels, groups, num_classes, weights, catalog.task)
    head = fit_head(samples, config.seed, progress)
    num_photos = min(num_photos, len(catalog.part("train")))
    return HeadFit(dataset, reader, head, train, validation, weights, num_photos, is_mirrored)


def _is_worth_finetuning(
    run: Run, config: TrainConfig, fitted: HeadFit, budget: TimeBudget, progress: Progress
) -> bool:
    """Check that there is time for it and something to gain; an earlier decision is kept."""
    if run.plan_path.is_file():
        return isinstance(load_plan(run), Plan)
    num_train = len(fitted.dataset.catalog.part("train"))
    if config.finetune == "auto" and config.epochs is None and num_train < _MIN_FINETUNED:
        progress.note(
            f"{counted(num_train, 'training photo')} are too few for fine-tuning: the fitted head "
            f"on the unchanged network is the model. --model {builtin.NAME} --finetune trains the "
            f"network all the same."
        )
        return False
    found = fitted.score(fitted.validation)
    target = config.target_accuracy
    if target is not None and found.confirms(target, fitted.is_imbalanced):
        progress.note(
            f"Target of {percent(target)} reached (lower 95 % bound) without fine-tuning."
        )
        return False
    if budget.left_seconds < _MIN_SECONDS:
        progress.note(f"{config.minutes:g} min leave no time for fine-tuning. {_KEPT}")
        return False
    return True


def _finetuned(
    run: Run,
    config: TrainConfig,
    fitted: HeadFit,
    row: Epoch,
    budget: TimeBudget,
    progress: Progress,
    own: CustomComponents | None,
) -> keras.Model | None:
    """Fine-tune the network; None where the budget turns out too short."""
    progress.start("Starting TensorFlow")
    prepare_tensorflow()
    from pawsight.training.averaging import averaged_with_second, second_seconds
    from pawsight.training.budget_fit import OutOfTimeError
    from pawsight.training.finetune import finetune

    row = dataclasses.replace(row, epoch=0, step=0, seconds=0.0)
    has_workers = own is not None and own.workers is not None
    second = None if has_workers else second_seconds(config, fitted)
    for reserved in (second, None) if second is not None else (None,):
        try:
            model = finetune(run, config, fitted, row, budget, progress, own, reserved)
        except OutOfTimeError as error:
            reason = error
            if reserved is not None:
                progress.note(
                    "There is no time for a second network here: all of the time that is left "
                    "goes into fine-tuning."
                )
        else:
            return averaged_with_second(run, config, fitted.dataset, model, budget, progress)
    progress.note(f"{reason} {_KEPT}")
    return None


def _extract(
    reader: FeatureReader,
    dataset: Dataset,
    chosen: IntArray,
    is_mirrored: bool,
    run: Run,
    progress: Progress,
) -> tuple[Features, list[FloatArray], Features]:
    """Extract training photos, the rows of the same photos mirrored if wanted, and validation."""
    catalog = dataset.catalog

    def extract(part: Part, wanted: IntArray, is_mirrored: bool = False) -> Features:
        found = reader.read(catalog, dataset.pixels, wanted, progress, is_mirrored)
        if len(found.indices) < (1 - _MAX_LOST) * len(wanted) or not len(found.indices):
            raise DataError(
                f"{len(wanted) - len(found.indices):,} of {len(wanted):,} {part} photos can no "
                f"longer be read.\nBring the photos back (is their drive still there?), "
                f"then continue with: {resume_command(run.place)}"
            )
        return found

    train = extract("train", chosen)
    num_computed, num_wanted, mirrored = train.num_computed, len(train.indices), []
    if is_mirrored:
        found = extract("train", train.indices, is_mirrored=True)
        num_computed, num_wanted = num_computed + found.num_computed, 2 * num_wanted
        mirrored.append(found.rows)
        if len(found.indices) < len(train.indices):  # some became unreadable between the two
            is_left = np.isin(train.indices, found.indices)
            train = Features(
                found.indices, train.rows[is_left], train.num_computed, train.images_per_second
            )
    validation = extract("validation", catalog.part("validation"))
    num_known = num_wanted + len(validation.indices) - num_computed - validation.num_computed
    if num_known > 0:
        progress.note(f"{num_known:,} features come from the cache.")
    return train, mirrored, validation
