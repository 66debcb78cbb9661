"""Put a trained model into its run folder: weights, ONNX, description, proof of equality."""

from __future__ import annotations

import keras

from pawsight.models.description import ModelDescription
from pawsight.models.model_files import load_model, save_keras, save_weights
from pawsight.models.onnx_convert import check_onnx, export_onnx
from pawsight.models.registry import find_network
from pawsight.records import ImageArray
from pawsight.runs import Run


def save_model(
    run: Run, trained: keras.Model, description: ModelDescription, images: ImageArray
) -> ModelDescription:
    """Save a model as float32, whatever it was trained in, and check the ONNX file against it.

    Args:
        run: Where to.
        trained: The model with its final weights.
        description: The facts of the saved model; its image size may be another one than the
            trained model takes.
        images: Photos to compare on, uint8 [N, H, W, 3], N at least 1.

    Returns:
        The description as it was saved, with the largest difference of any probability between
        Keras and ONNX Runtime.

    Raises:
        ModelError: The two differ by more than rounding, or no ONNX can be made.
        DiskError: A file cannot be written.
    """
    save_weights(trained, run.weights_path)
    if find_network(description.architecture or "").keeps_keras:
        save_keras(trained, run.keras_path)
    description.save(run)
    model = load_model(run)  # read back: what is exported is what the file holds
    export_onnx(model, run.onnx_path)
    difference = check_onnx(model, run.onnx_path, images, description.labelling)
    description = description.model_copy(update={"onnx_largest_difference": difference})
    description.save(run)
    return description
