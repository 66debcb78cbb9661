"""Networks of KerasHub: their names, and the cached description of each preset.

Needs neither TensorFlow nor KerasHub. A description is plain data: the name of a class in
`CLASS_NAMES`, the arguments it is built from, and how its pixels are scaled. So a model file
contains no code for such a network, and building the network executes no code from the preset.
"""

from __future__ import annotations

import hashlib
import importlib.util
import json
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from pawsight.errors import ConfigError, ExtraError, ModelError
from pawsight.models.network import Family, PretrainedNetwork
from pawsight.progress import Progress
from pawsight.records import OpenSize
from pawsight.storage.atomic import plain_name
from pawsight.storage.cache import cache_dir, mark_in_use
from pawsight.tensorflow_setup import prepare_tensorflow

if TYPE_CHECKING:
    import keras

PREFIX = "hub:"
IMAGE_SIZE = (224, 224)  # (height, width) in pixels, for presets that do not state theirs
# The classes whose output is a feature map, which can be pooled.
CLASS_NAMES = (
    "CSPNetBackbone",
    "DenseNetBackbone",
    "EfficientNetBackbone",
    "HGNetV2Backbone",
    "MobileNetBackbone",
    "ResNetBackbone",
    "VGGBackbone",
    "XceptionBackbone",
)


@dataclass(frozen=True, slots=True)
class HubNetwork:
    """What is needed to build a network of KerasHub."""

    class_name: str  # one of `CLASS_NAMES`
    config: dict[str, Any]  # arguments of the class, JSON-ready
    scale: tuple[float, float, float]  # factor of each colour, 0..255
    offset: tuple[float, float, float]  # summand of each colour, after the factor

    def as_options(self) -> dict[str, Any]:
        """Return the description as `options` of model.json."""
        return asdict(self)

    @classmethod
    def from_options(cls, options: dict[str, Any]) -> HubNetwork:
        """Validate options that `as_options` returned; raises ModelError."""
        try:
            scale, offset = (
                (float(red), float(green), float(blue))
                for red, green, blue in (options["scale"], options["offset"])
            )
            config = dict(options["config"])
            if not all(map(_is_plain, config.values())):
                raise ValueError("config")
            network = cls(str(options["class_name"]), config, scale, offset)
        except (KeyError, TypeError, ValueError) as error:
            raise ModelError(
                f"The description of the KerasHub network is damaged ({error!r}).\n"
                f"Copy the model again from where it was made, or train again."
            ) from error
        check_class(network.class_name)
        return network


def _is_plain(value: Any) -> bool:
    """Return whether a value contains only numbers, texts and lists: a dict could be an object."""
    if isinstance(value, list):
        return all(map(_is_plain, value))
    return value is None or isinstance(value, str | int | float)


def image_size_of(name: str) -> tuple[int, int]:
    """Return the (height, width) in pixels that a preset's folder states, else `IMAGE_SIZE`."""
    path = Path(name.removeprefix(PREFIX)) / "image_converter.json"
    try:
        height, width = json.loads(path.read_text(encoding="utf-8"))["config"]["image_size"]
        return int(height), int(width)
    except (OSError, ValueError, KeyError, TypeError):
        return IMAGE_SIZE


def preset_dir(name: str) -> Path:
    """Return the folder in the cache for a preset; it changes with the files of the preset."""
    digest = hashlib.sha256(name.encode())
    folder = Path(name.removeprefix(PREFIX))
    if folder.is_dir():
        for path in sorted(folder.iterdir()):
            status = path.stat()
            digest.update(f"{path.name} {status.st_size} {status.st_mtime_ns}".encode())
    return cache_dir("weights") / f"{plain_name(name)[-60:]}-{digest.hexdigest()[:16]}"


def preset_weights_path(name: str) -> Path:
    """Return the path of the cached weights of a preset; the file need not exist."""
    return preset_dir(name) / "backbone.weights.h5"


def load_cached_network(name: str) -> HubNetwork:
    """Load the cached description of a preset's network.

    Raises:
        ModelError: The preset was never downloaded here, or its description is damaged.
    """
    path = preset_dir(name) / "network.json"
    try:
        options = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ModelError(
            f"The network '{name}' is not in the cache of this machine ({error}).\n"
            f"A training with --model {name} downloads it."
        ) from error
    return HubNetwork.from_options(options)


def check_class(class_name: str) -> None:
    """Check that a class of KerasHub is supported; raises ModelError."""
    if class_name not in CLASS_NAMES:
        names = ", ".join(name.removesuffix("Backbone") for name in CLASS_NAMES)
        raise ModelError(
            f"A {class_name} of KerasHub cannot be used: its output is not a feature map.\n"
            f"Choose a preset of one of these: {names}."
        )


@dataclass(frozen=True, kw_only=True)
class HubPreset(PretrainedNetwork):
    """A preset of KerasHub."""

    network: HubNetwork | None = None  # what is built; None takes the cached description

    package: ClassVar[str] = "keras_hub"

    @property
    def options(self) -> dict[str, Any]:
        """What the network is built from, JSON-ready."""
        return self._network().as_options()

    def with_options(self, options: dict[str, Any]) -> HubPreset:
        """Return the preset with the network that options of model.json describe."""
        return replace(self, network=HubNetwork.from_options(options))

    def check_available(self) -> None:
        """Refuse a missing folder, and any preset if KerasHub is not installed."""
        preset = self.name.removeprefix(PREFIX)
        if preset.startswith(("/", ".", "~")) and not Path(preset).is_dir():
            raise ConfigError(
                f"There is no preset folder {preset}.\nGive a folder that `save_to_preset` wrote, "
                f"or the name of a KerasHub preset, such as --model hub:resnet_18_imagenet."
            )
        if importlib.util.find_spec("keras_hub") is None:
            raise ExtraError(f"The model '{self.name}'", "hub")

    def weights_path(self, weights: str | None, progress: Progress) -> Path:
        """Return the path of the preset's weights, which KerasHub downloads once."""
        path = preset_weights_path(self.name)
        mark_in_use(path.parent)
        if not path.is_file():
            prepare_tensorflow()
            from pawsight.models.hub_networks import cache_preset

            cache_preset(self.name, progress)
        return path

    def build_features(self, image_size: OpenSize, policy: keras.DTypePolicy) -> keras.Model:
        """Build the network up to its features: images 0..255 [B, H, W, 3] to float32 [B, F]."""
        from pawsight.models.hub_networks import build_features

        return build_features(self._network(), image_size, policy)

    def load_weights(self, model: keras.Model, path: Path) -> None:
        """Load the weights of the preset into the backbone of a model."""
        from pawsight.models.pretrained import backbone_of

        backbone_of(model).load_weights(path)

    def _network(self) -> HubNetwork:
        return self.network or load_cached_network(self.name)


def find_preset(name: str) -> HubPreset | None:
    """Return the preset of a name such as "hub:resnet_18_imagenet"; None for names without "hub:".

    The path of a preset folder is made absolute.

    Raises:
        ConfigError: The name has nothing after "hub:".
    """
    if not name.startswith(PREFIX):
        return None
    preset = name.removeprefix(PREFIX)
    if not preset:
        raise ConfigError("hub: needs a preset after it, such as --model hub:resnet_18_imagenet.")
    folder = Path(preset).expanduser()
    name = f"{PREFIX}{folder.absolute()}" if folder.is_dir() else name
    return HubPreset(
        name=name,
        summary="A preset of KerasHub.",
        image_size=image_size_of(name),
        min_side=32,
    )


FAMILY = Family("a preset of KerasHub, such as hub:resnet_18_imagenet", find_preset)
