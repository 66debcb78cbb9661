"""Save a trained model in its run folder: weights, model.onnx and description."""

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
    """Save a model in float32, and compare its ONNX file with it.

    Args:
        run: The run to save it in.
        trained: The model with its final weights, in any precision.
        description: The description to save; its image size may differ from that of `trained`.
        images: Photos to compare on, uint8 [N, H, W, 3], N at least 1.

    Returns:
        The saved description, with the largest difference of any probability between Keras and
        ONNX Runtime.

    Raises:
        ModelError: The difference is larger than rounding, or the model cannot be written as ONNX.
        DiskError: A file cannot be written.
    """
    save_weights(trained, run.weights_path)
    if find_network(description.architecture or "").keeps_keras:
        save_keras(trained, run.keras_path)
    description.save(run)
    model = load_model(run)  # so that the saved weights are exported
    export_onnx(model, run.onnx_path)
    difference = check_onnx(model, run.onnx_path, images, description.labelling)
    description = description.model_copy(update={"onnx_largest_difference": difference})
    description.save(run)
    return description
