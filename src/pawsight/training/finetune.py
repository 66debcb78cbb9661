"""Fine-tuning: once a last layer is fitted to frozen features, the network itself learns.

The layer comes first because with random weights on top the first steps would
destroy the pretrained ones. Then the last layers learn, later all of them, at
low rates. Batch normalisation keeps its statistics and its scales: those of
small batches would undo as much. Source: https://keras.io/guides/transfer_learning/
What the fitted layer scored is the first row of the history, so the initial
weights are kept where nothing after it does better.
"""

from __future__ import annotations

import keras

from pawsight.config import TrainConfig
from pawsight.history import Epoch
from pawsight.models.backbone import Backbone
from pawsight.models.registry import find_network
from pawsight.progress import Progress
from pawsight.runs import Run
from pawsight.training import precision
from pawsight.training.fitted import Fitted
from pawsight.training.linear_head import Head
from pawsight.training.plan import Plan
from pawsight.training.precision import Precision
from pawsight.training.session import train_run
from pawsight.training.time_budget import TimeBudget
from pawsight.training.warm_start import WarmStart

# What the end of a run takes besides inference on its photos: these networks have many layers.
_FINISH_SECONDS = 20.0


def finetune(
    run: Run,
    config: TrainConfig,
    fitted: Fitted,
    row: Epoch,
    budget: TimeBudget,
    progress: Progress,
) -> keras.Model:
    """Train a backbone with the head that was fitted to it.

    Args:
        run: The run; its plan, history and checkpoints are written.
        config: The settings.
        fitted: The head on its backbone, which has weights in Keras.
        row: What the two score together.
        budget: The time that is left.
        progress: Receives the plan and every step.

    Returns:
        The whole model with its best weights.

    Raises:
        OutOfTimeError: The budget leaves no time for it.
        StoppedError, TrainingError, DataError, DiskError, RunError: As `session.train_run`.
    """

    def build(plan: Plan) -> keras.Model:
        model = build_whole(fitted.backbone, fitted.head, plan.precision)
        freeze_normalization(model)
        return model

    chosen = (
        # Depthwise convolutions, and normalisation on its own, are slower in bfloat16 on a CPU.
        Precision("float32", "as the network's features were computed")
        if config.precision == "auto"
        else precision.choose(config.precision)
    )
    warm_start = WarmStart(
        build, row, chosen, _FINISH_SECONDS, fitted.backbone.key, fitted.head.strength
    )
    return train_run(run, config, fitted.dataset, budget, progress, warm_start)


def build_whole(backbone: Backbone, head: Head, precision: str = "float32") -> keras.Model:
    """Build the backbone in Keras with the head on it, as `registry.build_model` builds it.

    Raises:
        ModelError: The backbone's weights are another network's.
    """
    network = find_network(backbone.name)
    model = network.build(head.kernel.shape[1], backbone.image_size, precision)
    if backbone.weights_path is not None:
        network.load_weights(model, backbone.weights_path)
    model.get_layer("logits").set_weights([head.kernel, head.bias])
    return model


def freeze_normalization(model: keras.Model) -> None:
    """Keep every batch normalisation of a model as it is; frozen, Keras runs it as in inference."""
    for layer in model._flatten_layers():
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.trainable = False
