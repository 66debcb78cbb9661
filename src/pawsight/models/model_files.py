"""Save and load the Keras weights of a run; `description` has the facts beside them."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pawsight.errors import RunError
from pawsight.models import builtin, hub
from pawsight.models.description import ModelDescription
from pawsight.runs import Run
from pawsight.storage.atomic import replacing

if TYPE_CHECKING:
    import keras


def save_weights(model: keras.Model, path: Path) -> None:
    """Write a model's weights alone, in Keras' own format.

    Raises:
        DiskError: The file cannot be written.
    """
    with replacing(path) as temporary:
        model.save_weights(temporary, overwrite=True)


def network_options(name: str) -> dict[str, Any]:
    """Return what a network is built from beside its name, JSON-ready."""
    return hub.kept_network(name).as_options() if hub.is_hub(name) else {}


def load_model(run: str | os.PathLike[str] | Run) -> keras.Model:
    """Build a run's model in float32 and give it the trained weights.

    A run on the shipped model has them in model.onnx alone.

    Args:
        run: The run folder, by path or opened.

    Raises:
        RunError: The model is missing or damaged, or is the shipped one itself.
        ModelError: model.json names an architecture that does not exist here.
    """
    from pawsight.models.registry import build_model  # here: importing this needs no Keras

    run = run if isinstance(run, Run) else Run.open(run)
    found = ModelDescription.load(run)
    name = found.architecture or ""
    if name == builtin.NAME:
        return _load_builtin(run, found.image_size)
    network = hub.HubNetwork.from_options(found.options) if hub.is_hub(name) else None
    model = build_model(name, len(found.class_names), found.image_size, network=network)
    try:
        model.load_weights(run.weights_path)
    except (OSError, ValueError, KeyError) as error:
        raise RunError(f"{run.weights_path} does not hold this model's weights.") from error
    return model


def _load_builtin(run: Run, image_size: tuple[int, int]) -> keras.Model:
    if run.path.samefile(builtin.folder()):
        raise RunError(
            "The model of cats and dogs that ships with pawsight is there to predict, not to train "
            "on.\nPredict with pawsight.load(), or train on what it sees: --model builtin."
        )
    from pawsight.models.builtin.network import load_whole

    try:
        return load_whole(run.onnx_path, image_size)
    except (OSError, ValueError, KeyError, IndexError) as error:
        raise RunError(f"{run.onnx_path} does not hold this model's weights.") from error
