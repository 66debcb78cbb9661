"""A finished model as the formats see it: its ONNX file, its description, and in Keras."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from pawsight.inference.ood_score import detector_of
from pawsight.inference.out_of_distribution import OutOfDistributionDetector
from pawsight.models.description import ModelDescription
from pawsight.records import ImageArray
from pawsight.runs import Run

if TYPE_CHECKING:
    import keras

OOD_SCORE = "ood_score"  # an output, float32 [N]: above 1 a photo is unlike the training set


@dataclass(frozen=True, slots=True, eq=False)
class ModelFolder:
    """What a format is written from."""

    run: Run  # has model.onnx and model.json
    # The facts of the exported model, which every format carries along.
    description: ModelDescription
    # Training photos, uint8 [N, H, W, 3], by which an int8 format chooses the range of its numbers;
    # N is 0 where no such format is requested.
    calibration: ImageArray
    # Of photos unlike the training set, where the run has one that can be used: a file computes
    # `ood_score` with it.
    detector: OutOfDistributionDetector | None

    @classmethod
    def open(cls, run: Run, calibration: ImageArray | None = None) -> ModelFolder:
        """Open a run's model; raises RunError."""
        description = ModelDescription.load(run)
        if calibration is None:
            calibration = np.empty((0, *description.image_size, 3), np.uint8)
        description = description.model_copy(update={"outputs": ("logits", "probabilities")})
        return cls(run, description, calibration, detector_of(run))

    def with_input_range(self, input_range: tuple[float, float]) -> ModelFolder:
        """Return the same model, described as taking images of another range."""
        described = self.description.model_copy(update={"input_range": input_range})
        return replace(self, description=described)

    def with_ood_score(self) -> ModelFolder:
        """Return the same model, described with the output `ood_score` if it has a detector."""
        if self.detector is None:
            return self
        outputs = (*self.description.outputs, OOD_SCORE)
        described = self.description.model_copy(update={"outputs": outputs})
        return replace(self, description=described)

    def load_keras(self) -> keras.Model:
        """Build the model in Keras, float32, with its weights (TensorFlow).

        Raises:
            RunError: It is damaged, or it is the shipped one, which has no Keras weights.
            ModelError: model.json names an architecture that does not exist here.
        """
        from pawsight.tensorflow_setup import prepare_tensorflow

        prepare_tensorflow()
        from pawsight.models.model_files import load_model

        return load_model(self.run)
