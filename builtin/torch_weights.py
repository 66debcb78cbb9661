"""Read the arrays of a PyTorch checkpoint without PyTorch, and without running its pickle.

The old format (before PyTorch 1.6) is five pickles, then for every storage its
length and its raw numbers. The unpickler here knows the few names that a
dictionary of tensors needs and refuses every other one.
"""

from __future__ import annotations

import pickle
import struct
from collections import OrderedDict
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

_MAGIC = 0x1950A86A20F9469CFC6C
_DTYPES = {"FloatStorage": "<f4", "LongStorage": "<i8"}


class _View(NamedTuple):
    """A tensor before its numbers were read: which of a storage's it holds."""

    storage: str
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]


class _TensorsOnly(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        if (module, name) == ("collections", "OrderedDict"):
            return OrderedDict
        if (module, name) == ("torch._utils", "_rebuild_tensor_v2"):
            return lambda storage, offset, shape, strides, *rest: _View(
                storage, offset, shape, strides
            )
        if module == "torch" and name in _DTYPES:
            return name
        raise pickle.UnpicklingError(f"{module}.{name} has no place in a file of weights")

    def persistent_load(self, pid: Any) -> str:
        kind, dtype_name, key, *_ = pid
        if kind != "storage":
            raise pickle.UnpicklingError(f"{kind} has no place in a file of weights")
        self.dtypes[str(key)] = _DTYPES[dtype_name]
        return str(key)

    dtypes: dict[str, str]


def load_arrays(path: Path) -> dict[str, np.ndarray]:
    """Give the arrays of a checkpoint by name, in the shapes they have in PyTorch.

    Raises:
        pickle.UnpicklingError: The file holds anything but a dictionary of tensors.
    """
    dtypes: dict[str, str] = {}
    with path.open("rb") as file:

        def unpickled() -> Any:
            unpickler = _TensorsOnly(file, encoding="utf-8")
            unpickler.dtypes = dtypes
            return unpickler.load()

        if unpickled() != _MAGIC:
            raise pickle.UnpicklingError(f"{path} is no PyTorch checkpoint of the old format")
        unpickled()  # the version of the protocol
        unpickled()  # the byte order and sizes of the machine that wrote it: little-endian
        views: dict[str, _View] = unpickled()
        storages = {}
        for key in unpickled():
            (length,) = struct.unpack("<q", file.read(8))
            dtype = np.dtype(dtypes[str(key)])
            storages[str(key)] = np.frombuffer(file.read(length * dtype.itemsize), dtype)
    return {name: _array(storages[view.storage], view) for name, view in views.items()}


def _array(storage: np.ndarray, view: _View) -> np.ndarray:
    strides = [stride * storage.itemsize for stride in view.strides]
    return np.lib.stride_tricks.as_strided(storage[view.offset :], view.shape, strides).copy()
