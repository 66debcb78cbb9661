"""Lost photos: they are not trained on and not evaluated."""

import keras
import numpy as np
import pytest

from pawsight.config import AugmentConfig
from pawsight.data.reading.ingest import ingest
from pawsight.data.reading.store import PixelStore
from pawsight.data.reading.stream import PixelStream
from pawsight.pipeline.augment import Augment
from pawsight.pipeline.batches import LOST, epoch_batches, evaluation_batches, training_batches

INDICES, LABELS = np.arange(10), np.arange(10) % 2


@pytest.fixture
def losing(ten_pixels):
    """Ten photos, of which 3 and 4 can not be read any more and come out grey."""
    ten_pixels.lost = {3: "the file is no longer there", 4: "not a photo: HTML text"}
    ten_pixels.photos[[3, 4]] = 128
    return ten_pixels


def shown(dataset):
    """(photo, label) of each place in the batches; photo i is filled with the value i."""
    return [
        list(zip(images.numpy()[:, 0, 0, 0].astype(int), labels.numpy().tolist(), strict=True))
        for images, labels in dataset
    ]


def test_another_photo_of_the_batch_replaces_a_lost_one_and_has_no_weight(losing):
    dataset = training_batches(losing, INDICES, LABELS, 5, 0, None, 0, 4)
    batches = shown(dataset)
    assert sum(label == LOST for batch in batches for _, label in batch) == 4  # two an epoch
    for batch in batches:
        sound = {photo: label for photo, label in batch if label != LOST}
        assert sound == {photo: photo % 2 for photo in sound}
        assert {photo for photo, _ in batch} == sound.keys()  # and none is grey


def test_the_other_photos_stay_in_their_places(losing):
    with_lost = shown(training_batches(losing, INDICES, LABELS, 5, 0, None, 0, 4))
    losing.lost = {}
    losing.photos[[3, 4]] = np.array([3, 4])[:, None, None, None]
    without = shown(training_batches(losing, INDICES, LABELS, 5, 0, None, 0, 4))
    for batch, whole in zip(with_lost, without, strict=True):
        for place, expected in zip(batch, whole, strict=True):
            assert place == expected if expected[0] not in (3, 4) else place[1] == LOST


def test_plain_keras_gets_the_label_of_the_replacement(losing):
    for batch in shown(epoch_batches(losing, INDICES, LABELS, 5)):
        assert all(label == photo % 2 for photo, label in batch)
        assert not {3, 4, 128} & {photo for photo, _ in batch}


def test_a_batch_of_lost_photos_only_counts_nothing(ten_pixels):
    ten_pixels.lost = dict.fromkeys(range(10), "the file is no longer there")
    ((batch),) = shown(training_batches(ten_pixels, INDICES, LABELS, 4, 0, None, 0, 1))
    assert [label for _, label in batch] == [LOST] * 4


def test_evaluation_leaves_lost_photos_out(losing):
    batches = shown(evaluation_batches(losing, INDICES, LABELS, 4))
    assert [[photo for photo, _ in batch] for batch in batches] == [[0, 1, 2], [5, 6, 7], [8, 9]]
    assert all(label == photo % 2 for batch in batches for photo, label in batch)


def test_keras_trains_and_measures_with_lost_photos(losing):
    model = keras.Sequential(
        [keras.Input((6, 5, 3)), keras.layers.Flatten(), keras.layers.Dense(2)]
    )
    model.compile("sgd", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    model.fit(epoch_batches(losing, INDICES, LABELS, 5), epochs=2, shuffle=False, verbose=0)
    loss = model.evaluate(evaluation_batches(losing, INDICES, LABELS, 4), verbose=0)
    assert np.isfinite(loss)


@pytest.fixture
def store_and_stream(tmp_path, monkeypatch):
    """The same twelve drawn photos, of several formats and sizes, kept and decoded again."""
    from PIL import Image

    monkeypatch.setenv("PAWSIGHT_CACHE", str(tmp_path / "cache"))
    random = np.random.default_rng(0)
    for number in range(12):
        kind = ("jpg", "png", "webp", "tiff")[number % 4]
        folder = tmp_path / "photos" / ("cats", "dogs")[number % 2]
        folder.mkdir(parents=True, exist_ok=True)
        pixels = random.integers(0, 256, (40 + number, 60 - number, 3), np.uint8)
        Image.fromarray(pixels).resize((90, 70)).save(folder / f"{number}.{kind}")
    catalog, store = ingest(tmp_path / "photos", (24, 32))
    assert isinstance(store, PixelStore)
    paths = [photo.path for photo in catalog.photos]
    return catalog, store, PixelStream(catalog.root, paths, (24, 32), "stretch", memory_bytes=0)


def test_the_store_and_the_stream_feed_the_same_batches(store_and_stream):
    catalog, *both = store_and_stream
    indices, labels = catalog.usable, catalog.labels(catalog.usable)
    augment = Augment(AugmentConfig(rotation_range=10, horizontal_flip=True))
    stored, streamed = (
        list(training_batches(pixels, indices, labels, 5, 1, augment, 0, 12)) for pixels in both
    )
    for (images, truth), (others, same) in zip(stored, streamed, strict=True):
        np.testing.assert_array_equal(images, others)
        np.testing.assert_array_equal(truth, same)
    for (images, truth), (others, same) in zip(
        *(evaluation_batches(pixels, indices, labels, 5) for pixels in both), strict=True
    ):
        np.testing.assert_array_equal(images, others)
        np.testing.assert_array_equal(truth, same)


def test_a_photo_removed_between_two_steps_is_skipped_from_then_on(store_and_stream):
    catalog, _, stream = store_and_stream
    indices, labels = catalog.usable, catalog.labels(catalog.usable)
    batches = iter(training_batches(stream, indices, labels, 4, 1, None, 0, 30))
    next(batches)
    (catalog.root / catalog.photos[0].path).unlink()
    (catalog.root / catalog.photos[1].path).write_bytes(b"<html>")
    rest = [truth.numpy() for _, truth in batches]
    assert len(rest) == 29
    # Some batches were ready by then; of the last 24 steps, 8 epochs, each lost two photos.
    assert np.count_nonzero(np.concatenate(rest[-24:]) == LOST) == 16
    assert dict(stream.lost) == {0: "the file is no longer there", 1: "not a photo: HTML text"}
