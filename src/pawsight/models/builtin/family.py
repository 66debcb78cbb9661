"""The shipped model as a network to fit a head to; its weights are in its ONNX file."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from pawsight.errors import ModelError, RunError
from pawsight.models import builtin
from pawsight.models.backbone import Backbone, backbone_key
from pawsight.models.description import ModelDescription
from pawsight.models.network import PretrainedNetwork
from pawsight.progress import Progress
from pawsight.runs import Run
from pawsight.tensorflow_setup import prepare_tensorflow

if TYPE_CHECKING:
    import keras


@dataclass(frozen=True, kw_only=True)
class BuiltinNetwork(PretrainedNetwork):
    """The network of the shipped model."""

    can_finetune: ClassVar[bool] = False

    def open_backbone(
        self, image_size: tuple[int, int], weights: str | None, progress: Progress
    ) -> Backbone:
        """Return the shipped file, which gives its features."""
        path = self.weights_path(weights, progress)
        return Backbone(
            self.name, image_size, path, None, backbone_key(self.name, image_size, path)
        )

    def weights_path(self, weights: str | None, progress: Progress) -> Path:
        """Return the shipped ONNX file."""
        if weights is not None:
            raise ModelError(
                f"The model '{self.name}' has its weights already; leave --weights out."
            )
        return builtin.onnx_path()

    def build_features(
        self, image_size: tuple[int | None, int | None], policy: keras.DTypePolicy
    ) -> keras.Model:
        """Build the network up to its features, with the shipped weights."""
        from pawsight.models.builtin.network import build_features

        return build_features(image_size, policy)

    def load_weights(self, model: keras.Model, path: Path) -> None:
        """Leave a model as it is: it was built with its weights."""

    def load(self, run: Run, description: ModelDescription) -> keras.Model:
        """Build the model of a run, whose weights are in model.onnx alone."""
        if run.path.samefile(builtin.folder()):
            raise RunError(
                "The model of cats and dogs that ships with pawsight is there to predict, not to "
                "train on.\nPredict with pawsight.load(), or train on its features: "
                "--model builtin."
            )
        prepare_tensorflow()
        from pawsight.models.builtin.network import load_whole

        try:
            description.check(run.onnx_path, run.onnx_path.read_bytes())
            return load_whole(run.onnx_path, description.image_size)
        except (OSError, ValueError, KeyError, IndexError) as error:
            raise RunError(f"{run.onnx_path} does not hold this model's weights.") from error


NETWORK = BuiltinNetwork(
    name=builtin.NAME,
    summary="The features of the model that ships with pawsight, and a linear head on them.",
    image_size=builtin.IMAGE_SIZE,
    least_side=32,
)
