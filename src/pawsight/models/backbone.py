"""A backbone: a network up to its features as an ONNX file, ready to look at photos.

One for each (weights, image size) is made and kept in the cache, so that
TensorFlow is needed for it once. The shipped model is its own backbone.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from pawsight.errors import ModelError
from pawsight.models import builtin, hub
from pawsight.models.applications import APPLICATIONS, Application, application
from pawsight.progress import Progress
from pawsight.storage.atomic import plain_name
from pawsight.storage.cache import cache_dir, hold
from pawsight.tensorflow_setup import prepare_tensorflow

if TYPE_CHECKING:
    import keras

# Raised whenever the features of the same weights begin to come out otherwise.
_VERSION = 1


@dataclass(frozen=True, slots=True)
class Backbone:
    """A network up to its features.

    Attributes:
        name: The network's name.
        image_size: (height, width) in pixels.
        onnx_path: "images" float32 [N, H, W, 3] 0..255 to "features" float32 [N, F].
        weights_path: The Keras weights it was made from; None for the shipped model.
        key: Names these weights at this size; the cache keeps features under it.
    """

    name: str
    image_size: tuple[int, int]
    onnx_path: Path
    weights_path: Path | None
    key: str

    @property
    def features_dir(self) -> Path:
        """Where the features of photos are kept."""
        return cache_dir("features") / self.key


def open_backbone(
    name: str, image_size: tuple[int, int], weights: str | None, progress: Progress
) -> Backbone:
    """Give a network's backbone, fetched and written as ONNX if it is not in the cache yet.

    Args:
        name: A network with weights, as `sizes.canonical_name` writes it.
        image_size: (height, width) in pixels.
        weights: A file of its weights; None takes those kept, or fetches them.
        progress: Is told what takes time.

    Raises:
        ModelError: The weights cannot be had, or are another network's.
        ExtraError: TensorFlow is needed and not installed.
        DiskError: The cache cannot be written.
    """
    if name == builtin.NAME:
        if weights is not None:
            raise ModelError(f"The model '{name}' has its weights already; leave --weights out.")
        found = builtin.onnx_path()
        return Backbone(name, image_size, found, None, _key(name, image_size, found))
    path = (
        _weights_of_hub(name, progress) if hub.is_hub(name) else _weights(name, weights, progress)
    )
    key = _key(name, image_size, path)
    backbone = Backbone(name, image_size, cache_dir("features") / key / "net.onnx", path, key)
    hold(backbone.features_dir)
    if not backbone.onnx_path.is_file():
        progress.start(f"Preparing {name} for this machine")
        prepare_tensorflow()
        from pawsight.models.onnx_convert import export_onnx

        export_onnx(load_features(backbone), backbone.onnx_path, "features")
    return backbone


def _weights(name: str, weights: str | None, progress: Progress) -> Path:
    """The weights of a network of keras.applications, fetched where there are none."""
    network = application(name)
    assert network is not None  # canonical_name said so
    path = Path(weights).expanduser() if weights else kept_weights(network)
    if not path.is_file():
        if weights:
            raise ModelError(f"There is no weights file {path}.\nGive another with --weights.")
        from pawsight.models.weight_downloads import fetch_file  # here: most runs fetch nothing

        hold(path.parent)
        fetch_file(network.place, path, network.checksum, name, progress)
    return path


def _weights_of_hub(name: str, progress: Progress) -> Path:
    path = hub.kept_weights(name)
    hold(path.parent)
    if not path.is_file():
        prepare_tensorflow()
        from pawsight.models.hub_networks import keep_preset

        keep_preset(name, progress)
    return path


def kept_weights(network: Application) -> Path:
    """Where a network's own weights are kept once they are fetched; the file need not exist."""
    return cache_dir("weights") / network.name / network.file_name


def weights_at_hand() -> list[str]:
    """Name the networks whose weights are here already, the shipped one first."""
    fetched = [name for name, one in APPLICATIONS.items() if kept_weights(one).is_file()]
    return [builtin.NAME, *fetched]


def load_features(backbone: Backbone) -> keras.Model:
    """Build a backbone in Keras with its weights: images [B, H, W, 3] to features [B, F].

    Raises:
        ModelError: The weights are another network's.
    """
    prepare_tensorflow()
    import keras

    if backbone.weights_path is None:
        from pawsight.models.builtin.network import build_features as build_builtin

        return build_builtin(backbone.image_size, keras.DTypePolicy("float32"))
    if hub.is_hub(backbone.name):
        from pawsight.models import hub_networks

        kept = hub.kept_network(backbone.name)
        model = hub_networks.build_features(kept, backbone.image_size)
    else:
        from pawsight.models.pretrained import build_features

        network = application(backbone.name)
        assert network is not None
        model = build_features(network, backbone.image_size)
    load_weights(backbone, model)
    return model


def load_weights(backbone: Backbone, model: keras.Model) -> None:
    """Give the network inside a model the weights of a backbone in Keras.

    Raises:
        ModelError: The weights are another network's.
    """
    from pawsight.models.pretrained import backbone_of
    from pawsight.models.weight_files import load_backbone

    assert backbone.weights_path is not None
    if hub.is_hub(backbone.name):
        backbone_of(model).load_weights(backbone.weights_path)
    else:
        load_backbone(backbone_of(model), backbone.weights_path, backbone.name)


def _key(name: str, image_size: tuple[int, int], weights: Path) -> str:
    with weights.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()[:16]
    height, width = image_size
    return f"{plain_name(name)}-{height}x{width}-{digest}-{_VERSION}"
