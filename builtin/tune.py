"""Tune the last blocks of the network on cats and dogs, one pass over the photos.

What comes before CUT is left as ImageNet made it, so it is computed once for each photo and
kept. The rest has two objectives: to distinguish cats from dogs, and to keep giving the
1,000 logits of ImageNet for photos as they are. So the familiarity of a photo still means what
it did, and the features still serve for other classes.
Source: arXiv:1606.09282, learning without forgetting.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

from efficientnet_lite import Convolution
from graph import Dense
from pawsight.models.builtin import IMAGE_SIZE
from pawsight.models.builtin.network import build_features

CUT = "block14_project_sum"  # 18 x 18 x 120 for a photo, the input of the last two stages
LEARNING_RATE = 1e-4
_BATCH = 64
_WARMUP_STEPS = 20
_SMOOTHING = 0.04  # of the labels: a few are wrong
_MEMORY = 0.1  # how much the logits of ImageNet count, against the labels


@dataclass(frozen=True)
class Photos:
    """Features and labels of the photos before tuning.

    Attributes:
        views: The maps at CUT, float16 [N, 120, 18, 18]: of the photos as they are, and varied.
        features: Of the photos as they are, before tuning, float32 [N, 1280].
        labels: 0 or 1, [N].
    """

    views: tuple[np.ndarray, np.ndarray]
    features: np.ndarray
    labels: np.ndarray

    def maps(self, which: np.ndarray, view: np.ndarray) -> np.ndarray:
        """Return float32 [B, 18, 18, 120], each photo in the requested view."""
        chosen = [self.views[v][i] for i, v in zip(which, view, strict=True)]
        return np.stack(chosen).transpose(0, 2, 3, 1).astype(np.float32)


class Tail:
    """The network after CUT, with the head for cats and dogs.

    Args:
        path: The ONNX file to begin with.
        head: The layer to begin with.
    """

    def __init__(self, path: Path, head: Dense) -> None:
        whole = build_features(IMAGE_SIZE, keras.DTypePolicy("float32"), path)
        tail = keras.Model(whole.get_layer(CUT).output, whole.output)
        last = keras.layers.Dense(2, name="head")
        self.model = keras.Model(tail.input, [last(tail.output), tail.output])
        last.set_weights(list(head))

    def features(self, photos: Photos, which: np.ndarray, view: int) -> np.ndarray:
        """Give the features of some photos in one view, float32 [B, 1280]."""
        ask = tf.function(lambda maps: self.model(maps, training=False)[1], reduce_retracing=True)
        found = []
        for start in range(0, len(which), _BATCH):
            some = which[start : start + _BATCH]
            found.append(ask(photos.maps(some, np.full(len(some), view))).numpy())
        return np.concatenate(found)

    def average_with(self, weights: list[np.ndarray]) -> None:
        """Set each weight to the mean of it and one of before tuning.

        The features then serve for other classes nearly as before. Source: arXiv:2109.01903.
        """
        pairs = zip(self.model.get_weights(), weights, strict=True)
        self.model.set_weights([(after + before) / 2 for after, before in pairs])

    def head(self) -> Dense:
        """Give the layer for cats and dogs."""
        kernel, bias = self.model.get_layer("head").get_weights()
        return kernel, bias

    def put_into(self, network: list[list[Convolution]]) -> list[list[Convolution]]:
        """Give the network with the convolutions that were tuned."""
        tuned = {layer.name: layer.get_weights() for layer in self.model.layers}
        return [[_tuned(layer, tuned.get(layer.name)) for layer in block] for block in network]


def _tuned(layer: Convolution, weights: list[np.ndarray] | None) -> Convolution:
    if not weights:
        return layer
    # Keras has [height, width, in, out] and, where each channel is alone, [height, width, in, 1].
    axes = (2, 3, 0, 1) if layer.is_depthwise else (3, 2, 0, 1)
    return replace(layer, kernel=weights[0].transpose(axes), bias=weights[1])


def tune(tail: Tail, photos: Photos, learn: np.ndarray, imagenet: Dense, seed: int) -> None:
    """Show the tail each of the photos to `learn` from once, as it is or varied, by lot.

    The order is the seed's; sums of TensorFlow on several threads are not, so the weights differ
    a little from run to run.
    """
    rng = np.random.default_rng(seed)
    order = rng.permutation(learn)
    view = rng.integers(0, 2, len(order))
    num_steps = len(order) // _BATCH
    weights, biases = (array.astype(np.float32) for array in imagenet)
    step = _step(tail.model, num_steps, weights, biases)
    for number in range(num_steps):
        span = slice(number * _BATCH, (number + 1) * _BATCH)
        some, seen = order[span], view[span]
        known = photos.features[some] @ weights + biases
        loss = step(photos.maps(some, seen), photos.labels[some], known, seen == 0)
        if number % 20 == 19:
            print(
                f"  tuned {number + 1} of {num_steps} steps, loss {float(loss):.4f}",
                flush=True,
            )


def _step(
    model: keras.Model, num_steps: int, weights: np.ndarray, biases: np.ndarray
) -> tf.types.experimental.PolymorphicFunction:
    rate = keras.optimizers.schedules.CosineDecay(
        0.0,
        max(1, num_steps - _WARMUP_STEPS),
        warmup_target=LEARNING_RATE,
        warmup_steps=_WARMUP_STEPS,
    )
    optimizer = keras.optimizers.AdamW(rate, weight_decay=0.0, beta_2=0.99, clipnorm=1.0)
    variables = model.trainable_variables
    optimizer.build(variables)

    @tf.function
    def step(
        maps: tf.Tensor, labels: tf.Tensor, known: tf.Tensor, is_plain: tf.Tensor
    ) -> tf.Tensor:
        with tf.GradientTape() as tape:
            logits, features = model(maps, training=True)
            targets = tf.one_hot(labels, 2) * (1 - _SMOOTHING) + _SMOOTHING / 2
            loss = tf.reduce_mean(tf.nn.softmax_cross_entropy_with_logits(targets, logits))
            before = tf.nn.log_softmax(known)
            after = tf.nn.log_softmax(features @ weights + biases)
            lost = tf.reduce_sum(tf.exp(before) * (before - after), axis=1)
            kept = tf.cast(is_plain, tf.float32)
            loss += _MEMORY * tf.reduce_sum(lost * kept) / tf.maximum(tf.reduce_sum(kept), 1.0)
        optimizer.apply(tape.gradient(loss, variables), variables)
        return loss

    return step
