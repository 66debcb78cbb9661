"""Photos brought to the size of a stage: where things land, what is averaged, what a step gets."""

from types import MappingProxyType

import numpy as np
import pytest
import tensorflow as tf

from pawsight.config import AugmentConfig
from pawsight.pipeline.augment import Augment, resized
from pawsight.pipeline.augment_schedule import ScheduledAugment, StepAugment
from pawsight.pipeline.augmentations import Parameters, draw
from pawsight.pipeline.batches import evaluation_batches, training_batches
from pawsight.pipeline.warp import halved


def ramp(height=16, width=16):
    """One photo whose value is 8 times the column plus 4, uint8 [1, H, W, 3]."""
    columns = (8 * np.arange(width) + 4).astype(np.uint8)
    return np.broadcast_to(columns[None, None, :, None], (1, height, width, 3)).copy()


def test_halving_averages_two_by_two_and_leaves_out_an_odd_edge():
    photo = np.arange(15, dtype=np.uint8).reshape(1, 3, 5, 1).repeat(3, axis=3)
    # Rows 0 and 1, columns 0..3: (0 + 1 + 5 + 6) / 4 and (2 + 3 + 7 + 8) / 4.
    np.testing.assert_array_equal(halved(tf.constant(photo))[0, :, :, 0], [[3, 5]])


def test_halving_rounds_bytes_and_keeps_fractions_of_floats():
    photo = np.array([[250, 255], [255, 255]], np.uint8)[None, ..., None].repeat(3, axis=3)
    assert halved(tf.constant(photo)).dtype == tf.uint8
    np.testing.assert_array_equal(halved(tf.constant(photo)), np.full((1, 1, 1, 3), 254))
    np.testing.assert_array_equal(
        halved(tf.constant(photo, tf.float32)), np.full((1, 1, 1, 3), 253.75)
    )


@pytest.mark.parametrize("side", [4, 8, 12])
def test_a_smaller_photo_shows_the_same_picture(side):
    small = resized(tf.constant(ramp()), (side, side)).numpy()
    assert small.shape == (1, side, side, 3)
    # The middle of column c of `side` is at (c + 0.5) * 16 / side - 0.5 of the photo's columns.
    middles = (np.arange(side) + 0.5) * 16 / side - 0.5
    np.testing.assert_allclose(small[0, 0, :, 0], 8 * middles + 4, atol=1e-3)


def test_a_stripe_of_single_pixels_becomes_grey_at_half_the_size():
    stripes = np.zeros((1, 16, 16, 3), np.uint8)
    stripes[:, :, ::2] = 200
    np.testing.assert_allclose(resized(tf.constant(stripes), (8, 8)), 100.0)


def test_photos_at_their_own_size_are_untouched():
    photo = np.random.default_rng(0).integers(0, 256, (2, 9, 7, 3), np.uint8)
    np.testing.assert_array_equal(resized(tf.constant(photo), (9, 7)), photo)


def test_a_shift_moves_the_same_part_of_the_picture_at_any_size():
    augment = Augment(AugmentConfig(fill_mode="nearest"))
    shift = Parameters(tx=tf.constant([4.0]))  # a quarter of the photo, to the left
    whole = augment.apply(tf.constant(ramp()), shift).numpy()
    small = augment.apply(tf.constant(ramp()), shift, (8, 8)).numpy()
    np.testing.assert_allclose(small[0, 0, :6, 0], whole[0, 0].reshape(8, 2, 3).mean(axis=1)[:6, 0])


def test_a_crop_lies_wholly_in_the_picture():
    config = AugmentConfig(crop_range=(0.1, 0.9), crop_stretch=2.0)
    drawn = draw(config, (3, 4), 500, (40, 40))
    for zoom, shift in ((drawn.zx.numpy(), drawn.tx.numpy()), (drawn.zy.numpy(), drawn.ty.numpy())):
        assert zoom.max() <= 1
        # From the middle, a crop reaches zoom * 20 pixels to each side.
        assert (np.abs(shift) + zoom * 20 <= 20 + 1e-4).all()
    area = drawn.zx.numpy() * drawn.zy.numpy()
    assert 0.09 < area.min() < 0.2
    assert 0.7 < area.max() < 0.91


def test_strength_stretches_what_is_added_and_raises_what_is_multiplied():
    config = AugmentConfig(rotation_range=10, zoom_range=(0.5, 0.9), horizontal_flip=True)
    plain, strong = (draw(config, (1, 2), 50, (8, 8), strength) for strength in (None, 2.0))
    np.testing.assert_allclose(strong.theta, 2 * plain.theta.numpy(), rtol=1e-6)
    np.testing.assert_allclose(strong.zx, plain.zx.numpy() ** 2, rtol=1e-5)
    np.testing.assert_array_equal(strong.flip_horizontal, plain.flip_horizontal)
    none = draw(config, (1, 2), 50, (8, 8), 0.0)
    np.testing.assert_allclose(none.theta, 0.0)
    np.testing.assert_allclose(none.zx, 1.0)


def test_a_grey_square_covers_its_share_and_nothing_else():
    augment = Augment(AugmentConfig(erase=0.5))
    photo = np.zeros((1, 16, 16, 3), np.uint8)
    square = Parameters(
        erase_x=tf.constant([0.5]), erase_y=tf.constant([0.25]), erase_side=tf.constant([0.5])
    )
    erased = augment.apply(tf.constant(photo), square).numpy()[0, :, :, 0]
    assert (erased[:8, 4:12] == 128).all()
    assert erased.sum() == 8 * 8 * 128


SCHEDULE = [StepAugment(0, 0.5), StepAugment(0, 1.0), StepAugment(1, 1.0), StepAugment(1, 2.0)]
SIZES = ((8, 6), (16, 12))


@pytest.fixture
def photos():
    class Noise:
        image_size = (16, 12)
        lost = MappingProxyType({})
        batches_at_once = 1
        images = np.random.default_rng(0).integers(0, 256, (10, 16, 12, 3), np.uint8)

        def read(self, indices):
            return self.images[indices]

    return Noise()


def batches(photos, start_step, num_steps, **options):
    return training_batches(
        photos,
        np.arange(10),
        np.arange(10) % 2,
        batch_size=4,
        seed=3,
        augment=Augment(AugmentConfig(rotation_range=20, horizontal_flip=True)),
        start_step=start_step,
        num_steps=num_steps,
        sizes=SIZES,
        schedule=lambda step: SCHEDULE[step],
        **options,
    )


def test_each_step_gets_its_size_and_is_the_same_wherever_the_stream_begins(photos):
    whole = [images.numpy() for images, _ in batches(photos, 0, 4)]
    assert [images.shape for images in whole] == [(4, 8, 6, 3)] * 2 + [(4, 16, 12, 3)] * 2
    for before, (images, _) in zip(whole[1:], batches(photos, 1, 3), strict=True):
        np.testing.assert_array_equal(before, images)


def test_a_device_augments_as_the_dataset_does(photos):
    scheduled = ScheduledAugment(
        3,
        Augment(AugmentConfig(rotation_range=20, horizontal_flip=True)),
        SIZES,
        SCHEDULE.__getitem__,
    )
    raw = batches(photos, 0, 4, is_raw=True)
    for step, ((kept, _), (images, _)) in enumerate(zip(raw, batches(photos, 0, 4), strict=True)):
        assert kept.dtype == tf.uint8
        np.testing.assert_allclose(scheduled.apply_eagerly(kept, step), images, atol=1e-3)


def test_evaluation_may_see_smaller_photos(photos):
    (images, labels), *rest = evaluation_batches(photos, np.arange(10), np.arange(10), 8, (8, 6))
    assert images.shape == (8, 8, 6, 3)
    np.testing.assert_allclose(images, resized(tf.constant(photos.images[:8]), (8, 6)))
    assert labels.numpy().tolist() == list(range(8))
    assert len(rest) == 1
