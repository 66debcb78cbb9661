"""A run on a network that comes with weights: its features stay, a last layer is fitted to them.

Everything that takes long is kept in the cache, so that a run that was stopped
goes on where it was, and another run on the same photos takes seconds. The
same photos, weights and seed give the same model.
"""

from __future__ import annotations

import dataclasses
import time
from typing import TYPE_CHECKING

import numpy as np

from pawsight import class_weights
from pawsight.config import TrainConfig
from pawsight.data.catalog import Catalog
from pawsight.data.duplicates.near_duplicates import Groups, not_most_of_a_class
from pawsight.data.reading.resized import at_size
from pawsight.data.reading.unreadable import TellsOfLost
from pawsight.errors import DataError
from pawsight.history import Epoch, save_history
from pawsight.models.backbone import open_backbone
from pawsight.models.model_files import save_description
from pawsight.models.sizes import canonical_name, image_size_of
from pawsight.progress import Progress
from pawsight.records import IntArray, Part, Pixels
from pawsight.runs import Run
from pawsight.storage.atomic import write_json
from pawsight.tensorflow_setup import prepare_tensorflow
from pawsight.training.features import FeatureReader, Features
from pawsight.training.fitted import Fitted, history_row, plan_of, save
from pawsight.training.linear_head import fit_head

if TYPE_CHECKING:
    import keras

_MOST_LOST = 0.5  # share of a part's photos that may go bad before another model would come out
# Fine-tuning takes this much to start: TensorFlow, the network, two compiled steps, its export.
_LEAST_SECONDS = 60.0
_KEPT = "The network stays as it is, and the fitted layer is the model: give more --minutes."


def transfer_run(
    run: Run,
    config: TrainConfig,
    catalog: Catalog,
    pixels: Pixels,
    copies: Groups,
    progress: Progress,
    started: float,
) -> keras.Model | None:
    """Fit a last layer, fine-tune the network where that is wanted; plan and history are written.

    Args:
        run: The run.
        config: The settings; `model` is a network that comes with weights.
        catalog: Photos with their parts.
        pixels: The pixels of these photos.
        copies: Groups that show the same picture; cross-validation keeps them together.
        progress: Is told how it goes.
        started: `time.monotonic()` from which a budget in minutes counts.

    Returns:
        The model that fine-tuning made; None where the fitted layer is all there is, and the
        model folder is written.

    Raises:
        StoppedError, TrainingError: As `session.train_run`, of fine-tuning.
        ModelError: The weights cannot be had or do not fit.
        DataError: Most of the photos are no longer there.
        DiskError: Something cannot be written.
    """
    began = time.monotonic()
    told = TellsOfLost(progress, pixels, catalog)
    if not config.finetune and (config.minutes is not None or config.epochs is not None):
        told.note("A last layer is fitted once, to its end: minutes and epochs do not apply.")
    name = canonical_name(config.model)
    image_size = config.image_size or image_size_of(name)
    pixels = at_size(pixels, image_size)
    backbone = open_backbone(name, image_size, config.weights, told)
    reader = FeatureReader(backbone, config.resize)
    seen, mirrored, validation = _look(reader, catalog, pixels, run, told)
    labels = catalog.labels(seen.indices)
    class_weights = _class_weights(config, labels, len(catalog.class_names))
    head = fit_head(
        [seen.rows, mirrored.rows],
        labels,
        _groups(catalog, seen.indices, copies),
        len(catalog.class_names),
        class_weights,
        config.seed,
        told,
    )
    fitted = Fitted(backbone, head, seen, validation, class_weights)
    row = history_row(fitted, catalog, time.monotonic() - began, told)
    if config.finetune and _is_worth_tuning(run, config, fitted, catalog, started, told):
        model = _tuned(run, config, catalog, pixels, fitted, row, progress, started)
        if model is not None:
            return model
    _save(run, config, catalog, fitted, reader, pixels, row, told)
    return None


def _save(
    run: Run,
    config: TrainConfig,
    catalog: Catalog,
    fitted: Fitted,
    reader: FeatureReader,
    pixels: Pixels,
    row: Epoch,
    progress: Progress,
) -> None:
    """Write the fitted layer as the model of the run, with its plan and history."""
    progress.start("Saving the model")
    difference, num_parameters = save(run, catalog, fitted, reader, pixels)
    plan = plan_of(config, catalog, fitted)
    write_json(run.plan_path, plan | {"num_parameters": num_parameters})
    save_history([row], run.history_path)
    backbone = fitted.backbone
    save_description(
        run,
        backbone.name,
        catalog.class_names,
        backbone.image_size,
        config.resize,
        1.0,
        catalog.name,
        difference,
    )


def _is_worth_tuning(
    run: Run,
    config: TrainConfig,
    fitted: Fitted,
    catalog: Catalog,
    started: float,
    progress: Progress,
) -> bool:
    """Whether there is time for it, and something to reach; a decision made before stands."""
    if run.plan_path.is_file():
        return "pieces" in run.read_json(run.plan_path)
    found = fitted.score(fitted.validation, catalog)
    target = config.target_accuracy
    if target is not None and found.surely_reaches(target, fitted.is_uneven(catalog)):
        progress.note(f"The target of {target:.1%} is surely reached without fine-tuning.")
        return False
    if config.minutes is None:
        return True
    left = 60 * config.minutes - (time.monotonic() - started)
    if left < _LEAST_SECONDS:
        progress.note(f"{config.minutes:g} min leave no time for fine-tuning. {_KEPT}")
        return False
    return True


def _tuned(
    run: Run,
    config: TrainConfig,
    catalog: Catalog,
    pixels: Pixels,
    fitted: Fitted,
    row: Epoch,
    progress: Progress,
    started: float,
) -> keras.Model | None:
    """Fine-tune the network; None where the budget turns out too short."""
    progress.start("Starting TensorFlow")
    prepare_tensorflow()
    from pawsight.training.finetune import finetune
    from pawsight.training.session import OutOfTimeError

    row = dataclasses.replace(row, epoch=0, step=0, seconds=0.0)
    backbone, head = fitted.backbone, fitted.head
    try:
        return finetune(run, config, catalog, pixels, backbone, head, row, progress, started)
    except OutOfTimeError as error:
        progress.note(f"{error} {_KEPT}")
        return None


def _class_weights(
    config: TrainConfig, labels: IntArray, num_classes: int
) -> tuple[float, ...] | None:
    """What a photo of each class counts; None where all count alike."""
    counts = np.bincount(labels, minlength=num_classes).tolist()
    is_weighted = config.class_weights == "auto" and class_weights.is_imbalanced(counts)
    return class_weights.class_weights(counts) if is_weighted else None


def _look(
    reader: FeatureReader, catalog: Catalog, pixels: Pixels, run: Run, progress: Progress
) -> tuple[Features, Features, Features]:
    """Features of the training photos, of the same in a mirror, and of the validation photos."""

    def look(part: Part, wanted: IntArray, is_mirrored: bool = False) -> Features:
        found = reader.read(catalog, pixels, wanted, progress, is_mirrored)
        if len(found.indices) < (1 - _MOST_LOST) * len(wanted) or not len(found.indices):
            raise DataError(
                f"{len(wanted) - len(found.indices):,} of {len(wanted):,} {part} photos have gone "
                f"bad since they were read.\nBring the photos back (is their drive still there?), "
                f"then go on with: pawsight resume {run.path}"
            )
        return found

    seen = look("train", catalog.part("train"))
    mirrored = look("train", seen.indices, is_mirrored=True)
    if len(mirrored.indices) < len(seen.indices):  # some went bad between the two looks
        is_left = np.isin(seen.indices, mirrored.indices)
        seen = Features(
            mirrored.indices, seen.rows[is_left], seen.num_computed, seen.images_per_second
        )
    validation = look("validation", catalog.part("validation"))
    num_computed = seen.num_computed + mirrored.num_computed + validation.num_computed
    num_known = len(seen.indices) * 2 + len(validation.indices) - num_computed
    if num_known > 0:
        progress.note(f"{num_known:,} photos were looked at before; what was seen is used again.")
    return seen, mirrored, validation


def _groups(catalog: Catalog, indices: IntArray, copies: Groups) -> list[str]:
    """For each photo a name of what it must not be parted from."""
    of_copies = {
        index: f"copies {number}"
        for number, group in enumerate(not_most_of_a_class(catalog, copies))
        for index in group
    }
    return [
        of_copies.get(i) or (f"group {group}" if (group := catalog.photos[i].group) else f"{i}")
        for i in indices.tolist()
    ]
