"""A finished model as the formats see it: its ONNX file, what its numbers mean, and in Keras."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from pawsight.models.description import load_description
from pawsight.records import ImageArray, Resize
from pawsight.runs import Run

if TYPE_CHECKING:
    import keras


@dataclass(frozen=True, slots=True, eq=False)
class ModelFolder:
    """What a format is written from.

    Attributes:
        run: Where model.onnx and model.json lie.
        class_names: `class_names[i]` is class i, length K.
        image_size: (height, width) in pixels.
        resize: How a photo of another shape is brought to that size.
        temperature: What the logits are divided by before the softmax; above 0.
        calibration: Training photos, uint8 [N, H, W, 3], by which an int8 format chooses the
            range of its numbers; N is 0 where no such format is asked for.
    """

    run: Run
    class_names: tuple[str, ...]
    image_size: tuple[int, int]
    resize: Resize
    temperature: float
    calibration: ImageArray

    @classmethod
    def open(cls, run: Run, calibration: ImageArray | None = None) -> ModelFolder:
        """Open a run's model.

        Raises:
            RunError: There is no finished model in it, or it is damaged.
        """
        found = load_description(run)
        if calibration is None:
            calibration = np.empty((0, *found.image_size, 3), np.uint8)
        return cls(
            run,
            found.class_names,
            found.image_size,
            found.resize,
            found.temperature,
            calibration,
        )

    def facts(self) -> dict[str, Any]:
        """What a user of the export must know, JSON-ready; every format carries these along."""
        return {
            "class_names": list(self.class_names),
            "image_size": list(self.image_size),
            "resize": self.resize,
            "temperature": self.temperature,
            "input": "images",
            "outputs": ["logits", "probabilities"],
        }

    def metadata(self) -> dict[str, str]:
        """Give the facts as text by name, for formats that hold nothing else."""
        return {name: json.dumps(value) for name, value in self.facts().items()}

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
