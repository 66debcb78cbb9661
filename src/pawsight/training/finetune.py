"""Fine-tuning: once a last layer is fitted to frozen features, the network itself learns.

The layer comes first because with random weights on top the first steps would
destroy the pretrained ones. Then the network learns by its recipe: the shipped one
as a whole on smaller images, others their last layers and later all of them, at
low rates. Batch normalisation keeps its statistics and its scales: those of
small batches would undo as much. Source: https://keras.io/guides/transfer_learning/
What the fitted layer scored is the first row of the history, so the initial
weights are kept where nothing after it does better.
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

# What the end of a run takes besides inference on its photos, but for the shipped network: the
# others have many layers.
_FINISH_SECONDS = 29.0
# Its own layers make the shipped network quicker in bfloat16, which ONNX Runtime does not use.
_BUILTIN_SLOWDOWN = 2.5


def finetune(
    run: Run,
    config: TrainConfig,
    fitted: HeadFit,
    row: Epoch,
    budget: TimeBudget,
    progress: Progress,
    own: CustomComponents | None = None,
    second_seconds: float | None = None,
) -> keras.Model:
    """Train a backbone with the head that was fitted to it.

    Args:
        run: The run; its plan, history and checkpoints are written.
        config: The settings.
        fitted: The head on its backbone.
        row: What the two score together.
        budget: The time that is left.
        progress: Receives the plan and every step.
        own: As `session.train_run` takes it.
        second_seconds: What a second network gets afterwards; None trains none.

    Returns:
        The whole model with its best weights.

    Raises:
        OutOfTimeError: The budget leaves no time for it.
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
        return train_run(run, config, fitted.dataset, budget, progress, warm_start, own)


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
    """Return how the training of a network that comes with weights starts; see `WarmStart`."""
    is_builtin = name == builtin.NAME
    chosen = (
        precision.choose(config.precision)
        if is_builtin or config.precision != "auto"
        # Depthwise convolutions, and normalisation on its own, are slower in bfloat16 on a CPU.
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
    """Build the backbone in Keras with the head on it, as `registry.build_model` builds it.

    Raises:
        ModelError: The backbone's weights are another network's.
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
