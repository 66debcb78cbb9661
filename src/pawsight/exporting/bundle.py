"""Put a trained model into its run folder: weights, ONNX, description, proof of equality."""

from __future__ import annotations

import keras

from pawsight.models.model_files import save_description, save_weights
from pawsight.models.onnx_convert import check_onnx, export_onnx
from pawsight.models.registry import build_model
from pawsight.records import ImageArray, Resize
from pawsight.runs import Run


def save_model(
    run: Run,
    trained: keras.Model,
    architecture: str,
    class_names: tuple[str, ...],
    image_size: tuple[int, int],
    resize: Resize,
    source: str,
    images: ImageArray,
) -> float:
    """Save a model as float32, whatever it was trained in, and check the ONNX file against it.

    Args:
        run: Where to.
        trained: The model with its final weights.
        architecture: Its name in the registry.
        class_names: `class_names[i]` is class i.
        image_size: (height, width) in pixels that the saved model takes; the
            trained one may take any.
        resize: How a photo of another shape is brought to the model's size.
        source: What the photos were called.
        images: Photos to compare on, uint8 [N, H, W, 3], N at least 1.

    Returns:
        The largest difference of any probability between Keras and ONNX Runtime.

    Raises:
        ModelError: The two differ by more than rounding, or no ONNX can be made.
        DiskError: A file cannot be written.
    """
    save_weights(trained, run.weights_path)
    # Read back rather than handed over: what is exported is what the file holds.
    model = build_model(architecture, len(class_names), image_size)
    model.load_weights(run.weights_path)
    export_onnx(model, run.onnx_path)
    difference = check_onnx(model, run.onnx_path, images)
    save_description(run, architecture, class_names, image_size, resize, 1.0, source, difference)
    return difference
