"""Read weights from files that others made: arrays alone, never a config, never a pickle.

Takes .h5 files of keras.applications, with and without the last layers; whole
models saved as .h5, whose backbone is found among their layers; Keras 3's
.weights.h5; and the .weights.h5 inside a .keras. A file that does not fit
fails; it can not execute anything.
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

_NAMED = 4  # layers that an error names
# What damage raises: h5py gives other types than those expected, such as an array for a group.
_DAMAGE = (*NPZ_ERRORS, AttributeError)
# Keras' EfficientNet files scale by the variance where the network was trained with the
# deviation; Keras corrects that with a layer that only its own download gets.
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
        name: What the network is called, for errors.

    Raises:
        ModelError: The file cannot be read, or holds another network.
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
    if not path.is_file():
        raise ModelError(f"There is no weights file {path}.\nGive another with --weights.")
    if not zipfile.is_zipfile(path):
        return h5py.File(path, "r")
    with zipfile.ZipFile(path) as archive:
        inside = [name for name in archive.namelist() if name.endswith(".weights.h5")]
        if not inside:
            raise ModelError(f"{path} is an archive without weights in it.")
        return h5py.File(io.BytesIO(archive.read(inside[0])), "r")


def _check_links(file: h5py.File) -> None:
    """Refuse a file that points at others: its weights would be some other file's bytes."""

    def check(_: str, found: Any) -> None:
        if isinstance(found, h5py.Dataset) and (found.external or found.is_virtual):
            raise ModelError(f"{file.filename} refers to other files, as no weights file does.")

    file.visititems(check)  # does not follow links


def _match(wanted: list[Any], file: h5py.File, backbone: keras.Model) -> dict[str, list[Any]]:
    """Find the arrays of each layer: {layer name: arrays in the layer's own order}."""
    root = file.get("model_weights", file)
    if "layer_names" not in root.attrs:
        return _match_by_place(file, backbone)
    stored = list(_stored_layers(root))
    by_name = {one.name: one for one in stored}
    by_layer = {
        layer.name: arrays
        for layer in wanted
        if layer.name in by_name and (arrays := _fitting(layer, by_name[layer.name].arrays))
    }
    if len(by_layer) == len(wanted):
        return by_layer
    # Numbered names ("conv2d_13") depend on what was built before; the order does not.
    in_order = {
        layer.name: arrays
        for layer, one in zip(wanted, stored, strict=False)
        if (arrays := _fitting(layer, one.arrays))
    }
    return max(by_layer, in_order, key=len)


def _stored_layers(root: h5py.Group) -> Iterator[_StoredLayer]:
    """Yield the layers of a Keras 2 file; those of a sub-model by their weights' names."""
    for layer_name in map(_text, root.attrs["layer_names"]):
        group = root[layer_name]
        by_layer: dict[str, dict[str, Any]] = {}
        for weight_name in map(_text, group.attrs.get("weight_names", ())):
            parts = re.sub(r":\d+$", "", weight_name).split("/")
            owner = parts[-2] if len(parts) > 1 else layer_name
            by_layer.setdefault(owner, {})[parts[-1]] = group[weight_name]
        for owner, arrays in by_layer.items():
            # A single layer has the file's name for it, whatever its weights are named.
            yield _StoredLayer(layer_name if len(by_layer) == 1 else owner, arrays)


def _fitting(layer: Any, arrays: dict[str, Any]) -> list[Any] | None:
    """Return the arrays in the order of the layer's variables; None if their shapes differ."""
    names = [variable.name for variable in layer.weights]
    if set(names) <= set(arrays):
        chosen = [arrays[name] for name in names]
    else:
        chosen = list(arrays.values())
    shapes = [tuple(variable.shape) for variable in layer.weights]
    return chosen if [tuple(one.shape) for one in chosen] == shapes else None


def _match_by_place(file: h5py.File, backbone: keras.Model) -> dict[str, list[Any]]:
    """Match a file of Keras 3's kind, which names layers by their class and number."""
    roots: list[h5py.Group] = [file]
    file.visititems(
        lambda name, found: (
            roots.append(found)
            if isinstance(found, h5py.Group) and "layers" in found and not name.endswith("layers")
            else None
        )
    )
    matches = [_at(root, backbone) for root in roots]
    return max(matches, key=len)


def _at(root: h5py.Group, model: keras.Model) -> dict[str, list[Any]]:
    arrays_of: dict[str, list[Any]] = {}
    counts: Counter[str] = Counter()
    for layer in model.layers:
        kind = _snake_case(type(layer).__name__)
        place = f"layers/{kind}_{counts[kind]}" if counts[kind] else f"layers/{kind}"
        counts[kind] += 1
        if place not in root:
            continue
        if isinstance(layer, keras.Model):
            arrays_of |= _at(root[place], layer)
            continue
        group = root[place].get("vars", {})
        arrays = {key: group[key] for key in sorted(group, key=int)}
        if layer.weights and (fitting := _fitting(layer, arrays)):
            arrays_of[layer.name] = fitting
    return arrays_of


def _snake_case(name: str) -> str:
    """Return a class name as Keras writes it in its files: SeparableConv2D is separable_conv2d."""
    name = re.sub(r"\W+", "", name)
    name = re.sub("(.)([A-Z][a-z]+)", r"\1_\2", name)
    return re.sub("([a-z])([A-Z])", r"\1_\2", name).lower()


def _finish_normalization(layer: Any) -> None:
    variance = layer.adapt_variance.numpy()
    if variance.shape == (3,) and np.allclose(variance, _IMAGENET_DEVIATION, atol=1e-3):
        layer.adapt_variance.assign(variance * np.asarray(_IMAGENET_DEVIATION, np.float32))
    layer.finalize_state()


def _does_not_fit(
    path: Path, name: str, misfits: list[Any], wanted: list[Any], file: h5py.File
) -> str:
    named = listed((f"{one.name} {_shapes(one.weights)}" for one in misfits), _NAMED)
    root = file.get("model_weights", file)
    names = root.attrs["layer_names"] if "layer_names" in root.attrs else root.keys()
    layers = _list_some(map(_text, names))
    return (
        f"The weights in {path} are not those of {name}: {len(misfits)} of its {len(wanted)} "
        f"layers with weights find none that fit.\n"
        f"Layers without: {named}.\n"
        f"The file holds {layers}.\n"
        f"Choose the network it was saved from with --model, or give another file."
    )


def _list_some(names: Iterable[str]) -> str:
    shown = [name for name in names if not name.startswith(("input", "top_level"))]
    if not shown:
        return "no layers"
    return listed(shown, _NAMED)


def _shapes(weights: Iterable[Any]) -> str:
    return " ".join(str(list(weight.shape)) for weight in weights)


def _text(name: Any) -> str:
    return name.decode("utf-8", "replace") if isinstance(name, bytes) else str(name)
