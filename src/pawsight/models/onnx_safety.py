"""Refuse ONNX files that could do more than compute: a model is data, not a program.

An ONNX file may name other files to read its weights from, operators of a plug-in,
its own functions, and infinite loops. pawsight writes none of these,
so a file that has one is refused before ONNX Runtime loads it. Needs neither onnx nor TensorFlow:
the few relevant fields are read by protobuf, as ONNX Runtime reads them.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from google.protobuf import descriptor_pb2, descriptor_pool, message, message_factory

from pawsight.errors import ModelError

MAX_FILE_BYTES = 2**31 - 1  # the limit of protobuf
MAX_NODES = 20_000  # the largest network of keras.applications has about 2,000
_DOMAINS = (b"", b"ai.onnx")
# The checked fields of each message, with number and type: another message, int32, or bytes (also
# for messages that must only be absent). Source: onnx.proto of ONNX 1.17.
_MESSAGES: dict[str, dict[str, tuple[int, str]]] = {
    "Model": {"graph": (7, "Graph"), "training": (20, "bytes"), "functions": (25, "bytes")},
    "Graph": {"node": (1, "Node"), "tensors": (5, "Tensor"), "sparse": (15, "Sparse")},
    "Node": {"op_type": (4, "bytes"), "attribute": (5, "Attribute"), "domain": (7, "bytes")},
    "Attribute": {
        "tensor": (5, "Tensor"),
        "graph": (6, "bytes"),
        "tensors": (10, "Tensor"),
        "graphs": (11, "bytes"),
        "sparse": (22, "Sparse"),
        "sparses": (23, "Sparse"),
    },
    "Tensor": {"external": (13, "bytes"), "location": (14, "int32")},
    "Sparse": {"values": (1, "Tensor"), "indices": (2, "Tensor")},
}


def read_onnx(path: Path) -> bytes:
    """Read an ONNX file, and check it as `check_safe` does.

    Raises:
        ModelError: The file is too large, or could do more than compute.
        OSError: The file cannot be read.
    """
    if path.stat().st_size > MAX_FILE_BYTES:
        raise ModelError(f"{path} has more than {MAX_FILE_BYTES:,} bytes, the limit of a model.")
    content = path.read_bytes()
    check_safe(content)
    return content


def check_safe(content: bytes) -> None:
    """Refuse a model that could do more than compute.

    Raises:
        ModelError: The model refers to other files, or has custom operators, functions, training,
            control flow or too many nodes; or it is not an ONNX model.
    """
    try:
        model = _model_class().FromString(content)
    except message.DecodeError as error:
        raise ModelError(f"It is not an ONNX model ({error}).") from error
    if model.functions or model.training:
        raise ModelError("It contains functions or training, which is not allowed.")
    nodes = [node for graph in model.graph for node in graph.node]
    if len(nodes) > MAX_NODES:
        raise ModelError(f"It has {len(nodes):,} nodes, where {MAX_NODES:,} are allowed.")
    for node in nodes:
        name = b"".join(node.op_type).decode("utf-8", "replace")
        if any(domain not in _DOMAINS for domain in node.domain):
            raise ModelError(f"Its operator '{name}' is not part of ONNX.")
        if any(attribute.graph or attribute.graphs for attribute in node.attribute):
            raise ModelError(f"Its operator '{name}' is control flow, which is not allowed.")
    if any(tensor.external or any(tensor.location) for tensor in _tensors(model, nodes)):
        raise ModelError("It keeps weights in other files, which is not allowed.")


def _tensors(model: Any, nodes: list[Any]) -> Iterator[Any]:
    """Yield all tensors of a model, including those within sparse tensors."""
    sparse_tensors = []
    for graph in model.graph:
        yield from graph.tensors
        sparse_tensors += graph.sparse
    for node in nodes:
        for attribute in node.attribute:
            yield from (*attribute.tensor, *attribute.tensors)
            sparse_tensors += (*attribute.sparse, *attribute.sparses)
    for sparse in sparse_tensors:
        yield from (*sparse.values, *sparse.indices)


@functools.cache
def _model_class() -> Any:
    """Build the protobuf class of a model with the fields in `_MESSAGES`.

    All fields are repeated: of a field that occurs twice, protobuf would show only the last.
    """
    proto = descriptor_pb2.FieldDescriptorProto
    file = descriptor_pb2.FileDescriptorProto(name="pawsight_onnx.proto", package="pawsight")
    for name, fields in _MESSAGES.items():
        message_type = file.message_type.add(name=name)
        for field_name, (number, kind) in fields.items():
            field = message_type.field.add(
                name=field_name, number=number, label=proto.LABEL_REPEATED
            )
            if kind in _MESSAGES:
                field.type, field.type_name = proto.TYPE_MESSAGE, f".pawsight.{kind}"
            else:
                field.type = proto.TYPE_BYTES if kind == "bytes" else proto.TYPE_INT32
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName("pawsight.Model"))
