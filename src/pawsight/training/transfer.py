"""A run on a network that comes with weights: its features stay, a last layer is fitted to them.

Everything that takes long is kept in the cache, so that a run that was stopped
goes on where it was, and another run on the same photos takes seconds. The
same photos, weights and seed give the same model.
"""

from __future__ import annotations

import time
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import numpy as np

from pawsight import balance, machine
from pawsight.config import TrainConfig
from pawsight.engine import prepare_tensorflow
from pawsight.errors import DataError, ModelError
from pawsight.export.agreement import check_agreement
from pawsight.export.appended import append_head
from pawsight.history import Epoch, save_history
from pawsight.models.backbone import Backbone, open_backbone
from pawsight.models.saved import save_description, save_weights, versions
from pawsight.models.sizes import canonical_name, image_size_of
from pawsight.pictures.catalog import Catalog
from pawsight.pictures.copies.duplicates import Groups, not_most_of_a_class
from pawsight.pictures.reading.lost import TellsOfLost
from pawsight.pictures.reading.resized import at_size
from pawsight.probabilities import softmax
from pawsight.progress import Progress
from pawsight.records import IntArray, Part, Pixels
from pawsight.runs import Run, write_json
from pawsight.training.features import FeatureReader, Features
from pawsight.training.head import Head, fit_head

if TYPE_CHECKING:
    import keras

_MOST_LOST = 0.5  # share of a part's photos that may go bad before another model would come out
_CHECK_PHOTOS = 16


def transfer_run(
    run: Run,
    config: TrainConfig,
    catalog: Catalog,
    pixels: Pixels,
    copies: Groups,
    progress: Progress,
) -> None:
    """Take a run to its finished model: plan, history and model folder are written.

    Args:
        run: The run.
        config: The settings; `model` is a network that comes with weights.
        catalog: Photos with their parts.
        pixels: The pixels of these photos.
        copies: Groups that show the same picture; cross-validation keeps them together.
        progress: Is told how it goes.

    Raises:
        ModelError: The weights cannot be had or do not fit.
        DataError: Most of the photos are no longer there.
        DiskError: Something cannot be written.
    """
    started = time.monotonic()
    progress = TellsOfLost(progress, pixels, catalog)
    if config.minutes is not None or config.epochs is not None:
        progress.note("A last layer is fitted once, to its end: minutes and epochs do not apply.")
    name = canonical_name(config.model)
    image_size = config.image_size or image_size_of(name)
    pixels = at_size(pixels, image_size)
    backbone = open_backbone(name, image_size, config.weights, progress)
    reader = FeatureReader(backbone, config.resize)
    seen, mirrored, validation = _look(reader, catalog, pixels, run, progress)
    labels = catalog.labels(seen.indices)
    class_weights = _class_weights(config, labels, len(catalog.class_names))
    head = fit_head(
        [seen.rows, mirrored.rows],
        labels,
        _groups(catalog, seen.indices, copies),
        len(catalog.class_names),
        class_weights,
        config.seed,
        progress,
    )
    plan = _plan(config, catalog, backbone, head, seen, validation, class_weights)
    progress.start("Saving the model")
    difference, num_parameters = _save(run, config, catalog, backbone, head, reader, pixels)
    write_json(run.plan_path, plan | {"num_parameters": num_parameters})
    _write_history(run, catalog, head, seen, validation, time.monotonic() - started, progress)
    save_description(
        run,
        name,
        catalog.class_names,
        image_size,
        config.resize,
        1.0,
        catalog.name,
        difference,
    )


def _class_weights(
    config: TrainConfig, labels: IntArray, num_classes: int
) -> tuple[float, ...] | None:
    """What a photo of each class counts; None where all count alike."""
    counts = np.bincount(labels, minlength=num_classes).tolist()
    is_weighted = config.class_weights == "auto" and balance.is_imbalanced(counts)
    return balance.class_weights(counts) if is_weighted else None


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


def _plan(
    config: TrainConfig,
    catalog: Catalog,
    backbone: Backbone,
    head: Head,
    seen: Features,
    validation: Features,
    class_weights: tuple[float, ...] | None,
) -> dict[str, Any]:
    """What was decided, JSON-ready, under the names that plan.json has for every run."""
    return {
        "model": backbone.name,
        "class_names": list(catalog.class_names),
        "image_size": list(backbone.image_size),
        "resize": config.resize,
        "num_train": len(seen.indices),
        "num_validation": len(validation.indices),
        "seed": config.seed,
        "class_weights": None if class_weights is None else list(class_weights),
        "weights": backbone.key,
        "head": {
            "views": ["as it is", "mirrored"],
            "num_features": len(head.kernel),
            "strength": head.strength,
            "cross_validation": [asdict(trial) for trial in head.trials],
        },
        "batch_size": 2 * len(seen.indices),
        "precision": "float32",
        "hardware": machine.in_words(),
        "versions": versions(),
    }


def _write_history(
    run: Run,
    catalog: Catalog,
    head: Head,
    seen: Features,
    validation: Features,
    seconds: float,
    progress: Progress,
) -> None:
    """Write the one row that the fit is."""
    train = _measure(head, seen, catalog)
    found = _measure(head, validation, catalog)
    labels = (catalog.labels(part.indices) for part in (seen, validation))
    is_uneven = any(balance.is_imbalanced(np.bincount(part).tolist()) for part in labels)
    row = Epoch(
        epoch=1,
        step=1,
        seconds=round(seconds, 3),
        images_per_second=round(seen.images_per_second, 2),
        learning_rate=0.0,
        train_loss=train[0],
        train_accuracy=train[1],
        validation_loss=found[0],
        validation_accuracy=found[1],
        is_best=True,
        validation_balanced_accuracy=found[2] if is_uneven else None,
    )
    save_history([row], run.history_path)
    chosen = next((one for one in head.trials if one.strength == head.strength), None)
    progress.note(
        f"Last layer fitted, strength {head.strength:g}"
        + (f" by cross-validation ({chosen.accuracy:.1%} right there)" if chosen else "")
        + f": {found[1]:.1%} right in validation"
        + (f" (balanced {found[2]:.1%})" if is_uneven else "")
        + "."
    )


def _measure(head: Head, part: Features, catalog: Catalog) -> tuple[float, float, float]:
    """Loss in nats, accuracy, and the mean of the classes' accuracies."""
    labels = catalog.labels(part.indices)
    logits = head.logits(part.rows)
    probs = softmax(logits)[np.arange(len(labels)), labels]
    is_right = logits.argmax(axis=1) == labels
    by_class = [float(is_right[labels == label].mean()) for label in np.unique(labels)]
    loss = float(-np.log(np.maximum(probs, 1e-12)).mean())
    return loss, float(is_right.mean()), float(np.mean(by_class))


def _save(
    run: Run,
    config: TrainConfig,
    catalog: Catalog,
    backbone: Backbone,
    head: Head,
    reader: FeatureReader,
    pixels: Pixels,
) -> tuple[float, int]:
    """Write weights and model.onnx; gives their largest difference and the number of parameters."""
    append_head(backbone.onnx_path, head.kernel, head.bias, backbone.image_size, run.onnx_path)
    some = pixels.read(catalog.part("validation")[:_CHECK_PHOTOS])
    if backbone.weights_path is None:
        logits = head.logits(reader.compute(some))
        num_parameters = _num_parameters(run)
    else:
        model = _whole_model(backbone, head)
        save_weights(model, run.weights_path)
        logits = np.asarray(model(some.astype(np.float32), training=False))
        num_parameters = model.count_params()
    try:
        return check_agreement(run.onnx_path, some, logits), num_parameters
    except ModelError as error:
        raise ModelError(f"{error}\nRemove {backbone.features_dir}, and start again.") from error


def _whole_model(backbone: Backbone, head: Head) -> keras.Model:
    """The backbone in Keras with the head on it, as `registry.build_model` builds it."""
    prepare_tensorflow()
    from pawsight.models.pretrained import backbone_of
    from pawsight.models.registry import build_model
    from pawsight.models.weight_files import load_backbone

    assert backbone.weights_path is not None
    model = build_model(backbone.name, head.kernel.shape[1], backbone.image_size)
    load_backbone(backbone_of(model), backbone.weights_path, backbone.name)
    model.get_layer("logits").set_weights([head.kernel, head.bias])
    return model


def _num_parameters(run: Run) -> int:
    import onnx

    found = onnx.load(str(run.onnx_path)).graph.initializer
    return int(sum(np.prod(one.dims) for one in found if len(one.dims) > 0))
