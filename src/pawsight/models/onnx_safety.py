"""Refuse ONNX files that could do more than compute: a model is data, not a program.

An ONNX file may name other files to read its weights from, operators of a plug-in,
functions of its own, and loops without an end. None of these is in a model that pawsight writes,
so a file with one is refused before ONNX Runtime loads it. Needs neither onnx nor TensorFlow: the
few fields that matter are read by protobuf, as ONNX Runtime reads them.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from google.protobuf import descriptor_pb2, descriptor_pool, message, message_factory

from pawsight.errors import ModelError

MAX_FILE_BYTES = 2**31 - 1  # protobuf reads no more, and weights within one file never need it
MAX_NODES = 20_000  # the largest network of keras.applications has about 2,000
_DOMAINS = (b"", b"ai.onnx")
_EXTERNAL = 1  # of TensorProto.DataLocation
_IN_PLACE = 0
# The fields by number and type; the type of another message, or bytes of what only must not be
# there. Source: onnx.proto of ONNX 1.17.
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
    """Read an ONNX file that is safe to open.

    Raises:
        ModelError: It is too large, or could do more than compute.
        OSError: It cannot be read.
    """
    if path.stat().st_size > MAX_FILE_BYTES:
        raise ModelError(f"{path} has more than {MAX_FILE_BYTES:,} bytes, which no model has.")
    content = path.read_bytes()
    check_safe(content)
    return content


def check_safe(content: bytes) -> None:
    """Refuse a model that could do more than compute.

    Raises:
        ModelError: It refers to other files, has operators of its own, functions, training or
            control flow, or too many nodes; or is no ONNX at all.
    """
    try:
        model = _model_class().FromString(content)
    except message.DecodeError as error:
        raise ModelError(f"It is no ONNX model ({error}).") from error
    if model.functions or model.training:
        raise ModelError("It holds functions or training of its own, which is not allowed.")
    nodes = [node for graph in model.graph for node in graph.node]
    if len(nodes) > MAX_NODES:
        raise ModelError(f"It has {len(nodes):,} nodes, where {MAX_NODES:,} are allowed.")
    for node in nodes:
        name = b"".join(node.op_type).decode("utf-8", "replace")
        if any(domain not in _DOMAINS for domain in node.domain):
            raise ModelError(f"Its operator '{name}' is not one of ONNX itself.")
        if any(one.graph or one.graphs for one in node.attribute):
            raise ModelError(f"Its operator '{name}' is control flow, which is not allowed.")
    if any(tensor.external or any(tensor.location) for tensor in _tensors(model, nodes)):
        raise ModelError("It keeps weights in other files, which is not allowed.")


def _tensors(model: Any, nodes: list[Any]) -> Iterator[Any]:
    sparse = [one for graph in model.graph for one in graph.sparse]
    for graph in model.graph:
        yield from graph.tensors
    for attribute in (one for node in nodes for one in node.attribute):
        yield from attribute.tensor
        yield from attribute.tensors
        sparse += [*attribute.sparse, *attribute.sparses]
    for one in sparse:
        yield from (*one.values, *one.indices)


@functools.cache
def _model_class() -> Any:
    """Build the class that reads these fields; all as lists, so that no repetition hides one."""
    kinds = descriptor_pb2.FieldDescriptorProto
    file = descriptor_pb2.FileDescriptorProto(name="pawsight_onnx.proto", package="pawsight")
    for name, fields in _MESSAGES.items():
        described = file.message_type.add(name=name)
        for field, (number, kind) in fields.items():
            added = described.field.add(name=field, number=number, label=kinds.LABEL_REPEATED)
            if kind in _MESSAGES:
                added.type, added.type_name = kinds.TYPE_MESSAGE, f".pawsight.{kind}"
            else:
                added.type = kinds.TYPE_BYTES if kind == "bytes" else kinds.TYPE_INT32
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName("pawsight.Model"))
