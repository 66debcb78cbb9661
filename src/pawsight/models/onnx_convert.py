"""Write a Keras model as ONNX, and check that the file computes the same.

`onnx_writer` writes pawsight's own networks in under a second. tf2onnx converts networks with
other layers, such as those of keras.applications and KerasHub.
"""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import keras
import numpy as np
import onnx
import tensorflow as tf
from keras import layers

from pawsight.errors import ModelError, first_line
from pawsight.models.mirrored import average_mirrored_onnx, inner_network
from pawsight.models.onnx_check import check_agreement
from pawsight.models.onnx_writer import OPSET, UnsupportedLayerError, onnx_model
from pawsight.records import ImageArray
from pawsight.storage.atomic import replacing
from pawsight.task import SINGLE_LABEL, Task


def export_onnx(model: keras.Model, path: Path, output: str = "logits") -> None:
    """Write a float32 model, in inference mode, as ONNX.

    The file takes "images", float32 [N, H, W, 3] with values 0..255. The same weights give the
    same bytes.

    Args:
        model: A model from images to one output, [B, K]; an output [B, 1] becomes two columns.
        path: The file to write.
        output: Name of the output in the file.

    Raises:
        ModelError: The model cannot be expressed in ONNX.
        DiskError: The file cannot be written.
    """
    content = _converted(one_column_per_class(model), output).SerializeToString(deterministic=True)
    with replacing(path) as temporary:
        temporary.write_bytes(content)


def check_convertible(model: keras.Model) -> None:
    """Convert a model and discard the result, to find unsupported layers before training.

    Raises:
        ModelError: The model cannot be expressed in ONNX.
    """
    _converted(model, "logits")


def check_onnx(
    model: keras.Model, path: Path, images: ImageArray, task: Task = SINGLE_LABEL
) -> float:
    """Compare a float32 model with its ONNX file on images.

    Args, returns, raises: As `onnx_check.check_agreement`.
    """
    logits = one_column_per_class(model)(images.astype(np.float32), training=False)
    return check_agreement(path, images, np.asarray(logits), task)


def one_column_per_class(model: keras.Model) -> keras.Model:
    """Return the model itself, or a model with its single logit as two columns (`columns`)."""
    if model.output_shape[-1] > 1:
        return model
    return keras.Model(model.input, columns(model.output), name=model.name)


def columns(logits: keras.KerasTensor) -> keras.KerasTensor:
    """Return logits [B, K]; of [B, 1], two columns: sigmoid(z) = softmax([0, z])."""
    if logits.shape[-1] > 1:
        return logits
    zeros = layers.Rescaling(0.0, dtype="float32", name="first_class")(logits)
    return layers.Concatenate(dtype="float32", name="both_classes")([zeros, logits])


def _converted(model: keras.Model, output: str) -> onnx.ModelProto:
    network = inner_network(model)
    if network is not None:
        converted = _converted(network, output)
        average_mirrored_onnx(converted, output)
        return converted
    try:
        return onnx_model(model, output)
    except UnsupportedLayerError:
        return _by_tf2onnx(model, output)


def _by_tf2onnx(model: keras.Model, output: str) -> onnx.ModelProto:
    import tf2onnx

    for layer in model._flatten_layers():
        if isinstance(layer, layers.Normalization):  # as tensors, they would become graph inputs
            layer.mean, layer.variance = np.asarray(layer.mean), np.asarray(layer.variance)
    images = tf.TensorSpec((None, *model.input_shape[1:]), tf.float32, name="images")

    @tf.function(input_signature=(images,))
    def infer(images: tf.Tensor) -> dict[str, tf.Tensor]:
        return {output: model(images, training=False)}

    logging.getLogger("tf2onnx").setLevel(logging.CRITICAL)  # it logs errors that it also raises
    try:
        converted, _ = tf2onnx.convert.from_function(
            infer,
            input_signature=(images,),
            opset=OPSET,
            custom_op_handlers={"Erfc": (_erfc, [])},
        )
    except (ValueError, RuntimeError) as error:
        raise ModelError(
            f"The network {model.name} cannot be written as ONNX: {first_line(error)}"
        ) from error
    # tf2onnx leaves an operator that it does not support in the graph, under TensorFlow's name.
    unknown = {
        node.op_type
        for node in converted.graph.node
        if node.domain or not onnx.defs.has(node.op_type, OPSET)
    }
    if unknown:
        raise ModelError(
            f"The network {model.name} cannot be written as ONNX: there is no operator for "
            f"{', '.join(sorted(unknown))}.\nChoose another --model."
        )
    return _renamed(converted)


def _erfc(graph: Any, node: Any, *_: Any) -> None:
    """Write erfc(x), which TensorFlow's GELU uses and ONNX does not have, as 1 - erf(x)."""
    one = graph.make_const(f"{node.name}_one", np.array(1, np.float32)).output[0]
    shapes, types = node.output_shapes, node.output_dtypes
    erf = graph.make_node("Erf", node.input, shapes=shapes, dtypes=types).output[0]
    graph.remove_node(node.name)
    graph.make_node(
        "Sub", [one, erf], name=node.name, outputs=node.output, shapes=shapes, dtypes=types
    )


def _renamed(model: onnx.ModelProto) -> onnx.ModelProto:
    """Rename nodes and values by their order: tf2onnx's names depend on earlier conversions."""
    graph = model.graph
    kept = {value.name for value in (*graph.input, *graph.output)} | {""}
    names: dict[str, str] = {name: name for name in kept}

    def numbered(name: str) -> str:
        return names.setdefault(name, f"value_{len(names)}")

    for number, node in enumerate(graph.node):
        node.name, node.doc_string = f"node_{number}", ""
        node.input[:] = map(numbered, node.input)
        node.output[:] = map(numbered, node.output)
    for constant in graph.initializer:
        constant.name = numbered(constant.name)
    ordered = sorted(graph.initializer, key=lambda tensor: int(tensor.name.rpartition("_")[2]))
    del graph.initializer[:], graph.value_info[:]
    graph.initializer.extend(ordered)
    for value in (*graph.input, *graph.output):
        value.type.tensor_type.shape.dim[0].dim_param = "N"
    graph.name, graph.doc_string, model.doc_string = "pawsight", "", ""
    return model
