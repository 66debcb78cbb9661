"""Write a linear head on frozen features as a run: history, plan and model folder."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pawsight import class_weights, machine
from pawsight.config import TrainConfig
from pawsight.data.dataset import Dataset
from pawsight.errors import ModelError
from pawsight.formatting import percent
from pawsight.history import Epoch, save_history
from pawsight.models.backbone import Backbone
from pawsight.models.description import versions
from pawsight.models.model_files import save_weights
from pawsight.models.onnx_check import check_agreement
from pawsight.models.onnx_graph import append_head, load_onnx
from pawsight.models.registry import find_network
from pawsight.progress import Progress
from pawsight.runs import Run
from pawsight.tensorflow_setup import prepare_tensorflow
from pawsight.training.features import FeatureReader, Features
from pawsight.training.linear_head import Head
from pawsight.training.model_facts import describe_model
from pawsight.training.plan import FittedHead, HeadPlan, save_plan
from pawsight.training.score import ValidationScore, score

_CHECK_PHOTOS = 16


@dataclass(frozen=True, slots=True, eq=False)
class HeadFit:
    """A head that was fitted to a backbone's features, with its training and validation data."""

    dataset: Dataset  # the photos at the backbone's size
    reader: FeatureReader  # runs the backbone
    head: Head
    train: Features  # of the photos that the head was fitted to, without their mirror images
    validation: Features
    # The weight of a photo of each class, length K; None: 1 for all.
    class_weights: tuple[float, ...] | None
    num_photos: int  # number of training photos that were requested for the head
    is_mirrored: bool = True  # whether the head was fitted to mirror images, too

    @property
    def backbone(self) -> Backbone:
        """The network below the head."""
        return self.reader.backbone

    def score(self, part: Features) -> ValidationScore:
        """Compute the score of the head on photos."""
        catalog = self.dataset.catalog
        return score(self.head.logits(part.rows), catalog.labels(part.indices), catalog.task)

    @property
    def is_imbalanced(self) -> bool:
        """Whether the classes are imbalanced, so that the balanced accuracy is compared."""
        catalog, parts = self.dataset.catalog, (self.train.indices, self.validation.indices)
        counts = (catalog.task.counts(catalog.labels(part), 0) for part in parts)
        return any(class_weights.is_imbalanced(count.tolist()) for count in counts)


def history_row(fitted: HeadFit, seconds: float, progress: Progress) -> Epoch:
    """Report the fit, and return it as the only row of a history."""
    head = fitted.head
    train, validation = fitted.score(fitted.train), fitted.score(fitted.validation)
    chosen = next((trial for trial in head.trials if trial.strength == head.strength), None)
    title = fitted.dataset.catalog.task.accuracy_title
    progress.note(
        f"Linear head fitted with an L2 penalty of {head.strength:g}"
        + (f", chosen by cross-validation ({title} {percent(chosen.accuracy)})" if chosen else "")
        + f": {title} {percent(validation.accuracy)} in validation"
        + (f" (balanced {percent(validation.balanced_accuracy)})" if fitted.is_imbalanced else "")
        + "."
    )
    return Epoch(
        epoch=1,
        step=1,
        seconds=round(seconds, 3),
        images_per_second=round(fitted.train.images_per_second, 2),
        learning_rate=0.0,
        train_loss=train.loss,
        train_accuracy=train.accuracy,
        validation_loss=validation.loss,
        validation_accuracy=validation.accuracy,
        is_best=True,
        validation_balanced_accuracy=validation.balanced_accuracy if fitted.is_imbalanced else None,
    )


def save_head_fit(run: Run, config: TrainConfig, fitted: HeadFit, row: Epoch) -> None:
    """Write the head as the model of a run, with its plan and history.

    Raises:
        ModelError: The exported file computes something else than the head.
        DiskError: A file cannot be written.
    """
    difference, num_parameters = _save_model(run, fitted)
    save_plan(run, _plan_of(config, fitted, num_parameters))
    save_history([row], run.history_path)
    description = describe_model(
        config, fitted.dataset.catalog, fitted.backbone.image_size, find_network(config.model)
    )
    description.model_copy(update={"onnx_largest_difference": difference}).save(run)


def _plan_of(config: TrainConfig, fitted: HeadFit, num_parameters: int) -> HeadPlan:
    backbone, head = fitted.backbone, fitted.head
    views = ("as it is", "mirrored") if fitted.is_mirrored else ("as it is",)
    return HeadPlan(
        model=backbone.name,
        task=fitted.dataset.catalog.task.name,
        class_names=fitted.dataset.catalog.class_names,
        image_size=backbone.image_size,
        resize=config.resize,
        num_train=len(fitted.train.indices),
        num_validation=len(fitted.validation.indices),
        seed=config.seed,
        batch_size=len(views) * len(fitted.train.indices),
        precision="float32",
        class_weights=fitted.class_weights,
        weights=backbone.key,
        num_parameters=num_parameters,
        num_head_photos=fitted.num_photos,
        hardware=machine.describe(),
        versions=versions(),
        head=FittedHead(
            views=views,
            num_features=len(head.kernel),
            strength=head.strength,
            cross_validation=head.trials,
        ),
    )


def _save_model(run: Run, fitted: HeadFit) -> tuple[float, int]:
    """Write weights and model.onnx; return their largest difference and the parameter count."""
    backbone, head, dataset = fitted.backbone, fitted.head, fitted.dataset
    append_head(backbone.onnx_path, head.kernel, head.bias, backbone.image_size, run.onnx_path)
    images = dataset.pixels.read(dataset.catalog.part("validation")[:_CHECK_PHOTOS])
    if backbone.weights_path is None:
        logits = head.logits(fitted.reader.compute(images))
        num_parameters = _num_parameters(run)
    else:
        prepare_tensorflow()
        from pawsight.training.finetune import build_whole

        model = build_whole(backbone, head)
        save_weights(model, run.weights_path)
        logits = np.asarray(model(images.astype(np.float32), training=False))
        num_parameters = model.count_params()
    try:
        task = dataset.catalog.task
        return check_agreement(run.onnx_path, images, logits, task), num_parameters
    except ModelError as error:
        raise ModelError(f"{error}\nRemove {backbone.features_dir}, and start again.") from error


def _num_parameters(run: Run) -> int:
    weights = load_onnx(run.onnx_path).graph.initializer
    return int(sum(np.prod(weight.dims) for weight in weights if len(weight.dims) > 0))
