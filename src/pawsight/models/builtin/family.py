"""The shipped model as a network of the registry, for linear heads and fine-tuning."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from pawsight.config import AugmentConfig
from pawsight.errors import ModelError, RunError
from pawsight.models import builtin
from pawsight.models.backbone import Backbone, backbone_key
from pawsight.models.description import ModelDescription
from pawsight.models.network import PretrainedNetwork
from pawsight.models.recipe import Recipe, Sizes
from pawsight.progress import Progress
from pawsight.records import OpenSize
from pawsight.runs import Run
from pawsight.tensorflow_setup import prepare_tensorflow

if TYPE_CHECKING:
    import keras


@dataclass(frozen=True, kw_only=True)
class BuiltinNetwork(PretrainedNetwork):
    """The network of the shipped model."""

    def open_backbone(
        self, image_size: tuple[int, int], weights: str | None, progress: Progress
    ) -> Backbone:
        """Return the shipped ONNX file, which has the output "features"."""
        path = self.weights_path(weights, progress)
        return Backbone(
            self.name, image_size, path, None, backbone_key(self.name, image_size, path)
        )

    def weights_path(self, weights: str | None, progress: Progress) -> Path:
        """Return the shipped ONNX file."""
        if weights is not None:
            raise ModelError(
                f"The model '{self.name}' comes with its weights.\nLeave --weights out."
            )
        return builtin.onnx_path()

    def build_features(self, image_size: OpenSize, policy: keras.DTypePolicy) -> keras.Model:
        """Build the network up to its features, with the shipped weights."""
        from pawsight.models.builtin.network import build_features

        return build_features(image_size, policy, is_tuned=True)

    def load_weights(self, model: keras.Model, path: Path) -> None:
        """Do nothing: `build_features` loads the weights."""

    def load(self, run: Run, description: ModelDescription) -> keras.Model:
        """Build the model of a run; a run without fine-tuning has its weights in model.onnx."""
        if run.path.samefile(builtin.folder()):
            raise RunError(
                "The shipped model of cats and dogs has no Keras weights.\nPredict with "
                "pawsight.load(), or train a model on its features with --model builtin."
            )
        if run.weights_path.is_file():
            return super().load(run, description)
        prepare_tensorflow()
        from pawsight.models.builtin.network import load_whole

        try:
            description.check(run.onnx_path, run.onnx_path.read_bytes())
            return load_whole(run.onnx_path, description.image_size)
        except (OSError, ValueError, KeyError, IndexError) as error:
            raise RunError(f"{run.onnx_path} does not hold this model's weights.") from error


NETWORK = BuiltinNetwork(
    name=builtin.NAME,
    summary="The network that ships with pawsight: a linear head on its features, or fine-tuned.",
    image_size=builtin.IMAGE_SIZE,
    min_side=32,
    fits_any_size=True,
    # Chosen by experiments, which benchmarks/auto/LOG.md lists.
    recipe=Recipe(
        optimizer="scaled_adam",
        learning_rate=1.5e-3,
        schedule="linear",
        batch_size=32,
        label_smoothing=0.1,
        augment=AugmentConfig(crop_range=(0.5, 1.0), crop_stretch=1.15, horizontal_flip=True),
        epochs=None,
        minutes=10,
        # 160 of 288 pixels. Objects are larger in random crops than in whole photos, so the
        # finished model takes 224, or 192 for photos without detail (arXiv:1906.06423).
        sizes=(Sizes(0, ((1.0, 0.5556),)),),
        finished_shares=(0.7778, 0.6667),
    ),
)
