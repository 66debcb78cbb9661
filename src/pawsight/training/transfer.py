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

from pawsight import class_weights
from pawsight.config import TrainConfig
from pawsight.data.dataset import Dataset
from pawsight.data.duplicates.near_duplicates import without_dominant_groups
from pawsight.errors import DataError
from pawsight.formatting import percent
from pawsight.history import Epoch
from pawsight.models.registry import find_network
from pawsight.progress import Progress
from pawsight.records import IntArray, Part
from pawsight.runs import Run
from pawsight.tensorflow_setup import prepare_tensorflow
from pawsight.training.features import FeatureReader, Features
from pawsight.training.fitted import Fitted, history_row, save_fitted
from pawsight.training.linear_head import Samples, fit_head
from pawsight.training.plan import Plan, load_plan
from pawsight.training.time_budget import TimeBudget

if TYPE_CHECKING:
    import keras

_MOST_LOST = 0.5  # share of a part's photos; without more of them another model would come out
# Fine-tuning takes this long to start: TensorFlow, the network, two compiled steps, its export.
_LEAST_SECONDS = 60.0
_KEPT = "The fitted head on the unchanged network is the model; give more --minutes."


def transfer_run(
    run: Run, config: TrainConfig, dataset: Dataset, budget: TimeBudget, progress: Progress
) -> keras.Model | None:
    """Fit a linear head, and fine-tune the network where the settings say so.

    Args:
        run: The run; its plan and history are written.
        config: The settings; `model` is a network that comes with weights.
        dataset: Photos with their parts; cross-validation keeps duplicates together.
        budget: The time that is left for fine-tuning.
        progress: Receives every stage.

    Returns:
        The model that fine-tuning made; None where the fitted head is the model, and the
        model folder is written.

    Raises:
        StoppedError, TrainingError: As `session.train_run`, of fine-tuning.
        ModelError: The weights cannot be had or do not fit.
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
    fitted = _fit(run, config, dataset, FeatureReader(backbone, config.resize), progress)
    row = history_row(fitted, time.monotonic() - began, progress)
    if config.finetune and _is_worth_finetuning(run, config, fitted, budget, progress):
        model = _finetuned(run, config, fitted, row, budget, progress)
        if model is not None:
            return model
    progress.start("Saving the model")
    save_fitted(run, config, fitted, row)
    return None


def _fit(
    run: Run, config: TrainConfig, dataset: Dataset, reader: FeatureReader, progress: Progress
) -> Fitted:
    """Extract the features of all photos, and fit a head to them."""
    catalog = dataset.catalog
    train, mirrored, validation = _extract(reader, dataset, run, progress)
    labels = catalog.labels(train.indices)
    num_classes = len(catalog.class_names)
    weights = _class_weights(config, labels, num_classes)
    views, groups = [train.rows, mirrored.rows], _groups(dataset, train.indices)
    samples = Samples(views, labels, groups, num_classes, weights)
    head = fit_head(samples, config.seed, progress)
    return Fitted(dataset, reader, head, train, validation, weights)


def _is_worth_finetuning(
    run: Run, config: TrainConfig, fitted: Fitted, budget: TimeBudget, progress: Progress
) -> bool:
    """Check that there is time for it, and something to gain; a decision made before stands."""
    if run.plan_path.is_file():
        return isinstance(load_plan(run), Plan)
    found = fitted.score(fitted.validation)
    target = config.target_accuracy
    if target is not None and found.proves(target, fitted.is_imbalanced):
        progress.note(
            f"Target of {percent(target)} reached (lower 95 % bound) without fine-tuning."
        )
        return False
    if budget.left_seconds < _LEAST_SECONDS:
        progress.note(f"{config.minutes:g} min leave no time for fine-tuning. {_KEPT}")
        return False
    return True


def _finetuned(
    run: Run,
    config: TrainConfig,
    fitted: Fitted,
    row: Epoch,
    budget: TimeBudget,
    progress: Progress,
) -> keras.Model | None:
    """Fine-tune the network; None where the budget turns out too short."""
    progress.start("Starting TensorFlow")
    prepare_tensorflow()
    from pawsight.training.finetune import finetune
    from pawsight.training.session import OutOfTimeError

    row = dataclasses.replace(row, epoch=0, step=0, seconds=0.0)
    try:
        return finetune(run, config, fitted, row, budget, progress)
    except OutOfTimeError as error:
        progress.note(f"{error} {_KEPT}")
        return None


def _class_weights(
    config: TrainConfig, labels: IntArray, num_classes: int
) -> tuple[float, ...] | None:
    """Return the weight of a photo of each class; None where all count alike."""
    counts = np.bincount(labels, minlength=num_classes).tolist()
    is_weighted = config.class_weights == "auto" and class_weights.is_imbalanced(counts)
    return class_weights.class_weights(counts) if is_weighted else None


def _extract(
    reader: FeatureReader, dataset: Dataset, run: Run, progress: Progress
) -> tuple[Features, Features, Features]:
    """Extract the training photos, the same photos mirrored, and the validation photos."""
    catalog = dataset.catalog

    def extract(part: Part, wanted: IntArray, is_mirrored: bool = False) -> Features:
        found = reader.read(catalog, dataset.pixels, wanted, progress, is_mirrored)
        if len(found.indices) < (1 - _MOST_LOST) * len(wanted) or not len(found.indices):
            raise DataError(
                f"{len(wanted) - len(found.indices):,} of {len(wanted):,} {part} photos can no "
                f"longer be read.\nBring the photos back (is their drive still there?), "
                f"then continue with: pawsight resume {run.path}"
            )
        return found

    train = extract("train", catalog.part("train"))
    mirrored = extract("train", train.indices, is_mirrored=True)
    if len(mirrored.indices) < len(train.indices):  # some became unreadable between the two
        is_left = np.isin(train.indices, mirrored.indices)
        train = Features(
            mirrored.indices, train.rows[is_left], train.num_computed, train.images_per_second
        )
    validation = extract("validation", catalog.part("validation"))
    num_computed = train.num_computed + mirrored.num_computed + validation.num_computed
    num_known = len(train.indices) * 2 + len(validation.indices) - num_computed
    if num_known > 0:
        progress.note(f"{num_known:,} features come from the cache.")
    return train, mirrored, validation


def _groups(dataset: Dataset, indices: IntArray) -> list[str]:
    """Return for each photo a name that it shares with those that must stay in its fold."""
    catalog = dataset.catalog
    of_duplicates = {
        index: f"duplicates {number}"
        for number, group in enumerate(without_dominant_groups(catalog, dataset.duplicates))
        for index in group
    }
    return [
        of_duplicates.get(i) or (f"group {group}" if (group := catalog.photos[i].group) else f"{i}")
        for i in indices.tolist()
    ]
