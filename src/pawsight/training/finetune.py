"""Fine-tune a network after a linear head was fitted to its frozen features.

The head is fitted first, because with a random last layer the first steps would
destroy the pretrained weights. Then the network is trained by its recipe: the shipped
network as a whole with smaller images; other networks at low learning rates, at first
only their last layers. Batch normalisation stays frozen, because the statistics of small
batches would destroy the weights, too.
Source: https://keras.io/guides/transfer_learning/
The score of the fitted head is row 0 of the history, so the initial weights are kept
if no later epoch is better.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import keras

from pawsight.config import TrainConfig
from pawsight.history import Epoch
from pawsight.models import builtin
from pawsight.models.backbone import Backbone
from pawsight.models.registry import find_network
from pawsight.progress import Progress
from pawsight.runs import Run
from pawsight.training import head_photos, precision
from pawsight.training.custom_components import CustomComponents
from pawsight.training.head_fit import HeadFit
from pawsight.training.linear_head import Head
from pawsight.training.plan import Plan
from pawsight.training.precision import Precision
from pawsight.training.session import train_run
from pawsight.training.time_budget import TimeBudget
from pawsight.training.warm_start import EVALUATION_SLOWDOWN, WarmStart

# Seconds after training, besides inference on photos, for networks other than the shipped one:
# they have more layers to export.
_FINISH_SECONDS = 29.0
# Time of ONNX Runtime relative to validation, which has fast bfloat16 layers (`builtin.layers`).
_BUILTIN_SLOWDOWN = 2.5


def finetune(
    run: Run,
    config: TrainConfig,
    fitted: HeadFit,
    row: Epoch,
    budget: TimeBudget,
    progress: Progress,
    components: CustomComponents | None = None,
    second_seconds: float | None = None,
) -> keras.Model:
    """Train a backbone with the head that was fitted to it.

    Args:
        run: The run; its plan, history and checkpoints are written.
        config: The settings.
        fitted: The fitted head with its backbone.
        row: The score of the fitted head, as row 0 of the history.
        budget: The remaining time.
        progress: Receives the plan and every step.
        components: See `session.train_run`.
        second_seconds: Time reserved for a second network; None trains none.

    Returns:
        The whole model with its best weights.

    Raises:
        OutOfTimeError: The budget leaves no time for fine-tuning.
        StoppedError, TrainingError, DataError, DiskError, RunError: As `session.train_run`.
    """
    backbone, head = fitted.backbone, fitted.head

    def build(plan: Plan) -> keras.Model:
        model = build_whole(backbone, head, plan.precision, any_size=True)
        freeze_normalization(model)
        return model

    warm_start = pretrained_start(
        backbone.name, config, build, backbone.key, row, head.strength, fitted.num_photos
    )
    warm_start = dataclasses.replace(warm_start, second_seconds=second_seconds)
    with budget.reserved(second_seconds or 0.0):
        return train_run(run, config, fitted.dataset, budget, progress, warm_start, components)


def pretrained_start(
    name: str,
    config: TrainConfig,
    build: Callable[[Plan], keras.Model],
    weights: str | None,
    row: Epoch | None = None,
    head_strength: float | None = None,
    num_head_photos: int | None = None,
    error: float | None = None,
) -> WarmStart:
    """Return the warm start of a network that comes with weights.

    Args:
        name: The network's name.
        config: The settings.
        build: See `WarmStart`.
        weights: See `WarmStart`.
        row: See `WarmStart`.
        head_strength: See `WarmStart`.
        num_head_photos: See `WarmStart`.
        error: See `WarmStart`; with a `row`, its error is taken.
    """
    is_builtin = name == builtin.NAME
    chosen = (
        precision.choose(config.precision)
        if is_builtin or config.precision != "auto"
        # bfloat16 is slower on a CPU for depthwise convolutions and separate normalisation layers.
        else Precision("float32", "as the network's features were computed")
    )
    return WarmStart(
        build,
        row,
        chosen,
        head_photos.FINISH_SECONDS if is_builtin else _FINISH_SECONDS,
        weights,
        head_strength,
        num_head_photos,
        error if row is None else 1 - row.validation_accuracy,
        evaluation_slowdown=_BUILTIN_SLOWDOWN if is_builtin else EVALUATION_SLOWDOWN,
    )


def build_whole(
    backbone: Backbone, head: Head, precision: str = "float32", any_size: bool = False
) -> keras.Model:
    """Build the backbone with the head in Keras, as `registry.build_model` does, with its weights.

    Raises:
        ModelError: The backbone's weights are of another network.
    """
    network = find_network(backbone.name)
    model = network.build(head.kernel.shape[1], backbone.image_size, precision, any_size)
    if backbone.weights_path is not None:
        network.load_weights(model, backbone.weights_path)
    model.get_layer("logits").set_weights([head.kernel, head.bias])
    return model


def freeze_normalization(model: keras.Model) -> None:
    """Freeze every batch normalisation of a model; Keras then runs it as in inference."""
    for layer in model._flatten_layers():
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.trainable = False
