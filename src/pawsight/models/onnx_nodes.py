"""Build the nodes and constants of an ONNX graph in order."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from onnx import NodeProto, TensorProto, helper, numpy_helper


@dataclass(frozen=True, slots=True)
class Value:
    """A tensor of the graph; of rank 4, its layout is channels last as in Keras, or first."""

    name: str
    is_channels_first: bool = False


class Nodes:
    """The nodes and constants added so far; their names are numbered in this order."""

    def __init__(self, prefix: str = "") -> None:
        self._prefix = prefix
        self.nodes: list[NodeProto] = []
        self.constants: list[TensorProto] = []

    def add(self, kind: str, *inputs: str, output: str = "", **options: Any) -> str:
        """Add a node with one output; return the name of the output."""
        name = output or f"{self._prefix}{kind.lower()}_{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, inputs, [name], name, **options))
        return name

    def constant(self, value: Any) -> str:
        """Add a float32 constant; return its name."""
        return self.exact(np.asarray(value, np.float32))

    def exact(self, value: Any) -> str:
        """Add a constant without changing its NumPy type; return its name."""
        name = f"{self._prefix}constant_{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(np.asarray(value), name))
        return name

    def channels_first(self, value: Value) -> str:
        """Return the name of a value of rank 4 in the layout channels first."""
        if value.is_channels_first:
            return value.name
        return self.add("Transpose", value.name, perm=(0, 3, 1, 2))

    def channels_last(self, value: Value) -> str:
        """Return the name of a value of any rank in the layout channels last."""
        if not value.is_channels_first:
            return value.name
        return self.add("Transpose", value.name, perm=(0, 2, 3, 1))

    def affine(self, value: Value, scale: Any, shift: Any) -> Value:
        """Compute `value * scale + shift`; both are numbers, or arrays [C]."""
        name = value.name
        for kind, factor, neutral in (("Mul", scale, 1), ("Add", shift, 0)):
            array = np.asarray(factor)
            if (array == neutral).all():
                continue
            if value.is_channels_first and array.ndim:
                array = array.reshape(-1, 1, 1)
            name = self.add(kind, name, self.constant(array))
        return Value(name, value.is_channels_first)
