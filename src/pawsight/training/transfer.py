"""Train a run on a pretrained network: fit a linear head, and fine-tune if that is useful.

The head is fitted to frozen features, which are cached: a stopped run continues where it
was, and another run on the same photos takes seconds. The same photos, weights and seed
give the same head.
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

_MAX_LOST = 0.5  # share of the photos of a part that may be lost before the run stops
# Time of fine-tuning besides its steps: starting TensorFlow, compiling, and export.
_MIN_SECONDS = 60.0
# Before fine-tuning the shipped network, the head is fitted to mirror images, too, of at most this
# many photos.
_MAX_MIRRORED = 1000
# With fewer training photos, fine-tuning gains little or nothing, and there are too few validation
# photos to decide. Measurements: benchmarks/auto/LOG.md.
_MIN_FINETUNED = 500
_KEPT = "The fitted head on the unchanged network is the model; give more --minutes."


def transfer_run(
    run: Run,
    config: TrainConfig,
    dataset: Dataset,
    budget: TimeBudget,
    progress: Progress,
    components: CustomComponents | None = None,
) -> keras.Model | None:
    """Fit a linear head, and fine-tune the network if configured.

    Args:
        run: The run; its plan and history are written.
        config: The settings; `model` is a network that comes with weights.
        dataset: Photos with their parts; cross-validation keeps duplicates together.
        budget: The remaining time.
        progress: Receives every stage.
        components: See `session.train_run`.

    Returns:
        The fine-tuned model; None if the fitted head is the model, whose folder is then
        written.

    Raises:
        StoppedError, TrainingError: As `session.train_run`, from fine-tuning.
        ModelError: The weights cannot be downloaded, or are of another network.
        DataError: Most of the photos can no longer be read.
        DiskError: A file cannot be written.
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
    reader = FeatureReader(backbone, config.resize, components.workers if components else None)
    fitted = _fitted(run, config, dataset, reader, budget, progress)
    row = history_row(fitted, time.monotonic() - began, progress)
    if config.finetune and _is_worth_finetuning(run, config, fitted, budget, progress):
        model = _finetuned(run, config, fitted, row, budget, progress, components)
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
    """Fit the head to all photos, or before fine-tuning to as many as there is time for."""
    num_train = len(dataset.catalog.part("train"))
    if not config.finetune or reader.backbone.name != builtin.NAME:
        return _fit(run, config, dataset, reader, num_train, progress)
    if run.plan_path.is_file():
        num_photos = load_plan(run).num_head_photos or head_photos.FIRST
        return _fit(run, config, dataset, reader, num_photos, progress)
    first = _fit(run, config, dataset, reader, head_photos.FIRST, progress)
    accuracy = first.score(first.validation).accuracy
    num_photos = head_photos.num_affordable(dataset, reader, accuracy, budget)
    if num_photos <= head_photos.FIRST:
        return first
    progress.note(
        f"A head fitted to {len(first.train.indices):,} photos reaches "
        f"{dataset.catalog.task.accuracy_title} {percent(accuracy)} in validation; fitting a head "
        f"to {num_photos:,} photos before fine-tuning."
    )
    return _fit(run, config, dataset, reader, num_photos, progress)


def _fit(
    run: Run,
    config: TrainConfig,
    dataset: Dataset,
    reader: FeatureReader,
    num_photos: int,
    progress: Progress,
) -> HeadFit:
    """Extract the features of about `num_photos` training photos, and fit a head to them."""
    catalog = dataset.catalog
    is_finetuned = config.finetune and reader.backbone.name == builtin.NAME
    chosen = head_photos.choose(catalog, num_photos, config.seed)
    is_mirrored = not is_finetuned or len(chosen) <= _MAX_MIRRORED
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
    """Return whether to fine-tune: as a saved plan says, else if there is time and a use for it."""
    if run.plan_path.is_file():
        return isinstance(load_plan(run), Plan)
    num_train = len(fitted.dataset.catalog.part("train"))
    if config.finetune == "auto" and config.epochs is None and num_train < _MIN_FINETUNED:
        progress.note(
            f"{counted(num_train, 'training photo')} are too few for fine-tuning: the fitted head "
            f"on the unchanged network is the model. --model {builtin.NAME} --finetune trains the "
            f"network nevertheless."
        )
        return False
    score = fitted.score(fitted.validation)
    target = config.target_accuracy
    if target is not None and score.confirms(target, fitted.is_imbalanced):
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
    components: CustomComponents | None,
) -> keras.Model | None:
    """Fine-tune the network; return None if the budget turns out to be too short."""
    progress.start("Starting TensorFlow")
    prepare_tensorflow()
    from pawsight.training.averaging import averaged_with_second, second_seconds
    from pawsight.training.budget_fit import OutOfTimeError
    from pawsight.training.finetune import finetune

    row = dataclasses.replace(row, epoch=0, step=0, seconds=0.0)
    has_workers = components is not None and components.workers is not None
    second = None if has_workers else second_seconds(config, fitted)
    for reserved in (second, None) if second is not None else (None,):
        try:
            model = finetune(run, config, fitted, row, budget, progress, components, reserved)
        except OutOfTimeError as error:
            reason = error
            if reserved is not None:
                progress.note(
                    "There is no time for a second network: fine-tuning takes all of the "
                    "remaining time."
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
    """Extract the features of training photos, of their mirror images, and of validation photos.

    Returns:
        The training features; the rows of their mirror images, if requested, else an empty list;
        the validation features.
    """
    catalog = dataset.catalog

    def extract(part: Part, indices: IntArray, is_mirrored: bool = False) -> Features:
        features = reader.read(catalog, dataset.pixels, indices, progress, is_mirrored)
        num_lost = len(indices) - len(features.indices)
        if num_lost > _MAX_LOST * len(indices) or not len(features.indices):
            raise DataError(
                f"{num_lost:,} of {len(indices):,} {part} photos can no "
                f"longer be read.\nBring the photos back (is their drive still there?), "
                f"then continue with: {resume_command(run.place)}"
            )
        return features

    train = extract("train", chosen)
    num_features, num_computed, mirrored_rows = len(train.indices), train.num_computed, []
    if is_mirrored:
        mirrored = extract("train", train.indices, is_mirrored=True)
        num_features, num_computed = 2 * num_features, num_computed + mirrored.num_computed
        mirrored_rows.append(mirrored.rows)
        if len(mirrored.indices) < len(train.indices):  # photos became unreadable meanwhile
            is_kept = np.isin(train.indices, mirrored.indices)
            train = dataclasses.replace(train, indices=mirrored.indices, rows=train.rows[is_kept])
    validation = extract("validation", catalog.part("validation"))
    num_features += len(validation.indices)
    num_cached = num_features - num_computed - validation.num_computed
    if num_cached > 0:
        progress.note(f"{num_cached:,} features come from the cache.")
    return train, mirrored_rows, validation
