"""Check a network that the user's function built, and remove its final softmax."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
from keras import activations, layers

from pawsight.errors import ModelError
from pawsight.records import OpenSize

_PROBABILITIES = (activations.softmax, activations.sigmoid)


def as_logits(model: Any, image_size: OpenSize, num_classes: int) -> keras.Model:
    """Return a network that outputs logits: [N, K], or [N, 1] for two classes.

    A final softmax, or sigmoid of a single output, is removed: its inputs are the logits.

    Args:
        model: What the function returned; the activation of its last layer may be changed.
        image_size: (height, width) in pixels that the network must accept.
        num_classes: K.

    Raises:
        ModelError: It is not such a network. The text continues a sentence that begins with the
            name of the function.
    """
    _check(model, image_size, num_classes)
    last = model.outputs[0]._keras_history.operation
    activation = getattr(last, "activation", None)
    if isinstance(last, layers.Softmax):
        activation = activations.softmax
    if activation in _PROBABILITIES:
        if (activation is activations.sigmoid) != (model.output_shape[-1] == 1):
            raise ModelError(
                "ends in a sigmoid for each class, where each photo has exactly one class."
            )
        if isinstance(last, layers.Softmax | layers.Activation):
            return keras.Model(model.inputs[0], last.input, name=model.name)
        last.activation = activations.linear
    elif activation not in (None, activations.linear):
        name = getattr(activation, "__name__", str(activation))
        raise ModelError(f"ends in the activation '{name}', whose outputs are not logits.")
    logits = keras.Model(model.inputs[0], model.outputs[0], name=model.name)
    _refuse_probabilities(logits, image_size)
    return logits


def _check(model: Any, image_size: OpenSize, num_classes: int) -> None:
    if not isinstance(model, keras.Model):
        raise ModelError(f"returned {type(model).__name__}, not a keras.Model.")
    if not getattr(model, "inputs", None) or not getattr(model, "outputs", None):
        raise ModelError(
            "returned a model without a defined input (a subclass of keras.Model, or a sequential "
            "model without keras.Input)."
        )
    if len(model.inputs) != 1 or len(model.outputs) != 1:
        raise ModelError(
            f"returned a model with {len(model.inputs)} inputs and {len(model.outputs)} outputs; "
            f"it must have one of each."
        )
    shape = tuple(model.inputs[0].shape[1:])
    expected = (*image_size, 3)
    if len(shape) != 3 or any(a not in (None, b) for a, b in zip(shape, expected, strict=True)):
        raise ModelError(f"returned a model for images {list(shape)}, not {list(expected)}.")
    output_shape = tuple(model.outputs[0].shape[1:])
    if output_shape != (num_classes,) and not (num_classes == 2 and output_shape == (1,)):
        raise ModelError(
            f"returned a model whose output has the shape [N, {', '.join(map(str, output_shape))}];"
            f" there are {num_classes} classes."
        )


def _refuse_probabilities(model: keras.Model, image_size: OpenSize) -> None:
    """Refuse a softmax that is computed inside a last layer of another type."""
    if model.output_shape[-1] == 1:
        return
    images = np.random.default_rng(0).uniform(0, 255, (3, *image_size, 3)).astype(np.float32)  # type: ignore[arg-type]
    outputs = np.asarray(model(images, training=False), np.float64)
    if (outputs >= 0).all() and np.allclose(outputs.sum(axis=1), 1.0, atol=1e-5):
        raise ModelError("returned a model whose last layer computes probabilities, not logits.")
