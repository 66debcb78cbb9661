import logging

import numpy as np
import pytest
import tensorflow as tf

from pawsight.config import AugmentConfig
from pawsight.pipeline import augment as augment_module
from pawsight.pipeline.augment import Augment, Parameters, _Scaling
from pawsight.pipeline.warp import IDENTITY

SIZE = (100, 50)


def drawn(name, **settings):
    """Ten thousand draws of one parameter for photos 100 high and 50 wide."""
    return getattr(Augment(AugmentConfig(**settings)).draw((1, 2), 10_000, SIZE), name).numpy()


@pytest.mark.parametrize(
    ("name", "settings", "low", "high"),
    [
        ("theta", {"rotation_range": 30}, -30, 30),
        ("tx", {"width_shift_range": 0.2}, -10, 10),  # 0.2 of 50 pixels
        ("ty", {"height_shift_range": 0.2}, -20, 20),  # 0.2 of 100 pixels
        ("tx", {"width_shift_range": 3}, -3, 3),
        ("ty", {"height_shift_range": (-4, 12)}, -4, 12),
        ("ty", {"height_shift_range": (-0.1, 0.3)}, -10, 30),
        ("shear", {"shear_range": 0.2}, -0.2, 0.2),
        ("zx", {"zoom_range": 0.2}, 0.8, 1.2),
        ("zy", {"zoom_range": (0.5, 3)}, 0.5, 3),
        ("channel_shift_intensity", {"channel_shift_range": 40}, -40, 40),
        ("brightness", {"brightness_range": (0.2, 1.6)}, 0.2, 1.6),
    ],
)
def test_draws_fill_the_documented_range_evenly(name, settings, low, high):
    values = drawn(name, **settings)
    width = high - low
    assert low <= values.min() < low + 0.01 * width
    assert high - 0.01 * width < values.max() <= high
    # Ten thousand even draws: each tenth holds 1000, with a standard deviation of 30.
    counts, _ = np.histogram(values, bins=10, range=(low, high))
    assert abs(counts - 1000).max() < 150


@pytest.mark.parametrize("name", ["horizontal_flip", "vertical_flip"])
def test_half_of_the_photos_are_flipped(name):
    field = f"flip_{name.removesuffix('_flip')}"
    assert drawn(field, **{name: True}).mean() == pytest.approx(0.5, abs=0.025)


def test_the_two_zooms_are_drawn_independently():
    zooms = Augment(AugmentConfig(zoom_range=0.2)).draw((1, 2), 10_000, SIZE)
    assert abs(np.corrcoef(zooms.zx, zooms.zy)[0, 1]) < 0.05


def test_what_is_not_configured_is_not_drawn():
    parameters = Augment(AugmentConfig(shear_range=5)).draw((1, 2), 4, SIZE)
    assert [name for name, value in parameters._asdict().items() if value is not None] == ["shear"]


def test_nothing_configured_is_a_plain_cast(noise):
    changed = Augment(AugmentConfig())(noise, (0, 0))
    assert changed.dtype == tf.float32
    np.testing.assert_array_equal(changed, noise)


def test_equal_seeds_draw_equal_parameters_and_others_do_not():
    augment = Augment(AugmentConfig(rotation_range=30))
    first, again, next_step, other_run = (
        augment.draw(seed, 8, SIZE).theta.numpy() for seed in [(1, 2), (1, 2), (1, 3), (2, 2)]
    )
    np.testing.assert_array_equal(first, again)
    assert not np.isin(first, next_step).any()
    assert not np.isin(first, other_run).any()


def test_switching_on_one_setting_changes_no_other_draw():
    alone = Augment(AugmentConfig(rotation_range=30)).draw((1, 2), 8, SIZE)
    both = Augment(AugmentConfig(rotation_range=30, zoom_range=0.2)).draw((1, 2), 8, SIZE)
    np.testing.assert_array_equal(alone.theta, both.theta)


def test_height_shift_moves_content_up_and_width_shift_moves_it_left():
    photo = np.zeros((1, 9, 9, 3), np.uint8)
    photo[0, 4, 4] = 200
    augment = Augment(AugmentConfig(fill_mode="constant"))
    up = augment.apply(photo, Parameters(ty=tf.constant([1.0])))
    left = augment.apply(photo, Parameters(tx=tf.constant([2.0])))
    assert np.argwhere(up.numpy()[0, :, :, 0]).tolist() == [[3, 4]]
    assert np.argwhere(left.numpy()[0, :, :, 0]).tolist() == [[4, 2]]


def test_flips_mirror_only_the_photos_drawn(noise):
    flips = Parameters(
        flip_horizontal=tf.constant([True, False]), flip_vertical=tf.constant([False, True])
    )
    changed = Augment(AugmentConfig()).apply(noise[:2], flips).numpy()
    np.testing.assert_array_equal(changed[0], noise[0, :, ::-1])
    np.testing.assert_array_equal(changed[1], noise[1, ::-1])


def test_the_channel_shift_stays_within_the_range_of_the_photo():
    photo = np.zeros((1, 4, 4, 3), np.uint8)
    photo[0, 0] = 100
    shifts = Parameters(channel_shift_intensity=tf.constant([30.0]))
    changed = Augment(AugmentConfig()).apply(photo, shifts).numpy()
    assert set(np.unique(changed)) == {30.0, 100.0}


def test_a_flat_photo_keeps_its_colour_through_any_warp():
    photo = np.full((4, 33, 33, 3), 37, np.uint8)
    augment = Augment(AugmentConfig(rotation_range=90, zoom_range=0.5, brightness_range=(1, 1)))
    np.testing.assert_array_equal(augment(photo, (5, 6)), photo)


def test_float_photos_are_taken_as_well(noise):
    augment = Augment(AugmentConfig(rotation_range=30, channel_shift_range=9))
    np.testing.assert_array_equal(augment(noise, (1, 1)), augment(noise.astype(np.float32), (1, 1)))


def test_without_xla_the_same_pixels_come_out_and_the_log_reports_it(noise, monkeypatch, caplog):
    config = AugmentConfig(rotation_range=30, zoom_range=0.2, fill_mode="reflect")
    expected = Augment(config)(noise, (1, 1))

    def refuse(*args, jit_compile=None, **kwargs):
        if jit_compile:
            raise ValueError("no XLA in this build")
        return compile_function(*args, **kwargs)

    compile_function = tf.function
    monkeypatch.setattr(tf, "function", refuse)
    for kept in (augment_module._has_xla, augment_module._compiled):
        kept.cache_clear()
    with caplog.at_level(logging.WARNING):
        photos = tf.data.Dataset.from_tensors(noise)
        (plain,) = photos.map(lambda images: Augment(config)(images, (1, 1)))
    for kept in (augment_module._has_xla, augment_module._compiled):
        kept.cache_clear()
    assert "no XLA in this build" in caplog.text
    np.testing.assert_allclose(plain, expected, rtol=0, atol=0.01)


def test_a_dataset_of_unknown_batch_size_can_be_augmented(noise):
    augment = Augment(AugmentConfig(width_shift_range=0.3, horizontal_flip=True))
    dataset = tf.data.Dataset.from_tensor_slices(noise).batch(5)
    sizes = [len(batch) for batch in dataset.map(lambda images: augment(images, (1, 1)))]
    assert sizes == [5, 3]


@pytest.mark.parametrize(
    ("photo_size", "size", "num_halvings", "expected"),
    [
        # Pixel c of a result lies at (c + 0.5) * scale - 0.5 of the photo; halved, at half of that.
        ((64, 64), (64, 64), 0, IDENTITY),
        ((100, 60), (50, 30), 1, IDENTITY),
        ((400, 400), (100, 100), 2, IDENTITY),
        ((90, 60), (60, 30), 0, (2, 0, 0.5, 0, 1.5, 0.25)),
        ((30, 30), (60, 60), 0, (0.5, 0, -0.25, 0, 0.5, -0.25)),
        ((49, 50), (30, 30), 0, (5 / 3, 0, 1 / 3, 0, 49 / 30, 19 / 60)),  # one side is below 5 / 3
        ((8, 8), (1, 1), 2, (2, 0, 0.5, 0, 2, 0.5)),  # below 4 pixels nothing is halved
        ((200, 100), (50, 50), 1, (1, 0, 0, 0, 2, 0.5)),
    ],
)
def test_results_of_another_size_are_taken_from_halved_photos(
    photo_size, size, num_halvings, expected
):
    scaling = _Scaling(photo_size, size)
    assert scaling.num_halvings == num_halvings
    found = [float(value) for value in scaling.around(IDENTITY)]
    assert found == pytest.approx([float(value) for value in expected])
