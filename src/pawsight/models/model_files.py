"""Save and load the Keras weights of a run; `description` has the facts beside them."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from pawsight.errors import ConfigError, ModelError, first_line
from pawsight.models.description import ModelDescription
from pawsight.models.registry import find_network
from pawsight.runs import Run
from pawsight.storage.atomic import replacing

if TYPE_CHECKING:
    import keras


def save_weights(model: keras.Model, path: Path) -> None:
    """Write a model's weights alone, in Keras' own format; raises DiskError."""
    with replacing(path) as temporary:
        model.save_weights(temporary, overwrite=True)


def save_keras(model: keras.Model, path: Path) -> None:
    """Write a network with its weights as one .keras file.

    Raises:
        ModelError: It has a part that Keras cannot write.
        DiskError: The file cannot be written.
    """
    with replacing(path) as temporary:
        named = temporary.with_name(f"{temporary.name}.keras")  # Keras insists on that ending
        try:
            model.save(named)
        except (ValueError, TypeError, NotImplementedError) as error:
            raise ModelError(
                f"The network cannot be saved as {path.name}: {first_line(error)}\nGive each layer "
                f"of your own a get_config()."
            ) from error
        named.replace(temporary)


def load_model(run: str | os.PathLike[str] | Run) -> keras.Model:
    """Build a run's model in float32 and give it the trained weights.

    A run on the shipped model has them in model.onnx alone.

    Args:
        run: The run folder, by path or opened.

    Raises:
        RunError: The model is missing or damaged, or is the shipped one itself.
        ModelError: model.json names a network that does not exist here.
    """
    run = run if isinstance(run, Run) else Run.open(run)
    description = ModelDescription.load(run)
    try:
        network = find_network(description.architecture or "")
    except ConfigError as error:
        raise ModelError(f"{run.model_path} names a network that is not there. {error}") from error
    return network.load(run, description)
