"""Compile the training step and the validation step of a model."""

from __future__ import annotations

import math
from collections.abc import Callable

import keras
import tensorflow as tf

from pawsight.errors import ModelError
from pawsight.models.pretrained import leaves
from pawsight.task import task_of
from pawsight.training.communicator import SINGLE_PROCESS, Communicator
from pawsight.training.plan import Plan

# (images [B, H, W, 3], labels [B] or [B, K], learning rate) -> (mean loss, number of correctly
# classified photos). Photos with a label below 0 are lost, and ignored.
TrainStep = Callable[[tf.Tensor, tf.Tensor, tf.Tensor], tuple[tf.Tensor, tf.Tensor]]
# (images, labels) -> (sum of the losses, result of `is_right`, logits)
ValidationStep = Callable[[tf.Tensor, tf.Tensor], tuple[tf.Tensor, tf.Tensor, tf.Tensor]]


def losses(logits: tf.Tensor, labels: tf.Tensor, label_smoothing: float) -> tf.Tensor:
    """Return the cross-entropy of each photo in nats.

    Args:
        logits: [B, K]; or [B, 1], the logit of class 1 of two.
        labels: Class indices, [B]; for multi-label photos 1 or 0 for each label, [B, K].
        label_smoothing: Share of the target that is spread evenly over all classes, 0..1. It is
            ignored for multi-label photos, whose loss is the mean binary cross-entropy.
    """
    if labels.shape.rank == 2:
        targets = tf.cast(labels, logits.dtype)
        losses = tf.nn.sigmoid_cross_entropy_with_logits(targets, logits)
        return tf.reduce_mean(losses, axis=1)
    if logits.shape[-1] == 1:
        targets = tf.cast(labels, logits.dtype) * (1 - label_smoothing) + label_smoothing / 2
        return tf.nn.sigmoid_cross_entropy_with_logits(targets, logits[:, 0])
    targets = tf.one_hot(labels, logits.shape[-1], dtype=logits.dtype)
    targets = targets * (1 - label_smoothing) + label_smoothing / logits.shape[-1]
    return tf.nn.softmax_cross_entropy_with_logits(targets, logits)


def photo_weights(labels: tf.Tensor, class_weights: tuple[float, ...] | None) -> tf.Tensor:
    """Return the weight of each photo in the training loss: its class weight, or 0 if it is lost.

    Args:
        labels: Class indices, [B]; for multi-label photos [B, K].
        class_weights: The weight of each class, length K; None is 1 for all.

    Returns:
        float32, shape [B].
    """
    weights = tf.cast(is_readable(labels), tf.float32)
    if class_weights is None:
        return weights
    return weights * tf.gather(tf.constant(class_weights, tf.float32), tf.maximum(labels, 0))


def is_readable(labels: tf.Tensor) -> tf.Tensor:
    """Return which photos are not lost, bool [B]."""
    return (labels[:, 0] if labels.shape.rank == 2 else labels) >= 0


def is_right(logits: tf.Tensor, labels: tf.Tensor) -> tf.Tensor:
    """Return which photos are classified correctly, bool [B]; ties go to the lower class index.

    For multi-label photos: which decisions at a probability of 0.5 are correct, bool [B, K].
    """
    if labels.shape.rank == 2:
        return tf.cast(logits >= 0, labels.dtype) == labels
    if logits.shape[-1] == 1:
        predicted = tf.cast(logits[:, 0] > 0, labels.dtype)
    else:
        predicted = tf.argmax(logits, axis=-1, output_type=labels.dtype)
    return predicted == labels


def num_right(logits: tf.Tensor, labels: tf.Tensor) -> tf.Tensor:
    """Return how many photos are classified correctly.

    For multi-label photos: the sum over photos of the share of correct decisions.
    """
    if labels.shape.rank == 2:
        shares = tf.reduce_mean(tf.cast(is_right(logits, labels), tf.float32), axis=1)
        return tf.reduce_sum(shares)
    return tf.reduce_sum(tf.cast(is_right(logits, labels), tf.int32))


def last_variables(model: keras.Model, share: float) -> list[keras.Variable]:
    """Return the trainable variables of the last layers.

    Args:
        model: The model.
        share: Share, 0..1, of the layers with trainable variables; rounded up.
    """
    layers = [layer for layer in leaves(model) if layer.trainable_variables]
    last = layers[len(layers) - math.ceil(share * len(layers) - 1e-9) :]
    ids = {id(variable) for layer in last for variable in layer.trainable_variables}
    return [variable for variable in model.trainable_variables if id(variable) in ids]


def build_train_step(
    model: keras.Model,
    optimizer: keras.optimizers.Optimizer,
    plan: Plan,
    share: float,
    communicator: Communicator = SINGLE_PROCESS,
) -> TrainStep:
    """Compile one update of the last layers of a model; it is not compiled if the plan is eager.

    The loss is the sum of the photos' weighted losses divided by the number of photos
    that are not lost, as Keras does with class_weight. One trace serves all image sizes.

    Args:
        model: The model.
        optimizer: The optimizer, already built for the model's variables.
        plan: Decides the loss.
        share: Share of the layers that are trained; see `last_variables`.
        communicator: The processes that each compute a part of the batch, and all apply the
            update of the whole batch.
    """
    trained = last_variables(model, share)
    # In float16, a LossScaleOptimizer wraps the optimizer that has the learning rate.
    inner = getattr(optimizer, "inner_optimizer", optimizer)
    variables = [variable.value for variable in trained]

    def compute(images: tf.Tensor, labels: tf.Tensor) -> list[tf.Tensor]:
        (num_readable,) = communicator.all_reduce(
            [tf.reduce_sum(tf.cast(is_readable(labels), tf.float32))]
        )
        with tf.GradientTape() as tape:
            logits = model(images, training=True)
            photo_losses = losses(logits, labels, plan.label_smoothing)
            weights = tf.cast(photo_weights(labels, plan.class_weights), photo_losses.dtype)
            loss = tf.reduce_sum(weights * photo_losses)
            loss /= tf.cast(tf.maximum(num_readable, 1.0), loss.dtype)
            scaled = optimizer.scale_loss(loss)
        return communicator.all_reduce(
            [loss, num_right(logits, labels), *tape.gradient(scaled, variables)]
        )

    def train_step(
        images: tf.Tensor, labels: tf.Tensor, learning_rate: tf.Tensor
    ) -> tuple[tf.Tensor, tf.Tensor]:
        loss, right, *gradients = communicator.run(compute, images, labels)
        if plan.optimizer != "own":  # the user's optimizer has its own rate or schedule
            inner.learning_rate.assign(learning_rate)
        optimizer.apply(gradients, trained)
        return loss, right

    if plan.eager:
        return train_step
    return tf.function(
        train_step, input_signature=(*_batch_signature(model, plan), tf.TensorSpec(()))
    )


def build_validation_step(model: keras.Model, plan: Plan) -> ValidationStep:
    """Compile the pass over validation photos; its loss has no smoothing and no weights."""

    def validation_step(
        images: tf.Tensor, labels: tf.Tensor
    ) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
        logits = model(images, training=False)
        return tf.reduce_sum(losses(logits, labels, 0.0)), is_right(logits, labels), logits

    if plan.eager:
        return validation_step
    return tf.function(validation_step, input_signature=_batch_signature(model, plan))


def _batch_signature(model: keras.Model, plan: Plan) -> tuple[tf.TensorSpec, tf.TensorSpec]:
    images = tf.TensorSpec((None, *model.input_shape[1:]), tf.float32)
    is_multi_label = task_of(plan.task).is_multi_label
    labels = tf.TensorSpec((None, len(plan.class_names)) if is_multi_label else (None,), tf.int32)
    return images, labels


def check_weights_fit(model: keras.Model, shapes: list[tuple[int, ...]]) -> None:
    """Check that saved arrays have the shapes of a model's variables; raises ModelError."""
    expected = [tuple(variable.shape) for variable in model.variables]
    if expected != shapes:
        raise ModelError(
            f"The saved weights are not those of this model: {len(shapes)} arrays were found "
            f"and {len(expected)} are needed, or their shapes differ."
        )
