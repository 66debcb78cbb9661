"""A user's own network: which ones are taken, and how a softmax at the end is taken off."""

import keras
import numpy as np
import pytest
from keras import layers, ops

from pawsight.errors import ModelError
from pawsight.models.custom_outputs import as_logits

SIZE = (6, 9)


def network(*ends, shape=(*SIZE, 3)):
    """A network of the mean colours, and some layers at its end."""
    images = keras.Input(shape)
    x = layers.GlobalAveragePooling2D()(images)
    for layer in ends:
        x = layer(x)
    return keras.Model(images, x)


@pytest.fixture
def images():
    return np.random.default_rng(0).uniform(0, 255, (4, *SIZE, 3)).astype(np.float32)


def dense(units, activation=None):
    return layers.Dense(
        units, activation, kernel_initializer=keras.initializers.RandomNormal(seed=1)
    )


@pytest.mark.parametrize(
    ("ends", "num_classes", "of_logits"),
    [
        ([dense(3, "softmax")], 3, ops.softmax),
        ([dense(3), layers.Softmax()], 3, ops.softmax),
        ([dense(3), layers.Activation("softmax")], 3, ops.softmax),
        ([dense(2, "softmax")], 2, ops.softmax),
        ([dense(1, "sigmoid")], 2, ops.sigmoid),
        ([dense(1), layers.Activation("sigmoid")], 2, ops.sigmoid),
        ([dense(3)], 3, np.asarray),
        ([dense(3, "linear")], 3, np.asarray),
        ([dense(1)], 2, np.asarray),
        ([dense(2)], 2, np.asarray),
        ([layers.Rescaling(1 / 255)], 3, np.asarray),  # from 0 on, but the sum is another
        ([dense(3), layers.Lambda(lambda x: x - ops.mean(x, 1, True) + 1 / 3)], 3, np.asarray),
    ],
)
def test_probabilities_at_the_end_become_their_logits(images, ends, num_classes, of_logits):
    model = network(*ends)
    before = model.predict_on_batch(images)
    logits = as_logits(model, SIZE, num_classes).predict_on_batch(images)
    np.testing.assert_allclose(np.asarray(of_logits(logits)), before, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize(
    ("model", "num_classes", "message"),
    [
        (7, 2, r"^returned int, not a keras\.Model\.$"),
        (keras.Sequential([dense(2)]), 2, "returned a model without a defined input"),
        (network(dense(3, "sigmoid")), 3, "ends in a sigmoid for each class"),
        (network(dense(2, "sigmoid")), 2, "ends in a sigmoid for each class"),
        (network(dense(1, "softmax")), 2, "ends in a sigmoid for each class"),
        (
            network(dense(3, "relu")),
            3,
            "ends in the activation 'relu', whose outputs are not logits",
        ),
        (network(dense(3), layers.Activation("tanh")), 3, "ends in the activation 'tanh'"),
        (
            network(dense(3), layers.Lambda(ops.softmax)),
            3,
            "whose last layer computes probabilities",
        ),
        (
            network(dense(3), layers.Lambda(lambda x: ops.one_hot(ops.argmax(x, 1), 3))),
            3,
            "whose last layer computes probabilities",  # of 0 and 1
        ),
        (network(dense(4)), 3, r"output has the shape \[N, 4\]; there are 3 classes\."),
        (network(dense(1)), 3, r"output has the shape \[N, 1\]; there are 3 classes\."),
        (network(dense(3), layers.RepeatVector(2)), 3, r"the shape \[N, 2, 3\]; there are 3"),
        (network(dense(3), shape=(9, 6, 3)), 3, r"for images \[9, 6, 3\], not \[6, 9, 3\]\."),
        (network(dense(3), shape=(6, 9, 1)), 3, r"for images \[6, 9, 1\], not \[6, 9, 3\]\."),
        (network(dense(3), shape=(None, 8, 3)), 3, r"for images \[None, 8, 3\], not \[6, 9, 3\]"),
    ],
)
def test_a_network_of_another_kind_is_refused_with_what_it_is(model, num_classes, message):
    with pytest.raises(ModelError, match=message):
        as_logits(model, SIZE, num_classes)


def test_one_input_and_one_output_are_taken():
    first, second = keras.Input((*SIZE, 3)), keras.Input((*SIZE, 3))
    both = dense(3)(layers.GlobalAveragePooling2D()(first + second))
    with pytest.raises(ModelError, match="2 inputs and 1 outputs; it must have one of each"):
        as_logits(keras.Model([first, second], both), SIZE, 3)
    one = layers.GlobalAveragePooling2D()(first)
    with pytest.raises(ModelError, match="1 inputs and 2 outputs; it must have one of each"):
        as_logits(keras.Model(first, [one, dense(3)(one)]), SIZE, 3)
    flat = keras.Input((3,))
    with pytest.raises(ModelError, match=r"for images \[3\], not"):
        as_logits(keras.Model(flat, dense(3)(flat)), SIZE, 3)


@pytest.mark.parametrize("shape", [(None, None, 3), (6, None, 3), (6, 9, None)])
def test_an_open_size_fits_any_photos(shape):
    images = keras.Input(shape)
    x = layers.GlobalAveragePooling2D()(layers.Lambda(lambda x: x[..., :3])(images))
    x = layers.Reshape((3,))(x)
    assert as_logits(keras.Model(images, x), SIZE, 3).output_shape == (None, 3)
