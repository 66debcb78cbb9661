"""Read weights from untrusted files: only arrays, never a configuration or a pickle.

Supports .h5 files of keras.applications, with and without the last layers; whole
models saved as .h5, whose backbone is found among their layers; Keras 3's
.weights.h5; and the .weights.h5 inside a .keras file. Loading a file can fail, but
cannot execute anything.
"""

from __future__ import annotations

import io
import re
import zipfile
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import keras
import numpy as np

from pawsight.errors import ModelError, first_line
from pawsight.formatting import listed
from pawsight.models.pretrained import leaves
from pawsight.storage.npz import NPZ_ERRORS

_MAX_NAMED = 4  # layers that an error names
# Errors of damaged files; h5py may return unexpected types, such as an array instead of a group.
_DAMAGE = (*NPZ_ERRORS, AttributeError)
# Keras' EfficientNet files divide by the standard deviation's square root, although the network
# was trained with the standard deviation. Keras corrects this only in its own downloads.
_IMAGENET_DEVIATION = (0.229, 0.224, 0.225)


@dataclass(frozen=True, slots=True)
class _StoredLayer:
    """The arrays of one layer in a file, by the names of its variables, in the file's order."""

    name: str
    arrays: dict[str, Any]  # h5py.Dataset


def load_backbone(backbone: keras.Model, path: Path, name: str) -> None:
    """Load the weights of a file into a backbone.

    Args:
        backbone: A network of keras.applications without its last layers.
        path: The file.
        name: The network's name, for errors.

    Raises:
        ModelError: The file cannot be read, or has the weights of another network.
    """
    try:
        with _opened(path) as file:
            _check_links(file)
            layers_with_weights = [layer for layer in leaves(backbone) if layer.weights]
            arrays = _match(layers_with_weights, file, backbone)
            misfits = [layer for layer in layers_with_weights if layer.name not in arrays]
            if misfits:
                raise ModelError(_does_not_fit(path, name, misfits, layers_with_weights, file))
            for layer in layers_with_weights:
                layer.set_weights([np.asarray(array, np.float32) for array in arrays[layer.name]])
    except _DAMAGE as error:
        raise ModelError(
            f"{path} cannot be read as weights ({first_line(error)}).\n"
            f"Give a .h5, .weights.h5 or .keras file of {name}, or fetch it again."
        ) from error
    for layer in layers_with_weights:
        if isinstance(layer, keras.layers.Normalization):
            _finish_normalization(layer)


def _opened(path: Path) -> h5py.File:
    if not zipfile.is_zipfile(path):
        return h5py.File(path, "r")
    with zipfile.ZipFile(path) as archive:
        names = [name for name in archive.namelist() if name.endswith(".weights.h5")]
        if not names:
            raise ModelError(f"{path} is an archive without a .weights.h5 file.")
        return h5py.File(io.BytesIO(archive.read(names[0])), "r")


def _check_links(file: h5py.File) -> None:
    """Refuse a file whose arrays are stored in other files."""

    def check(_: str, item: Any) -> None:
        if isinstance(item, h5py.Dataset) and (item.external or item.is_virtual):
            raise ModelError(f"{file.filename} refers to other files, as no weights file does.")

    file.visititems(check)  # does not follow links


def _match(
    expected_layers: list[Any], file: h5py.File, backbone: keras.Model
) -> dict[str, list[Any]]:
    """Return the arrays of each layer, by the layer's name and in the order of its variables."""
    root = file.get("model_weights", file)
    if "layer_names" not in root.attrs:
        return _match_keras3(file, backbone)
    stored_layers = list(_stored_layers(root))
    stored_by_name = {stored.name: stored for stored in stored_layers}
    by_name = {
        layer.name: arrays
        for layer in expected_layers
        if (stored := stored_by_name.get(layer.name)) and (arrays := _fitting(layer, stored.arrays))
    }
    if len(by_name) == len(expected_layers):
        return by_name
    # Numbered names ("conv2d_13") depend on what was built before; the order does not.
    in_order = {
        layer.name: arrays
        for layer, stored in zip(expected_layers, stored_layers, strict=False)
        if (arrays := _fitting(layer, stored.arrays))
    }
    return max(by_name, in_order, key=len)


def _stored_layers(root: h5py.Group) -> Iterator[_StoredLayer]:
    """Yield the layers of a Keras 2 file; a sub-model's layers are named by their weights."""
    for layer_name in map(_text, root.attrs["layer_names"]):
        group = root[layer_name]
        by_layer: dict[str, dict[str, Any]] = {}
        for weight_name in map(_text, group.attrs.get("weight_names", ())):
            parts = re.sub(r":\d+$", "", weight_name).split("/")
            owner = parts[-2] if len(parts) > 1 else layer_name
            by_layer.setdefault(owner, {})[parts[-1]] = group[weight_name]
        for owner, arrays in by_layer.items():
            # The name of a layer that is not a sub-model is in the file, not in its weights' names.
            yield _StoredLayer(layer_name if len(by_layer) == 1 else owner, arrays)


def _fitting(layer: Any, arrays: dict[str, Any]) -> list[Any] | None:
    """Return the arrays in the order of the layer's variables; None if their shapes differ."""
    names = [variable.name for variable in layer.weights]
    if set(names) <= set(arrays):
        chosen = [arrays[name] for name in names]
    else:
        chosen = list(arrays.values())
    shapes = [tuple(variable.shape) for variable in layer.weights]
    return chosen if [tuple(array.shape) for array in chosen] == shapes else None


def _match_keras3(file: h5py.File, backbone: keras.Model) -> dict[str, list[Any]]:
    """Match a file of Keras 3, which names layers by their class and number."""
    roots: list[h5py.Group] = [file]

    def collect(name: str, item: Any) -> None:
        if isinstance(item, h5py.Group) and "layers" in item and not name.endswith("layers"):
            roots.append(item)

    file.visititems(collect)
    return max((_match_group(root, backbone) for root in roots), key=len)


def _match_group(root: h5py.Group, model: keras.Model) -> dict[str, list[Any]]:
    """Match the group of a model in a file of Keras 3, and those of its sub-models."""
    matched: dict[str, list[Any]] = {}
    counts: Counter[str] = Counter()
    for layer in model.layers:
        kind = _snake_case(type(layer).__name__)
        key = f"layers/{kind}_{counts[kind]}" if counts[kind] else f"layers/{kind}"
        counts[kind] += 1
        if key not in root:
            continue
        if isinstance(layer, keras.Model):
            matched |= _match_group(root[key], layer)
            continue
        group = root[key].get("vars", {})
        arrays = {number: group[number] for number in sorted(group, key=int)}
        if layer.weights and (fitting := _fitting(layer, arrays)):
            matched[layer.name] = fitting
    return matched


def _snake_case(name: str) -> str:
    """Return a class name as Keras writes it in files: SeparableConv2D is separable_conv2d."""
    name = re.sub(r"\W+", "", name)
    name = re.sub("(.)([A-Z][a-z]+)", r"\1_\2", name)
    return re.sub("([a-z])([A-Z])", r"\1_\2", name).lower()


def _finish_normalization(layer: Any) -> None:
    """Compute the constants of a loaded layer, and correct those of EfficientNet."""
    variance = layer.adapt_variance.numpy()
    if variance.shape == (3,) and np.allclose(variance, _IMAGENET_DEVIATION, atol=1e-3):
        layer.adapt_variance.assign(variance * np.asarray(_IMAGENET_DEVIATION, np.float32))
    layer.finalize_state()


def _does_not_fit(
    path: Path, name: str, misfits: list[Any], expected_layers: list[Any], file: h5py.File
) -> str:
    misfit_names = (f"{layer.name} {_shapes(layer.weights)}" for layer in misfits)
    root = file.get("model_weights", file)
    names = map(_text, root.attrs["layer_names"] if "layer_names" in root.attrs else root.keys())
    stored_names = [name for name in names if not name.startswith(("input", "top_level"))]
    return (
        f"The weights in {path} are not those of {name}: the file has no matching weights for "
        f"{len(misfits)} of its {len(expected_layers)} layers.\n"
        f"Layers without weights: {listed(misfit_names, _MAX_NAMED)}.\n"
        f"Layers in the file: {listed(stored_names, _MAX_NAMED) if stored_names else 'none'}.\n"
        f"Choose the network it was saved from with --model, or give another file."
    )


def _shapes(weights: Iterable[Any]) -> str:
    return " ".join(str(list(weight.shape)) for weight in weights)


def _text(name: Any) -> str:
    return name.decode("utf-8", "replace") if isinstance(name, bytes) else str(name)
