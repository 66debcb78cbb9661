"""Networks of KerasHub: their names, and what is kept of one once its preset was read.

Needs neither TensorFlow nor KerasHub. What is kept are plain values: the name of a class that is
in our table, the numbers it is built from, and how it wants its pixels. So a model file that names
such a network holds no code, and building it follows nothing that somebody else wrote.
"""

from __future__ import annotations

import hashlib
import importlib.util
import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from pawsight.errors import ConfigError, ExtraError, ModelError
from pawsight.storage.atomic import plain_name
from pawsight.storage.cache import cache_dir

PREFIX = "hub:"
IMAGE_SIZE = (224, 224)  # (height, width) in pixels, where the preset does not say
MIN_SIDE = 32
# Those that turn a photo into a map of features, which can be pooled.
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
    """A network of KerasHub, as far as building it needs.

    Attributes:
        class_name: One of `CLASS_NAMES`.
        config: What its class is built from, JSON-ready.
        scale: What each colour, 0..255, is multiplied with.
        offset: What is added then.
    """

    class_name: str
    config: dict[str, Any]
    scale: tuple[float, float, float]
    offset: tuple[float, float, float]

    def as_options(self) -> dict[str, Any]:
        """The same as model.json holds it, under `options`."""
        return asdict(self)

    @classmethod
    def from_options(cls, options: dict[str, Any]) -> HubNetwork:
        """Read what `as_options` gave.

        Raises:
            ModelError: It is something else.
        """
        try:
            scale, offset = (
                (float(red), float(green), float(blue))
                for red, green, blue in (options["scale"], options["offset"])
            )
            config = dict(options["config"])
            if not all(map(_is_plain, config.values())):
                raise ValueError("config")
            found = cls(str(options["class_name"]), config, scale, offset)
        except (KeyError, TypeError, ValueError) as error:
            raise ModelError(
                f"The description of the KerasHub network is damaged ({error!r}).\n"
                f"Bring the model again from where it was made, or train anew."
            ) from error
        check_class(found.class_name)
        return found


def _is_plain(value: Any) -> bool:
    """Whether a value is a number, a text, or a list of such: a dict could stand for an object."""
    if isinstance(value, list):
        return all(map(_is_plain, value))
    return value is None or isinstance(value, str | int | float)


def is_hub(name: str) -> bool:
    """Whether a model's name is one of KerasHub's."""
    return name.startswith(PREFIX)


def canonical_name(name: str) -> str:
    """The name with the path of a preset's folder written out.

    Raises:
        ConfigError: It names no preset.
    """
    preset = name.removeprefix(PREFIX)
    if not preset:
        raise ConfigError("hub: needs a preset after it, such as --model hub:resnet_18_imagenet.")
    folder = Path(preset).expanduser()
    return f"{PREFIX}{folder.absolute()}" if folder.is_dir() else name


def check_at_hand(name: str) -> None:
    """Refuse a network that cannot be had, before any photo is read.

    Raises:
        ExtraError: KerasHub is needed and not installed.
        ConfigError: The preset is a folder that is not there.
    """
    preset = name.removeprefix(PREFIX)
    if preset.startswith(("/", ".", "~")) and not Path(preset).is_dir():
        raise ConfigError(
            f"There is no preset folder {preset}.\nGive the folder that `save_to_preset` made, or "
            f"a name that KerasHub knows, such as --model hub:resnet_18_imagenet."
        )
    if importlib.util.find_spec("keras_hub") is None:
        raise ExtraError(f"The model '{name}'", "hub")


def image_size_of(name: str) -> tuple[int, int]:
    """The (height, width) that a preset's folder states; 224 pixels where it states none."""
    path = Path(name.removeprefix(PREFIX)) / "image_converter.json"
    try:
        height, width = json.loads(path.read_text(encoding="utf-8"))["config"]["image_size"]
        return int(height), int(width)
    except (OSError, ValueError, KeyError, TypeError):
        return IMAGE_SIZE


def kept_folder(name: str) -> Path:
    """Where the network is kept once its preset was read; another preset, another folder."""
    digest = hashlib.sha256(name.encode())
    folder = Path(name.removeprefix(PREFIX))
    if folder.is_dir():
        for path in sorted(folder.iterdir()):
            found = path.stat()
            digest.update(f"{path.name} {found.st_size} {found.st_mtime_ns}".encode())
    return cache_dir("weights") / f"{plain_name(name)[-60:]}-{digest.hexdigest()[:16]}"


def kept_weights(name: str) -> Path:
    """Where the weights of a network are kept once its preset was read; they need not exist."""
    return kept_folder(name) / "backbone.weights.h5"


def kept_network(name: str) -> HubNetwork:
    """The network as it is kept.

    Raises:
        ModelError: It is not, or is damaged.
    """
    path = kept_folder(name) / "network.json"
    try:
        options = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ModelError(
            f"The network '{name}' is not kept on this machine ({error}).\n"
            f"Training on it once with --model {name} brings it here."
        ) from error
    return HubNetwork.from_options(options)


def check_class(class_name: str) -> None:
    """Refuse a class that is not in the table.

    Raises:
        ModelError: It is not.
    """
    if class_name not in CLASS_NAMES:
        known = ", ".join(one.removesuffix("Backbone") for one in CLASS_NAMES)
        raise ModelError(
            f"A {class_name} of KerasHub cannot be used: it gives no map of features of a photo.\n"
            f"Choose a preset of one of these: {known}."
        )
