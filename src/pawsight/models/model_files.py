"""A model in a run folder: model.json says what it is, the weights lie beside it.

model.json names an architecture of our own registry and holds plain facts.
There is no code and no serialised graph in it, so loading an untrusted folder
can fail but can not execute anything.
"""

from __future__ import annotations

import importlib.metadata
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pawsight.errors import RunError
from pawsight.models import builtin, hub
from pawsight.records import Resize
from pawsight.runs import FORMAT_VERSION, Run
from pawsight.storage.atomic import replacing, write_json

if TYPE_CHECKING:
    import keras

_PACKAGES = ("pawsight", "keras", "tensorflow", "numpy", "pillow", "onnxruntime")


def save_weights(model: keras.Model, path: Path) -> None:
    """Write a model's weights alone, in Keras' own format.

    Raises:
        DiskError: The file cannot be written.
    """
    with replacing(path) as temporary:
        model.save_weights(temporary, overwrite=True)


def save_description(
    run: Run,
    architecture: str,
    class_names: tuple[str, ...],
    image_size: tuple[int, int],
    resize: Resize,
    temperature: float,
    source: str,
    onnx_difference: float,
) -> None:
    """Write model.json.

    Args:
        run: The run that the model belongs to.
        architecture: Its name in the registry.
        class_names: `class_names[i]` is class i.
        image_size: (height, width) in pixels.
        resize: How a photo of another shape is brought to that size.
        temperature: What logits are divided by before the softmax, above 0.
        source: What the photos were called.
        onnx_difference: Largest difference of any probability between the
            weights in Keras and model.onnx in ONNX Runtime.
    """
    description = {
        "format_version": FORMAT_VERSION,
        "architecture": architecture,
        "options": hub.kept_network(architecture).as_options() if hub.is_hub(architecture) else {},
        "class_names": list(class_names),
        "image_size": list(image_size),
        "resize": resize,
        "temperature": temperature,
        "input": "images",
        "output": "logits",
        "source": source,
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "onnx_largest_difference": onnx_difference,
        "versions": versions(),
    }
    write_json(run.model_path, description)


def versions() -> dict[str, str]:
    """The versions of the packages that shape a model, as far as they are installed."""
    found = {}
    for name in _PACKAGES:
        for package in (name, f"{name}-cpu"):
            try:
                found[name] = importlib.metadata.version(package)
                break
            except importlib.metadata.PackageNotFoundError:
                continue
    return found


def load_model(run: Run) -> keras.Model:
    """Build a run's model in float32 and give it the trained weights.

    A run on the shipped model has them in model.onnx alone.

    Raises:
        RunError: The model is missing or damaged, or is the shipped one itself.
        ModelError: model.json names an architecture that does not exist here.
    """
    from pawsight.models.registry import build_model  # here: to describe a model needs no Keras

    description: dict[str, Any] = run.read_json(run.model_path)
    try:
        image_size = int(description["image_size"][0]), int(description["image_size"][1])
        name = str(description["architecture"])
        if name == builtin.NAME:
            return _load_builtin(run, image_size)
        network = hub.HubNetwork.from_options(description["options"]) if hub.is_hub(name) else None
        num_classes = len(description["class_names"])
        model = build_model(name, num_classes, image_size, network=network)
    except (KeyError, TypeError, ValueError) as error:
        raise RunError(f"{run.model_path} is damaged ({error!r}).") from error
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
