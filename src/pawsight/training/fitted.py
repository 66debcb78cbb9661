"""A last layer on frozen features as a run: its row of history, its plan, its model folder."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np

from pawsight import class_weights, machine
from pawsight.config import TrainConfig
from pawsight.data.catalog import Catalog
from pawsight.errors import ModelError
from pawsight.history import Epoch
from pawsight.models.backbone import Backbone
from pawsight.models.model_files import save_weights, versions
from pawsight.models.onnx_check import check_agreement
from pawsight.models.onnx_graph import append_head
from pawsight.progress import Progress
from pawsight.records import Pixels
from pawsight.runs import Run
from pawsight.tensorflow_setup import prepare_tensorflow
from pawsight.training.features import FeatureReader, Features
from pawsight.training.linear_head import Head
from pawsight.training.score import Score, score

_CHECK_PHOTOS = 16


@dataclasses.dataclass(frozen=True, slots=True, eq=False)
class Fitted:
    """A head on a backbone's features, and what it was fitted to and measured on.

    Attributes:
        backbone: The network.
        head: The last layer.
        train: Features of the photos it was fitted to, as they are.
        validation: Features of the validation photos.
        class_weights: What a photo of each class counted; None: all alike.
    """

    backbone: Backbone
    head: Head
    train: Features
    validation: Features
    class_weights: tuple[float, ...] | None

    def score(self, part: Features, catalog: Catalog) -> Score:
        """Score the head on photos."""
        return score(self.head.logits(part.rows), catalog.labels(part.indices))

    def is_uneven(self, catalog: Catalog) -> bool:
        """Whether the balanced accuracy is the one to go by."""
        parts = (catalog.labels(part.indices) for part in (self.train, self.validation))
        return any(class_weights.is_imbalanced(np.bincount(labels).tolist()) for labels in parts)


def history_row(fitted: Fitted, catalog: Catalog, seconds: float, progress: Progress) -> Epoch:
    """The one row of history that the fit is; `progress` is told of it."""
    head, seen = fitted.head, fitted.train
    train = fitted.score(seen, catalog)
    found = fitted.score(fitted.validation, catalog)
    is_uneven = fitted.is_uneven(catalog)
    chosen = next((one for one in head.trials if one.strength == head.strength), None)
    progress.note(
        f"Last layer fitted, strength {head.strength:g}"
        + (f" by cross-validation ({chosen.accuracy:.1%} right there)" if chosen else "")
        + f": {found.accuracy:.1%} right in validation"
        + (f" (balanced {found.balanced_accuracy:.1%})" if is_uneven else "")
        + "."
    )
    return Epoch(
        epoch=1,
        step=1,
        seconds=round(seconds, 3),
        images_per_second=round(seen.images_per_second, 2),
        learning_rate=0.0,
        train_loss=train.loss,
        train_accuracy=train.accuracy,
        validation_loss=found.loss,
        validation_accuracy=found.accuracy,
        is_best=True,
        validation_balanced_accuracy=found.balanced_accuracy if is_uneven else None,
    )


def plan_of(config: TrainConfig, catalog: Catalog, fitted: Fitted) -> dict[str, Any]:
    """What was decided, JSON-ready, under the names that plan.json has for every run."""
    backbone, head, class_weights = fitted.backbone, fitted.head, fitted.class_weights
    return {
        "model": backbone.name,
        "class_names": list(catalog.class_names),
        "image_size": list(backbone.image_size),
        "resize": config.resize,
        "num_train": len(fitted.train.indices),
        "num_validation": len(fitted.validation.indices),
        "seed": config.seed,
        "class_weights": None if class_weights is None else list(class_weights),
        "weights": backbone.key,
        "head": {
            "views": ["as it is", "mirrored"],
            "num_features": len(head.kernel),
            "strength": head.strength,
            "cross_validation": [dataclasses.asdict(trial) for trial in head.trials],
        },
        "batch_size": 2 * len(fitted.train.indices),
        "precision": "float32",
        "hardware": machine.in_words(),
        "versions": versions(),
    }


def save(
    run: Run,
    catalog: Catalog,
    fitted: Fitted,
    reader: FeatureReader,
    pixels: Pixels,
) -> tuple[float, int]:
    """Write weights and model.onnx; gives their largest difference and the number of parameters."""
    backbone, head = fitted.backbone, fitted.head
    append_head(backbone.onnx_path, head.kernel, head.bias, backbone.image_size, run.onnx_path)
    some = pixels.read(catalog.part("validation")[:_CHECK_PHOTOS])
    if backbone.weights_path is None:
        logits = head.logits(reader.compute(some))
        num_parameters = _num_parameters(run)
    else:
        prepare_tensorflow()
        from pawsight.training.finetune import build_whole

        model = build_whole(backbone, head)
        save_weights(model, run.weights_path)
        logits = np.asarray(model(some.astype(np.float32), training=False))
        num_parameters = model.count_params()
    try:
        return check_agreement(run.onnx_path, some, logits), num_parameters
    except ModelError as error:
        raise ModelError(f"{error}\nRemove {backbone.features_dir}, and start again.") from error


def _num_parameters(run: Run) -> int:
    import onnx

    found = onnx.load(str(run.onnx_path)).graph.initializer
    return int(sum(np.prod(one.dims) for one in found if len(one.dims) > 0))
