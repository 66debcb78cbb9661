"""The model of a run as input of the export formats: its files and its description."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from pawsight.inference.ood_score import detector_of
from pawsight.inference.out_of_distribution import OutOfDistributionDetector
from pawsight.models.description import ModelDescription
from pawsight.records import ImageArray
from pawsight.runs import Run

if TYPE_CHECKING:
    import keras

OOD_SCORE = "ood_score"  # an output, float32 [N]; above 1 a photo is out of distribution


@dataclass(frozen=True, slots=True, eq=False)
class ModelFolder:
    """A model to export."""

    run: Run  # has model.onnx and model.json
    # The description of the exported model, which every format includes.
    description: ModelDescription
    # Training photos for the quantisation of int8 formats, uint8 [N, H, W, 3]; N is 0 if there is
    # no such format.
    calibration: ImageArray
    # Computes `ood_score`; None if the run has no usable detector.
    detector: OutOfDistributionDetector | None

    @classmethod
    def open(cls, run: Run, calibration: ImageArray | None = None) -> ModelFolder:
        """Open a run's model.

        Args:
            run: The run.
            calibration: See the attribute; None for no photos.

        Raises:
            RunError: The model is missing or damaged.
        """
        description = ModelDescription.load(run)
        if calibration is None:
            calibration = np.empty((0, *description.image_size, 3), np.uint8)
        description = description.model_copy(update={"outputs": ("logits", "probabilities")})
        return cls(run, description, calibration, detector_of(run))

    def with_input_range(self, input_range: tuple[float, float]) -> ModelFolder:
        """Return the model with another input range in its description."""
        return self._described(input_range=input_range)

    def with_ood_score(self) -> ModelFolder:
        """Return the model with `ood_score` in its description, if it has a detector."""
        if self.detector is None:
            return self
        return self._described(outputs=(*self.description.outputs, OOD_SCORE))

    def _described(self, **changes: Any) -> ModelFolder:
        return replace(self, description=self.description.model_copy(update=changes))

    def load_keras(self) -> keras.Model:
        """Build the model in Keras, float32, with its weights; needs TensorFlow.

        Raises:
            RunError: The model is damaged, or is the shipped model, which has no Keras weights.
            ModelError: model.json names an unknown network.
        """
        from pawsight.tensorflow_setup import prepare_tensorflow

        prepare_tensorflow()
        from pawsight.models.model_files import load_model

        return load_model(self.run)
