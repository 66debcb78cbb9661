"""Copy the weights of a pawsight model into another of the same network, class by class.

All layers below the last one are copied; of the last one, the columns of the classes that both
models have. A class that is new keeps the random weights it was built with.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import keras
import numpy as np
from keras import layers

from pawsight.errors import ModelError, first_line
from pawsight.models.description import ModelDescription
from pawsight.models.network import Network
from pawsight.models.onnx_graph import load_onnx
from pawsight.models.plain_layers import plain_network
from pawsight.models.pretrained import leaves
from pawsight.models.weight_files import load_backbone


def load_weights_file(network: Network, description: ModelDescription, path: Path) -> keras.Model:
    """Build the network of a pawsight model in float32, with the weights of one of its files.

    Args:
        network: The network.
        description: The facts of the model.
        path: Its .weights.h5, the .keras of an export, or an ONNX file.

    Raises:
        ModelError: The file is damaged or another network's, or an ONNX file into which batch
            normalisation was folded.
    """
    model = network.build(len(description.class_names), description.image_size)
    try:
        description.check(path, path.read_bytes())
        if path.suffix == ".onnx":
            _load_onnx(model, path)
        elif path.suffix == ".keras":
            plain = plain_network(model)
            load_backbone(plain, path, network.name)
            _copy(plain, model)
        else:
            model.load_weights(path)
    except (OSError, ValueError, KeyError) as error:
        raise ModelError(
            f"{path} does not hold the weights of a model '{network.name}' with "
            f"{len(description.class_names)} classes ({first_line(error)})."
        ) from error
    return model


def carry_over(
    earlier: keras.Model,
    earlier_classes: Sequence[str],
    model: keras.Model,
    class_names: Sequence[str],
) -> None:
    """Copy the weights of a model into one of the same network with other classes.

    Args:
        earlier: The model with the weights.
        earlier_classes: Its class names.
        model: The model that receives them, newly built; layers keep whether they learn.
        class_names: Its class names.
    """
    last = _last_layer(model)
    own = last.get_weights()
    _copy(earlier, model, without=last)
    given = [
        _columns(weight, len(earlier_classes)) for weight in _last_layer(earlier).get_weights()
    ]
    new = [_columns(one, len(class_names)) for one in own]
    places = {name: place for place, name in enumerate(earlier_classes)}
    for place, name in enumerate(class_names):
        if name in places:
            for old, target in zip(given, new, strict=True):
                target[..., place] = old[..., places[name]]
    if own[0].shape[-1] == 1:  # the logit of the second of two classes
        new = [one[..., 1:] - one[..., :1] for one in new]
    last.set_weights(new)


def _last_layer(model: keras.Model) -> keras.Layer:
    return [layer for layer in leaves(model) if layer.weights][-1]


def _columns(array: np.ndarray, num_classes: int) -> np.ndarray:
    """Return a kernel [F, K] or bias [K] with a column per class; of one logit of two, both."""
    if array.shape[-1] == num_classes:
        return array.copy()
    return np.concatenate([np.zeros_like(array), array], axis=-1)


def _copy(source: keras.Model, target: keras.Model, without: keras.Layer | None = None) -> None:
    for old, own in zip(leaves(source), leaves(target), strict=True):
        if own.weights and own is not without:
            own.set_weights(old.get_weights())


def _load_onnx(model: keras.Model, path: Path) -> None:
    from onnx import numpy_helper

    own = [layer for layer in leaves(model) if layer.weights]
    if not all(
        isinstance(one, layers.DepthwiseConv2D | layers.Conv2D | layers.Dense) for one in own
    ):
        raise ModelError(
            f"The weights in {path} are for prediction: normalisation is folded into them, so that "
            f"training cannot start from them.\nGive the run folder, its model.weights.h5, or the "
            f"model.keras of pawsight export --format keras."
        )
    graph = load_onnx(path).graph
    arrays = {stored.name: numpy_helper.to_array(stored) for stored in graph.initializer}
    nodes = [node for node in graph.node if node.op_type in ("Conv", "Gemm")]
    for layer, node in zip(own, nodes, strict=True):
        kernel, *bias = (arrays[name] for name in node.input[1:])
        if isinstance(layer, layers.DepthwiseConv2D):
            kernel = kernel.transpose(2, 3, 0, 1)
        elif node.op_type == "Conv":
            kernel = kernel.transpose(2, 3, 1, 0)
        layer.set_weights([kernel, *bias])
