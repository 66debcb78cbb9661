"""Save and load the Keras models and weights of a run."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from pawsight.errors import ConfigError, ModelError, first_line
from pawsight.models.description import ModelDescription
from pawsight.models.mirrored import average_mirrored
from pawsight.models.registry import find_network
from pawsight.runs import Run
from pawsight.storage.atomic import replacing

if TYPE_CHECKING:
    import keras


def save_weights(model: keras.Model, path: Path) -> None:
    """Write a model's weights in Keras' .weights.h5 format; raises DiskError."""
    with replacing(path) as temporary:
        model.save_weights(temporary, overwrite=True)


def save_keras(model: keras.Model, path: Path) -> None:
    """Write a network with its weights as one .keras file.

    Raises:
        ModelError: Keras cannot serialise a layer.
        DiskError: The file cannot be written.
    """
    with replacing(path) as temporary:
        keras_path = temporary.with_name(f"{temporary.name}.keras")  # Keras requires this suffix
        try:
            model.save(keras_path)
        except (ValueError, TypeError, NotImplementedError) as error:
            raise ModelError(
                f"The network cannot be saved as {path.name}: {first_line(error)}\nDefine "
                f"get_config() in each custom layer."
            ) from error
        keras_path.replace(temporary)


def load_model(run: str | os.PathLike[str] | Run) -> keras.Model:
    """Build a run's model in float32 and load its trained weights.

    Args:
        run: The run folder, by path or opened.

    Raises:
        RunError: The model is missing or damaged, or is the shipped model itself.
        ModelError: model.json names a network that this version does not have.
    """
    run = run if isinstance(run, Run) else Run.open(run)
    description = ModelDescription.load(run)
    try:
        network = find_network(description.architecture or "")
    except ConfigError as error:
        raise ModelError(f"{run.model_path} names an unknown network. {error}") from error
    model = network.load(run, description)
    return average_mirrored(model) if description.is_mirrored else model
