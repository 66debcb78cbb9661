from itertools import chain

import keras
import numpy as np
import pytest
import tensorflow as tf

from pawsight.config import AugmentConfig
from pawsight.errors import DataError, ShapeError
from pawsight.pipeline.augment import Augment
from pawsight.pipeline.batches import epoch_batches, evaluation_batches, order, training_batches

INDICES = np.arange(10)
LABELS = np.arange(10) % 2
SHAKE = Augment(AugmentConfig(channel_shift_range=5, width_shift_range=2, horizontal_flip=True))


def photos_in(dataset):
    """Which photos the batches hold; photo i is filled with the value i."""
    return [images.numpy()[:, 0, 0, 0].astype(int).tolist() for images, _ in dataset]


def joined(lists):
    return list(chain.from_iterable(lists))


def batches(pixels, start_step, num_steps, seed=3, augment=None, batch_size=4):
    return training_batches(
        pixels, INDICES, LABELS, batch_size, seed, augment, start_step, num_steps
    )


def test_batches_have_the_promised_types_and_static_shapes(ten_pixels):
    images, labels = batches(ten_pixels, 0, 1).element_spec
    assert (images.dtype, images.shape) == (tf.float32, (4, 6, 5, 3))
    assert (labels.dtype, labels.shape) == (tf.int32, (4,))


def test_each_epoch_shows_each_photo_once_although_batches_straddle_epochs(ten_pixels):
    stream = joined(photos_in(batches(ten_pixels, 0, 10)))
    for epoch in range(4):
        assert sorted(stream[10 * epoch : 10 * epoch + 10]) == list(range(10))


def test_each_epoch_has_the_order_of_its_own_number(ten_pixels):
    stream = joined(photos_in(batches(ten_pixels, 0, 5)))
    expected = [order(3, 0, 10).tolist(), order(3, 1, 10).tolist()]
    assert stream == joined(expected)
    assert expected[0] != expected[1]


def test_labels_stay_with_their_photos(ten_pixels):
    for images, labels in batches(ten_pixels, 0, 6):
        np.testing.assert_array_equal(images.numpy()[:, 0, 0, 0] % 2, labels.numpy())


def test_a_stream_that_starts_at_a_step_equals_the_one_that_came_there(ten_pixels):
    whole = list(batches(ten_pixels, 0, 9, augment=SHAKE))
    resumed = list(batches(ten_pixels, 5, 4, augment=SHAKE))
    for (images, labels), (later_images, later_labels) in zip(whole[5:], resumed, strict=True):
        np.testing.assert_array_equal(images, later_images)
        np.testing.assert_array_equal(labels, later_labels)


def test_another_seed_gives_another_stream(ten_pixels):
    assert photos_in(batches(ten_pixels, 0, 5)) != photos_in(batches(ten_pixels, 0, 5, seed=4))


def test_each_step_draws_its_own_augmentation(ten_pixels):
    shift = Augment(AugmentConfig(width_shift_range=2))
    drawn = [shift.draw((3, step), 4, (6, 5)).tx.numpy() for step in range(2)]
    assert not np.intersect1d(*drawn).size


def test_a_batch_may_be_larger_than_the_photos(ten_pixels):
    (photos,) = photos_in(batches(ten_pixels, 0, 1, batch_size=25))
    assert sorted(photos[:10]) == sorted(photos[10:20]) == list(range(10))
    assert len(set(photos[20:])) == 5


def test_only_the_given_photos_are_read_with_the_labels_given_for_them(ten_pixels):
    dataset = training_batches(
        ten_pixels, np.array([7, 2, 9]), np.array([0, 1, 2]), 3, 0, None, 0, 1
    )
    ((images, labels),) = dataset
    pairs = dict(zip(images.numpy()[:, 0, 0, 0].astype(int), labels.numpy(), strict=True))
    assert pairs == {7: 0, 2: 1, 9: 2}


def test_without_augmentation_pixels_arrive_as_they_are(ten_pixels):
    ten_pixels.photos[:] = np.random.default_rng(0).integers(0, 256, ten_pixels.photos.shape)
    ((images, _),) = batches(ten_pixels, 0, 1)
    np.testing.assert_array_equal(images, ten_pixels.photos[order(3, 0, 10)[:4]])


def test_a_change_of_the_arrays_after_the_call_changes_no_batch(ten_pixels):
    indices = INDICES.copy()
    dataset = training_batches(ten_pixels, indices, LABELS, 4, 3, None, 0, 3)
    before = photos_in(dataset)
    indices[:] = 0
    assert photos_in(dataset) == before


@pytest.mark.parametrize("make", [evaluation_batches, epoch_batches])
def test_no_photos_is_an_error(ten_pixels, make):
    with pytest.raises(DataError, match="no photos"):
        make(ten_pixels, INDICES[:0], LABELS[:0], 4)


@pytest.mark.parametrize("make", [evaluation_batches, epoch_batches])
def test_labels_of_another_length_are_an_error(ten_pixels, make):
    with pytest.raises(ShapeError, match="10 photos but 9 labels"):
        make(ten_pixels, INDICES, LABELS[:9], 4)


def test_evaluation_goes_once_through_the_photos_in_order(ten_pixels):
    dataset = evaluation_batches(ten_pixels, INDICES[::-1], LABELS, 4)
    assert photos_in(dataset) == [[9, 8, 7, 6], [5, 4, 3, 2], [1, 0]]
    assert [labels.numpy().tolist() for _, labels in dataset][2] == [0, 1]
    assert dataset.cardinality() == 3


def test_a_partial_last_batch_does_not_trace_a_compiled_function_again(ten_pixels):
    traces = []

    @tf.function
    def total(images):
        traces.append(images.shape)
        return tf.reduce_sum(images)

    def each(images, labels):
        return total(images)

    sums = [value.numpy() for value in evaluation_batches(ten_pixels, INDICES, LABELS, 4).map(each)]
    assert len(traces) == 1
    assert sum(sums) == 45 * 6 * 5 * 3


def test_each_iteration_of_epoch_batches_is_the_next_epoch_of_the_stream(ten_pixels):
    dataset = epoch_batches(ten_pixels, INDICES[:8], LABELS[:8], 4, seed=3)
    stream = training_batches(ten_pixels, INDICES[:8], LABELS[:8], 4, 3, None, 0, 6)
    assert dataset.cardinality() == 2
    assert photos_in(dataset) + photos_in(dataset) + photos_in(dataset) == photos_in(stream)


def test_keras_fits_epoch_batches_and_sees_a_new_order_each_epoch(ten_pixels):
    model = keras.Sequential(
        [keras.Input((6, 5, 3)), keras.layers.Flatten(), keras.layers.Dense(2)]
    )
    model.compile("sgd", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    dataset = epoch_batches(ten_pixels, INDICES[:8], LABELS[:8], 4, seed=3, augment=SHAKE)
    history = model.fit(dataset, epochs=3, shuffle=False, verbose=0)
    assert len(history.history["loss"]) == 3
    assert joined(ten_pixels.reads) == joined(order(3, epoch, 8) for epoch in range(3))
