"""Keras' own legacy class is the reference: same seed, same batches."""

import inspect

import numpy as np
import pytest

from pawsight.compat import ImageDataGenerator, transforms

FILL_MODES = ["nearest", "constant", "reflect", "wrap"]
FULL = {
    "theta": 30.0,
    "tx": 2.5,
    "ty": -3.0,
    "shear": 20.0,
    "zx": 0.8,
    "zy": 1.3,
    "flip_horizontal": True,
    "flip_vertical": True,
    "channel_shift_intensity": 25.0,
    "brightness": 0.7,
}
SETTINGS = {
    "the script": {
        "rescale": 1 / 255,
        "shear_range": 0.2,
        "zoom_range": 0.2,
        "horizontal_flip": True,
    },
    "rotation": {"rotation_range": 40},
    "shifts by shares": {"width_shift_range": 0.3, "height_shift_range": 0.2},
    "shifts by pixels": {"width_shift_range": 4.5, "height_shift_range": 3},
    "shifts from lists": {"width_shift_range": [-3, 0, 5], "height_shift_range": [0.1, 0.25]},
    "shifts from lists of zeros": {"width_shift_range": [0, 0], "height_shift_range": [0]},
    "zoom pair": {"zoom_range": (0.7, 1.4)},
    "channel shift": {"channel_shift_range": 60.0, "vertical_flip": True},
    "constant": {"rotation_range": 40, "fill_mode": "constant", "cval": 99.0},
    "reflect": {"rotation_range": 40, "fill_mode": "reflect"},
    "centred photos": {"samplewise_center": True, "samplewise_std_normalization": True},
    "nearest pixels": {"rotation_range": 40, "interpolation_order": 0},
    "splines": {"rotation_range": 40, "interpolation_order": 3},
    "float64": {"rotation_range": 40, "dtype": "float64"},
    "function": {"preprocessing_function": lambda photo: photo / 2 - 7, "shear_range": 30},
}


@pytest.mark.parametrize("name", SETTINGS)
def test_same_seed_gives_the_batches_keras_gives(name, make_generator, keras_generator, photos):
    settings, labels = SETTINGS[name], np.arange(6)
    ours = make_generator(**settings).flow(photos, labels, batch_size=4, seed=5)
    theirs = keras_generator(**settings).flow(photos, labels, batch_size=4, seed=5)
    for _ in range(4):
        (batch, answers), (expected, expected_answers) = next(ours), next(theirs)
        np.testing.assert_array_equal(answers, expected_answers)
        assert batch.dtype == expected.dtype
        np.testing.assert_allclose(batch, expected, rtol=1e-4, atol=0.02)


def test_brightness_is_within_one_step_of_keras(make_generator, keras_generator, photos):
    settings = {"brightness_range": (0.4, 1.6), "zoom_range": 0.3}
    batch = next(make_generator(**settings).flow(photos, seed=2))
    expected = next(keras_generator(**settings).flow(photos, seed=2))
    # Rounded down before and after: what is next to a whole number may fall to either side.
    assert np.abs(batch - expected).max() <= 1 + 1.6
    assert np.mean(batch != expected) < 0.01


@pytest.mark.parametrize("order", [0, 1, 3])
@pytest.mark.parametrize("fill_mode", FILL_MODES)
@pytest.mark.parametrize("data_format", ["channels_last", "channels_first"])
def test_apply_transform_is_that_of_keras(
    order, fill_mode, data_format, make_generator, keras_generator, photos
):
    photo = photos[0, :, :17]
    parameters = dict(FULL)
    if data_format == "channels_first":
        photo = np.moveaxis(photo, 2, 0)
        del parameters["brightness"]  # Keras mixes up the axes there
    settings = {
        "fill_mode": fill_mode,
        "cval": 50.0,
        "interpolation_order": order,
        "data_format": data_format,
    }
    changed = make_generator(**settings).apply_transform(photo, parameters)
    expected = keras_generator(**settings).apply_transform(photo, parameters)
    np.testing.assert_allclose(changed, expected, rtol=0, atol=1e-4)


@pytest.mark.parametrize("channels", [1, 4])
def test_photos_of_other_channels_are_changed_as_in_keras(
    channels, make_generator, keras_generator, photos
):
    some = np.concatenate([photos, photos], axis=3)[..., :channels]
    settings = {"rotation_range": 30, "brightness_range": (0.5, 1.5)}
    batch = next(make_generator(**settings).flow(some, seed=1))
    expected = next(keras_generator(**settings).flow(some, seed=1))
    np.testing.assert_allclose(batch, expected, rtol=0, atol=1e-4)


def test_brightness_of_photos_outside_of_0_to_255_is_that_of_keras(
    make_generator, keras_generator, photos
):
    settings = {"brightness_range": (0.5, 1.5)}
    batch = next(make_generator(**settings).flow(photos * 2 - 100, seed=1))
    expected = next(keras_generator(**settings).flow(photos * 2 - 100, seed=1))
    np.testing.assert_allclose(batch, expected, rtol=0, atol=1e-3)


def test_draws_are_those_of_keras(make_generator, keras_generator):
    settings = {
        "rotation_range": 20,
        "width_shift_range": 0.2,
        "height_shift_range": [1, 4],
        "shear_range": 5,
        "zoom_range": 0.4,
        "channel_shift_range": 9,
        "brightness_range": (0.5, 2),
        "horizontal_flip": True,
        "vertical_flip": True,
    }
    ours, theirs = make_generator(**settings), keras_generator(**settings)
    for seed in range(20):
        drawn = ours.get_random_transform((30, 40, 3), seed=seed)
        assert drawn == theirs.get_random_transform((30, 40, 3), seed=seed)


@pytest.mark.parametrize("augment", [False, True])
def test_fit_learns_what_keras_learns(augment, make_generator, keras_generator, photos):
    settings = {
        "featurewise_center": True,
        "featurewise_std_normalization": True,
        "rescale": 1 / 255,
        "rotation_range": 10,
    }
    ours, theirs = make_generator(**settings), keras_generator(**settings)
    for generator in (ours, theirs):
        generator.fit(photos, augment=augment, rounds=2, seed=3)
    np.testing.assert_allclose(ours.mean, theirs.mean, rtol=1e-5)
    np.testing.assert_allclose(ours.std, theirs.std, rtol=1e-5)
    batch, expected = next(ours.flow(photos, seed=1)), next(theirs.flow(photos, seed=1))
    np.testing.assert_allclose(batch, expected, rtol=1e-3, atol=1e-3)


def test_whitening_is_that_of_keras(make_generator, keras_generator, photos):
    small = photos[:, :4, :4] / 255
    settings = {"zca_whitening": True, "featurewise_center": True, "zca_epsilon": 0.1}
    ours, theirs = make_generator(**settings), keras_generator(**settings)
    for generator in (ours, theirs):
        generator.fit(small)
    np.testing.assert_allclose(
        ours.standardize(small[0].copy()), theirs.standardize(small[0].copy()), atol=1e-4
    )


@pytest.mark.parametrize(
    "options",
    [
        {"class_mode": "binary"},
        {"class_mode": "categorical", "shuffle": False},
        {"class_mode": "sparse", "interpolation": "bilinear", "keep_aspect_ratio": True},
        {"class_mode": "input", "color_mode": "grayscale"},
        {"class_mode": "binary", "classes": ["dogs", "cats"], "subset": "training"},
        {"class_mode": "binary", "subset": "validation"},
    ],
)
def test_folders_are_read_as_keras_reads_them(
    options, make_generator, keras_generator, photo_folder
):
    settings = {"rotation_range": 20, "validation_split": 0.3}
    ours, theirs = (
        make(**settings).flow_from_directory(
            photo_folder, target_size=(16, 20), batch_size=4, seed=1, **options
        )
        for make in (make_generator, keras_generator)
    )
    assert ours.filenames == theirs.filenames
    assert ours.class_indices == theirs.class_indices
    assert (ours.samples, ours.n, len(ours)) == (theirs.samples, theirs.n, len(theirs))
    np.testing.assert_array_equal(ours.classes, theirs.classes)
    assert ours.image_shape == theirs.image_shape
    for index in range(len(ours)):
        (batch, answers), (expected, expected_answers) = ours[index], theirs[index]
        np.testing.assert_allclose(batch, expected, rtol=0, atol=0.02)
        np.testing.assert_allclose(answers, expected_answers, rtol=0, atol=0.02)


@pytest.mark.parametrize(
    "name",
    [
        "__init__",
        "flow",
        "flow_from_directory",
        "standardize",
        "get_random_transform",
        "apply_transform",
        "random_transform",
        "fit",
    ],
)
def test_arguments_are_those_of_keras(name, make_generator, keras_generator):
    ours, theirs = (
        [
            (one.name, one.default)
            for one in inspect.signature(getattr(made, name)).parameters.values()
        ]
        for made in (make_generator, keras_generator)
    )
    assert ours == theirs


def test_a_subclass_may_change_photos_in_its_own_way(make_generator, photos):
    class Inverting(make_generator):
        def apply_transform(self, x, transform_parameters):
            return 255 - x

    np.testing.assert_array_equal(next(Inverting().flow(photos, shuffle=False)), 255 - photos)


def test_still_parameters_move_nothing():
    assert not transforms.moves_pixels(transforms.IDENTITY)


def test_weights_are_divided_with_the_photos():
    photos = np.arange(4, dtype=np.float32)[:, None, None, None] * np.ones((4, 2, 2, 3), np.float32)
    flow = ImageDataGenerator(validation_split=0.5).flow(
        photos, [0, 1, 0, 1], sample_weight=[0, 1, 2, 3], shuffle=False, subset="training"
    )
    images, _, weights = next(flow)
    assert images[:, 0, 0, 0].tolist() == weights.tolist() == [2, 3]
