"""The interface of a network: what every network of the registry implements.

Names, sizes and capabilities need no TensorFlow, which takes seconds to start; building imports
Keras. A `Network` starts from random weights and is trained from scratch. A `PretrainedNetwork`
comes with weights: it computes features, and a linear head is fitted to them.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from pawsight.errors import ModelError, RunError
from pawsight.models.backbone import Backbone, backbone_key
from pawsight.models.description import ModelDescription
from pawsight.models.recipe import FINETUNING, Recipe
from pawsight.progress import Progress
from pawsight.records import OpenSize
from pawsight.runs import Run
from pawsight.storage.atomic import write_text
from pawsight.storage.cache import cache_dir, mark_in_use
from pawsight.storage.checksum import file_digest
from pawsight.tensorflow_setup import prepare_tensorflow

if TYPE_CHECKING:
    import keras

_POLICIES = {"float32": "float32", "bfloat16": "mixed_bfloat16", "float16": "mixed_float16"}


@dataclass(frozen=True, kw_only=True)
class Network(ABC):
    """A network that pawsight can build."""

    name: str  # for --model and model.json
    summary: str  # one sentence
    image_size: tuple[int, int]  # (height, width) in pixels, the default
    min_side: int  # pixels; smaller images leave nothing after the pooling layers
    recipe: Recipe  # the default hyperparameters
    fits_any_size: bool = False  # whether its weights are independent of the image size

    package: ClassVar[str] = "keras"  # the package of its layers
    has_weights: ClassVar[bool] = False  # whether a head is fitted to its features
    can_finetune: ClassVar[bool] = False
    takes_weights: ClassVar[bool] = False  # whether --weights can replace its weights
    keeps_keras: ClassVar[bool] = False  # whether a run needs model.keras to build it
    can_mirror: ClassVar[bool] = True  # whether the logits of mirror images may be averaged in

    def find(self, name: str) -> Network | None:
        """Return this network if the name is its name, in any spelling."""
        return self if plain(name) == self.name else None

    @property
    def title(self) -> str:
        """Its name in a list of networks."""
        return self.name

    @property
    def members(self) -> tuple[Network, ...]:
        """The networks of this entry of the registry that can be listed."""
        return (self,)

    @property
    def base(self) -> Network:
        """The network with which a further training of a model continues."""
        return self

    @property
    def options(self) -> dict[str, Any]:
        """What the network is built from, besides its name; JSON-ready, for model.json."""
        return {}

    def with_options(self, options: dict[str, Any]) -> Network:
        """Return the network that options of model.json describe; raises ModelError."""
        return self

    def check_available(self) -> None:  # noqa: B027
        """Refuse a network that cannot be built here, before any photo is read.

        Raises:
            ExtraError: A package is needed and not installed.
            ConfigError: It cannot be chosen, or is a missing file or folder.
        """

    def check(self, image_size: tuple[int, int]) -> None:
        """Refuse images that are too small for the network; raises ModelError."""
        if min(image_size) < self.min_side:
            raise ModelError(
                f"Model '{self.name}' needs images of at least {self.min_side} pixels a side, "
                f"not {image_size[0]}x{image_size[1]}.\nChoose a larger --image-size."
            )

    def build(
        self,
        num_classes: int,
        image_size: tuple[int, int] | None = None,
        precision: str = "float32",
        any_size: bool = False,
    ) -> keras.Model:
        """Build the network. Args, returns, raises: As `registry.build_model`."""
        size = image_size or self.image_size
        if num_classes < 2:
            raise ModelError(f"A classifier needs at least 2 classes, not {num_classes}.")
        self.check(size)
        if precision not in _POLICIES:
            raise ModelError(f"Precision is float32, bfloat16 or float16, not '{precision}'.")
        prepare_tensorflow()
        import keras

        shape = (None, None) if any_size and self.fits_any_size else size
        return self.build_layers(num_classes, shape, keras.DTypePolicy(_POLICIES[precision]))

    @abstractmethod
    def build_layers(
        self, num_classes: int, image_size: OpenSize, policy: keras.DTypePolicy
    ) -> keras.Model:
        """Connect the layers.

        Args:
            num_classes: K, at least 2.
            image_size: (height, width) in pixels; (None, None) accepts any size.
            policy: Of the layers before the logits.

        Returns:
            A model from float32 images [B, H, W, 3], 0..255, to float32 logits [B, K], or
            [B, 1] for two classes; its last layer is named "logits".
        """

    def base_model(self, model: keras.Model) -> keras.Model:
        """Return the network `base` within a model of `build_layers`."""
        return model

    def load(self, run: Run, description: ModelDescription) -> keras.Model:
        """Build the model of a run in float32, with its trained weights.

        Raises:
            RunError: The weights are missing or damaged.
            ModelError: The description is damaged.
        """
        network = self.with_options(description.options)
        model = network.build(len(description.class_names), description.image_size)
        try:
            description.check(run.weights_path, run.weights_path.read_bytes())
            model.load_weights(run.weights_path)
        except (OSError, ValueError, KeyError) as error:
            raise RunError(f"{run.weights_path} does not hold this model's weights.") from error
        return model

    def load_weights(self, model: keras.Model, path: Path) -> None:
        """Load a file of weights into the layers of a model up to its features.

        Raises:
            ModelError: The weights are of another network, or this one takes no weights.
        """
        raise ModelError(f"Model '{self.name}' takes no weights.")

    def open_backbone(
        self, image_size: tuple[int, int], weights: str | None, progress: Progress
    ) -> Backbone:
        """Return the network up to its features as an ONNX file.

        Args:
            image_size: (height, width) in pixels.
            weights: A file of weights to use instead; None uses the network's own weights.
            progress: Receives the download and the conversion.

        Raises:
            ModelError: The weights cannot be downloaded or are of another network, or this
                network has none.
            ExtraError: TensorFlow is needed and not installed.
            DiskError: The cache cannot be written.
        """
        raise ModelError(f"Model '{self.name}' has no weights to compute features with.")


@dataclass(frozen=True, kw_only=True)
class PretrainedNetwork(Network):
    """A network that comes with weights: features, and a linear head on them."""

    recipe: Recipe = FINETUNING

    has_weights: ClassVar[bool] = True
    can_finetune: ClassVar[bool] = True

    @abstractmethod
    def build_features(self, image_size: OpenSize, policy: keras.DTypePolicy) -> keras.Model:
        """Build the network up to its features: images 0..255 [B, H, W, 3] to float32 [B, F].

        Raises:
            ModelError: The network cannot be built for images of this size.
        """

    @abstractmethod
    def weights_path(self, weights: str | None, progress: Progress) -> Path:
        """Return the path of its weights, which are downloaded if needed.

        Args:
            weights: A file to use instead; None uses the network's own weights.
            progress: Receives the download.

        Raises:
            ModelError: The weights cannot be downloaded, or the file does not exist.
            ExtraError: A package is needed and not installed.
            DiskError: The cache cannot be written.
        """

    @abstractmethod
    def load_weights(self, model: keras.Model, path: Path) -> None:
        """Load a file of weights into the layers of a model up to its features."""

    def build_layers(
        self, num_classes: int, image_size: OpenSize, policy: keras.DTypePolicy
    ) -> keras.Model:
        """Connect the layers: the network up to its features, and a dense layer."""
        import keras

        features = self.build_features(image_size, policy)
        logits = keras.layers.Dense(num_classes, dtype="float32", name="logits")(features.output)
        return keras.Model(features.input, logits, name=features.name.removesuffix("_features"))

    def open_backbone(
        self, image_size: tuple[int, int], weights: str | None, progress: Progress
    ) -> Backbone:
        """Return the network up to its features as an ONNX file in the cache."""
        weights_path = self.weights_path(weights, progress)
        key = backbone_key(self.name, image_size, weights_path)
        path = cache_dir("features") / key / "net.onnx"
        backbone = Backbone(self.name, image_size, path, weights_path, key)
        mark_in_use(backbone.features_dir)
        checksum_path = path.with_suffix(".sha256")
        if not _has_checksum(path, checksum_path):
            progress.start(f"Preparing {self.name} for this machine")
            prepare_tensorflow()
            import keras

            from pawsight.models.onnx_convert import export_onnx

            model = self.build_features(image_size, keras.DTypePolicy("float32"))
            self.load_weights(model, weights_path)
            checksum_path.unlink(
                missing_ok=True
            )  # if the process is killed, the file is made again
            export_onnx(model, path, "features")
            write_text(checksum_path, file_digest(path) + "\n")
        return backbone


def _has_checksum(path: Path, checksum_path: Path) -> bool:
    """Return whether a file exists and has the recorded checksum."""
    try:
        return checksum_path.read_text("ascii").strip() == file_digest(path)
    except (OSError, ValueError):
        return False


@dataclass(frozen=True)
class Family:
    """Networks of one kind that are found by name: an entry of the registry."""

    title: str  # its description in a list of networks, with an example
    # Returns the network of a name, or None; raises ConfigError for an invalid name of this kind.
    find: Callable[[str], Network | None]
    members: tuple[Network, ...] = ()  # the networks that can be listed


def plain(name: str) -> str:
    """Return a name in pawsight's spelling: "EfficientNet-V2-B0" is "efficientnetv2b0"."""
    return name.lower().replace("-", "").replace("_", "")
