"""Read the image size of a saved Keras model from its file, without TensorFlow.

A whole model saved as .h5 or .keras contains its configuration as JSON. Only the
shape of the input is read from it; no layer is built.
"""

from __future__ import annotations

import contextlib
import json
import zipfile
from collections import deque
from collections.abc import Iterator
from pathlib import Path
from typing import Any


def trained_size(path: Path) -> tuple[int, int] | None:
    """Return the (height, width), 16 to 1024 pixels, of a saved model's input; None if unknown."""
    with contextlib.suppress(OSError, ValueError, KeyError, RecursionError, zipfile.BadZipFile):
        for shape in _input_shapes(_config(path)):
            if (
                isinstance(shape, list)
                and len(shape) == 4
                and all(isinstance(side, int) and 16 <= side <= 1024 for side in shape[1:3])
            ):
                return shape[1], shape[2]
    return None


def _config(path: Path) -> Any:
    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            return json.loads(archive.read("config.json"))
    import h5py

    with h5py.File(path, "r") as file:
        return json.loads(file.attrs["model_config"])


def _input_shapes(config: Any) -> Iterator[Any]:
    """Yield the input shapes in a configuration, the outermost first."""
    queue = deque([config])
    while queue:
        entry = queue.popleft()
        if isinstance(entry, dict):
            for name in ("batch_shape", "batch_input_shape"):
                if name in entry:
                    yield entry[name]
            queue += entry.values()
        elif isinstance(entry, list):
            queue += entry
