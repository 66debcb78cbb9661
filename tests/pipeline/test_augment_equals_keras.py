"""The old generator's own code is the reference: same parameters, same pixels."""

import itertools
import warnings

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st
from keras.src.legacy.preprocessing.image import ImageDataGenerator

from pawsight.config import AugmentConfig
from pawsight.pipeline.augment import Augment, Parameters

FILL_MODES = ["nearest", "constant", "reflect", "wrap"]
CVAL = 77.0
EVERYTHING = {
    "rotation_range": 180,
    "width_shift_range": 0.9,
    "height_shift_range": (-40, 40),
    "brightness_range": (0, 2),
    "shear_range": 60,
    "zoom_range": (0.3, 2.5),
    "channel_shift_range": 90,
    "horizontal_flip": True,
    "vertical_flip": True,
}
# Configured to draw nothing: they apply the parameters they are given.
UNSET = {mode: Augment(AugmentConfig(fill_mode=mode, cval=CVAL)) for mode in FILL_MODES}


def as_dict(parameters, photo):
    """The parameters of one photo as Keras takes them."""
    values = parameters._asdict().items()
    return {name: value.numpy()[photo].item() for name, value in values if value is not None}


def keras_apply(photo, parameters, fill_mode):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # Keras calls SciPy by an old name
        generator = ImageDataGenerator(fill_mode=fill_mode, cval=CVAL)
        return generator.apply_transform(photo.astype(np.float32), parameters)


def assert_equals_keras(changed, photo, parameters, fill_mode):
    """Every pixel is within what Keras makes of coordinates 0.0001 pixels around.

    Where a fill mode jumps ("constant" and "wrap" at the border) a rounding
    difference decides the side, so both sides are right there.
    """
    nudges = itertools.product([0, -1e-4, 1e-4], repeat=2)
    around = np.stack(
        [
            keras_apply(
                photo,
                parameters
                | {"tx": parameters.get("tx", 0) + dx, "ty": parameters.get("ty", 0) + dy},
                fill_mode,
            )
            for dx, dy in nudges
        ]
    )
    # Brightness rounds down to whole numbers first: one step there is one factor here.
    slack = 0.01 + (1.001 + parameters["brightness"] if "brightness" in parameters else 0)
    assert np.all(changed >= around.min(0) - slack)
    assert np.all(changed <= around.max(0) + slack)


def batch_of_one(**parameters):
    return Parameters(
        **{
            name: tf.constant([value], tf.bool if name.startswith("flip") else tf.float32)
            for name, value in parameters.items()
        }
    )


RANGES = {
    "theta": st.floats(-180, 180, width=32),
    "tx": st.floats(-60, 60, width=32),
    "ty": st.floats(-60, 60, width=32),
    "shear": st.floats(-85, 85, width=32),
    "zx": st.floats(0.25, 4, width=32),
    "zy": st.floats(0.25, 4, width=32),
    "flip_horizontal": st.booleans(),
    "flip_vertical": st.booleans(),
    "channel_shift_intensity": st.floats(-255, 255, width=32),
}
# Coordinates that fall exactly on pixels and on the borders.
ON_THE_GRID = [
    (0.0, 0.0, 0.0, 0.0, 1.0, 1.0, False, False, 0.0),
    (0.0, 0.0, 0.0, 0.0, 1.0, 1.0, True, True, 0.0),
    (180.0, 3.0, -2.0, 0.0, 1.0, 1.0, False, True, 0.0),
    (0.0, 19.0, -14.0, 0.0, 1.0, 1.0, True, False, 10.0),
    (0.0, 13.0, 18.0, 0.0, 1.0, 1.0, False, False, 0.0),
    (90.0, 0.5, 0.5, 0.0, 2.0, 0.5, False, False, -255.0),
]


@pytest.mark.parametrize("fill_mode", FILL_MODES)
@settings(max_examples=40, deadline=None, derandomize=True)
@given(parameters=st.fixed_dictionaries(RANGES))
def test_any_parameters_give_the_pixels_keras_gives(noise, fill_mode, parameters):
    changed = UNSET[fill_mode].apply(noise[:1], batch_of_one(**parameters))[0].numpy()
    assert_equals_keras(changed, noise[0], parameters, fill_mode)


@pytest.mark.parametrize("fill_mode", FILL_MODES)
@pytest.mark.parametrize("values", ON_THE_GRID)
def test_coordinates_on_the_grid_give_the_pixels_keras_gives(noise, fill_mode, values):
    parameters = dict(zip(RANGES, values, strict=True))
    changed = UNSET[fill_mode].apply(noise[:1], batch_of_one(**parameters))[0].numpy()
    assert_equals_keras(changed, noise[0], parameters, fill_mode)


@pytest.mark.parametrize("inside", ["eagerly", "inside tf.data"])
@pytest.mark.parametrize("fill_mode", FILL_MODES)
def test_drawn_parameters_give_the_pixels_keras_gives(noise, fill_mode, inside):
    augment = Augment(AugmentConfig(fill_mode=fill_mode, cval=CVAL, **EVERYTHING))
    seeds = [(7, step) for step in range(3)]
    if inside == "eagerly":
        batches = [augment(noise, seed).numpy() for seed in seeds]
    else:
        dataset = tf.data.Dataset.from_tensor_slices(np.array(seeds))
        batches = [
            batch.numpy() for batch in dataset.map(lambda seed: augment(tf.constant(noise), seed))
        ]
    for seed, batch in zip(seeds, batches, strict=True):
        parameters = augment.draw(seed, 8, (19, 14))
        for photo in range(8):
            assert_equals_keras(batch[photo], noise[photo], as_dict(parameters, photo), fill_mode)


@pytest.mark.parametrize(
    "parameters",
    [
        {"theta": 33.0},
        {"tx": -2.75},
        {"ty": 5.5},
        {"shear": 20.0},
        {"zx": 0.8},
        {"zy": 1.3},
        {"flip_horizontal": True},
        {"flip_vertical": True},
        {"channel_shift_intensity": -40.0},
    ],
    ids=lambda parameters: next(iter(parameters)),
)
def test_each_parameter_alone_gives_the_pixels_keras_gives(noise, parameters):
    changed = UNSET["nearest"].apply(noise[:1], batch_of_one(**parameters))[0].numpy()
    np.testing.assert_allclose(
        changed, keras_apply(noise[0], parameters, "nearest"), rtol=0, atol=0.01
    )


@pytest.mark.parametrize("factor", [0.0, 0.37, 1.0, 1.6, 4.0])
def test_brightness_is_bit_for_bit_that_of_keras(noise, factor):
    changed = UNSET["nearest"].apply(noise[:1], batch_of_one(brightness=factor))[0].numpy()
    np.testing.assert_array_equal(
        changed, keras_apply(noise[0], {"brightness": np.float32(factor).item()}, "nearest")
    )


def test_a_large_square_photo_is_as_exact_as_a_small_one():
    photo = np.random.default_rng(1).integers(0, 256, (512, 512, 3), np.uint8)
    parameters = {"theta": 20.0, "shear": 10.0, "zx": 0.9, "zy": 1.1}
    changed = UNSET["reflect"].apply(photo[None], batch_of_one(**parameters))[0].numpy()
    np.testing.assert_allclose(
        changed, keras_apply(photo, parameters, "reflect"), rtol=0, atol=0.03
    )
