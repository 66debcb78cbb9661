"""One training step and one validation step, compiled from a model and a plan."""

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

# (images [B, H, W, 3], labels [B], learning rate) -> (mean loss, number right);
# photos with a label below 0 are lost and have no weight
TrainStep = Callable[[tf.Tensor, tf.Tensor, tf.Tensor], tuple[tf.Tensor, tf.Tensor]]
# (images, labels) -> (summed loss, whether each is right [b], logits)
ValidationStep = Callable[[tf.Tensor, tf.Tensor], tuple[tf.Tensor, tf.Tensor, tf.Tensor]]


def losses(logits: tf.Tensor, labels: tf.Tensor, label_smoothing: float) -> tf.Tensor:
    """Return the cross-entropy of each photo in nats.

    Args:
        logits: [B, 1], the logit of class 1 of two, or [B, K].
        labels: Class indices, [B]; of several labels 1 or 0 for each, [B, K].
        label_smoothing: Share of the target spread evenly over all classes, 0..1; not of several
            labels, whose binary cross-entropies are averaged.
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
    """Return the weight of each photo in the training loss: that of its class, else 1; 0 if lost.

    Returns:
        float32, shape [B].
    """
    there = tf.cast(is_there(labels), tf.float32)
    if class_weights is None:
        return there
    return there * tf.gather(tf.constant(class_weights, tf.float32), tf.maximum(labels, 0))


def is_there(labels: tf.Tensor) -> tf.Tensor:
    """Return which photos are not lost, [B]."""
    return (labels[:, 0] if labels.shape.rank == 2 else labels) >= 0


def is_right(logits: tf.Tensor, labels: tf.Tensor) -> tf.Tensor:
    """Return whether each photo is classified correctly, [B]; ties go to the lower class index.

    Of several labels whether each of them is right at a probability of 0.5, [B, K].
    """
    if labels.shape.rank == 2:
        return tf.cast(logits >= 0, labels.dtype) == labels
    if logits.shape[-1] == 1:
        predicted = tf.cast(logits[:, 0] > 0, labels.dtype)
    else:
        predicted = tf.argmax(logits, axis=-1, output_type=labels.dtype)
    return predicted == labels


def num_right(logits: tf.Tensor, labels: tf.Tensor) -> tf.Tensor:
    """Return how many photos are classified correctly; of several labels the sum of shares."""
    if labels.shape.rank == 2:
        shares = tf.reduce_mean(tf.cast(is_right(logits, labels), tf.float32), axis=1)
        return tf.reduce_sum(shares)
    return tf.reduce_sum(tf.cast(is_right(logits, labels), tf.int32))


def last_variables(model: keras.Model, share: float) -> list[keras.Variable]:
    """Return the variables of the last layers: a share, rounded up, of those that can learn."""
    layers = [layer for layer in leaves(model) if layer.trainable_variables]
    chosen = layers[len(layers) - math.ceil(share * len(layers) - 1e-9) :]
    wanted = {id(variable) for layer in chosen for variable in layer.trainable_variables}
    return [variable for variable in model.trainable_variables if id(variable) in wanted]


def build_train_step(
    model: keras.Model,
    optimizer: keras.optimizers.Optimizer,
    plan: Plan,
    share: float,
    communicator: Communicator = SINGLE_PROCESS,
) -> TrainStep:
    """Compile one update of `model` by a built `optimizer`, or leave it eager if the plan is.

    Of the layers the last ones learn, by their `share`; see `last_variables`.
    The loss is the sum of the photos' weighted losses over the number of photos
    that are there, as Keras does with its class_weight. One trace serves every
    size of the images that the model takes. The processes of a `communicator` each take
    their part of the batch, and one update of the whole batch.
    """
    trained = last_variables(model, share)
    # In float16 a LossScaleOptimizer wraps the one that has the learning rate.
    inner = getattr(optimizer, "inner_optimizer", optimizer)
    variables = [variable.value for variable in trained]

    def compute(images: tf.Tensor, labels: tf.Tensor) -> list[tf.Tensor]:
        (num_readable,) = communicator.all_reduce(
            [tf.reduce_sum(tf.cast(is_there(labels), tf.float32))]
        )
        with tf.GradientTape() as tape:
            logits = model(images, training=True)
            of_photos = losses(logits, labels, plan.label_smoothing)
            weights = tf.cast(photo_weights(labels, plan.class_weights), of_photos.dtype)
            loss = tf.reduce_sum(weights * of_photos)
            loss /= tf.cast(tf.maximum(num_readable, 1.0), loss.dtype)
            scaled = optimizer.scale_loss(loss)
        return communicator.all_reduce(
            [loss, num_right(logits, labels), *tape.gradient(scaled, variables)]
        )

    def train_step(
        images: tf.Tensor, labels: tf.Tensor, learning_rate: tf.Tensor
    ) -> tuple[tf.Tensor, tf.Tensor]:
        loss, right, *gradients = communicator.run(compute, images, labels)
        if plan.optimizer != "own":  # which has a rate or a schedule of its own
            inner.learning_rate.assign(learning_rate)
        optimizer.apply(gradients, trained)
        return loss, right

    if plan.eager:
        return train_step
    images = tf.TensorSpec((None, *model.input_shape[1:]), tf.float32)
    labels = _label_spec(plan)
    return tf.function(train_step, input_signature=(images, labels, tf.TensorSpec(())))


def build_validation_step(model: keras.Model, plan: Plan) -> ValidationStep:
    """Compile the pass over validation photos; its loss has no smoothing and no weights."""

    def validation_step(
        images: tf.Tensor, labels: tf.Tensor
    ) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
        logits = model(images, training=False)
        return tf.reduce_sum(losses(logits, labels, 0.0)), is_right(logits, labels), logits

    if plan.eager:
        return validation_step
    images = tf.TensorSpec((None, *model.input_shape[1:]), tf.float32)
    labels = _label_spec(plan)
    return tf.function(validation_step, input_signature=(images, labels))


def _label_spec(plan: Plan) -> tf.TensorSpec:
    is_several = task_of(plan.task).is_multi_label
    return tf.TensorSpec((None, len(plan.class_names)) if is_several else (None,), tf.int32)


def check_weights_fit(model: keras.Model, shapes: list[tuple[int, ...]]) -> None:
    """Check that saved arrays belong to this model; raises ModelError."""
    own = [tuple(variable.shape) for variable in model.variables]
    if own != shapes:
        raise ModelError(
            f"The saved weights are not those of this model: {len(shapes)} arrays were found "
            f"and {len(own)} are needed, or their shapes differ."
        )
