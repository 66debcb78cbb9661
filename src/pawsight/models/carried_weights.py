"""Copy the weights of a pawsight model into another model of the same network, class by class.

All layers before the last are copied. Of the last layer, the columns of those classes are copied
that both models have; a new class keeps its random initial weights.
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
from pawsight.models.onnx_graph import initializers, load_onnx
from pawsight.models.plain_layers import plain_network
from pawsight.models.pretrained import leaves
from pawsight.models.weight_files import load_backbone


def load_weights_file(network: Network, description: ModelDescription, path: Path) -> keras.Model:
    """Build the network of a pawsight model in float32, and load the weights of a file into it.

    Args:
        network: The network.
        description: The model's description.
        path: The .weights.h5 of a run, the .keras file of an export, or an ONNX file.

    Raises:
        ModelError: The file is damaged or of another network, or it is an ONNX file with batch
            normalisation folded into its convolutions.
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
    """Copy the weights of a model into a model of the same network with other classes.

    Args:
        earlier: The model with the weights.
        earlier_classes: Its class names.
        model: The newly built model that receives them; `trainable` of its layers is unchanged.
        class_names: Its class names.
    """
    last = _last_layer(model)
    initial = last.get_weights()
    _copy(earlier, model, without=last)
    sources = [
        _columns(weight, len(earlier_classes)) for weight in _last_layer(earlier).get_weights()
    ]
    targets = [_columns(weight, len(class_names)) for weight in initial]
    earlier_columns = {name: column for column, name in enumerate(earlier_classes)}
    for column, name in enumerate(class_names):
        if name in earlier_columns:
            for source, target in zip(sources, targets, strict=True):
                target[..., column] = source[..., earlier_columns[name]]
    if initial[0].shape[-1] == 1:  # the logit of the second of two classes
        targets = [target[..., 1:] - target[..., :1] for target in targets]
    last.set_weights(targets)


def _last_layer(model: keras.Model) -> keras.Layer:
    return [layer for layer in leaves(model) if layer.weights][-1]


def _columns(array: np.ndarray, num_classes: int) -> np.ndarray:
    """Return a kernel [F, K] or bias [K]; the single logit of two classes becomes two columns."""
    if array.shape[-1] == num_classes:
        return array.copy()
    return np.concatenate([np.zeros_like(array), array], axis=-1)


def _copy(source: keras.Model, target: keras.Model, without: keras.Layer | None = None) -> None:
    for from_layer, to_layer in zip(leaves(source), leaves(target), strict=True):
        if to_layer.weights and to_layer is not without:
            to_layer.set_weights(from_layer.get_weights())


def _load_onnx(model: keras.Model, path: Path) -> None:
    with_weights = [layer for layer in leaves(model) if layer.weights]
    if not all(
        isinstance(layer, layers.DepthwiseConv2D | layers.Conv2D | layers.Dense)
        for layer in with_weights
    ):
        raise ModelError(
            f"Training cannot start from the weights in {path}: batch normalisation is folded "
            f"into them.\nGive the run folder, its model.weights.h5, or the "
            f"model.keras of pawsight export --format keras."
        )
    graph = load_onnx(path).graph
    arrays = initializers(graph)
    nodes = [node for node in graph.node if node.op_type in ("Conv", "Gemm")]
    for layer, node in zip(with_weights, nodes, strict=True):
        kernel, *bias = (arrays[name] for name in node.input[1:])
        if isinstance(layer, layers.DepthwiseConv2D):
            kernel = kernel.transpose(2, 3, 0, 1)
        elif node.op_type == "Conv":
            kernel = kernel.transpose(2, 3, 1, 0)
        layer.set_weights([kernel, *bias])
