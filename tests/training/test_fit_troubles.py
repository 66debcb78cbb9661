"""Training on uneven classes, on photos that go bad, and on a store that is cut short."""

import os

import numpy as np
import pytest
from PIL import Image

from pawsight.config import TrainConfig
from pawsight.data.catalog import Catalog
from pawsight.data.decoding.analysis import ROW
from pawsight.data.reading.store import PixelStore, row_of
from pawsight.data.reading.stream import PixelStream
from pawsight.data.reading.unreadable import LostPhotosReported, lost_rows
from pawsight.errors import DataError, DiskError, StoppedError
from pawsight.progress import Silent
from pawsight.records import Photo
from pawsight.runs import Run
from pawsight.training import planning
from pawsight.training.learner import Learner
from pawsight.training.photos import Subset
from pawsight.training.precision import Precision
from pawsight.training.trainer import Trainer

pytestmark = pytest.mark.usefixtures("small_swift")

SIZE = (24, 24)


class RecordingProgress(Silent):
    """Keeps the notes, and does something after a number of steps."""

    def __init__(self, after=0, do=None):
        self.notes, self.left, self.do = [], after, do

    def note(self, text):
        self.notes.append(text)

    def advance(self, done, **facts):
        if done and "loss" in facts:
            self.left -= 1
            if self.left == 0:
                self.do()


@pytest.fixture
def photos(tmp_path):
    """A catalog of 60 saved squares; one in three is of class 1 and has a bright upper half."""
    random = np.random.default_rng(0)
    rows = []
    for number in range(60):
        label = int(number % 3 == 0)
        pixels = random.integers(0, 160, (*SIZE, 3), np.uint8)
        pixels[:12] += np.uint8(90 * label)
        path = f"{('dark', 'light')[label]}/{number:02}.png"
        (tmp_path / "photos" / path).parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels).save(tmp_path / "photos" / path)
        rows.append(Photo(path, path.partition("/")[0]))
    return Catalog("squares", tmp_path / "photos", tuple(rows))


def stream_of(catalog):
    paths = [photo.path for photo in catalog.photos]
    return PixelStream(catalog.root, paths, SIZE, "stretch", memory_bytes=0)


def trainer_of(catalog, pixels, epochs=3, **settings):
    labels = catalog.labels(catalog.usable)
    train, validation = (Subset(i, labels[i]) for i in np.split(np.arange(60), [48]))
    config = TrainConfig(model="swift", image_size=SIZE, epochs=epochs, **settings)
    num_per_class = np.bincount(train.labels).tolist()
    precision = Precision("float32", "for a test")
    plan = planning.plan(config, catalog.class_names, 48, 12, precision, num_per_class)
    return Trainer(Learner(plan, pixels, train, validation), plan)


@pytest.mark.slow
def test_uneven_classes_are_weighted_and_their_balanced_accuracy_is_kept(photos, tmp_path):
    trainer = trainer_of(photos, stream_of(photos))
    assert trainer.plan.class_weights == (0.75, 1.5)  # 48 / (2 * 32) and 48 / (2 * 16)
    for row in trainer.fit(Run(tmp_path / "run"), Silent()):
        # Eight dark and four light photos are validated on.
        right = row.validation_accuracy * 12
        possible = [
            (dark / 8 + light / 4) / 2
            for dark in range(9)
            for light in range(5)
            if dark + light == round(right)
        ]
        assert any(row.validation_balanced_accuracy == pytest.approx(one) for one in possible)


@pytest.mark.slow
def test_a_weighted_run_that_is_resumed_ends_with_the_bits_of_one_that_was_not(photos, tmp_path):
    whole = trainer_of(photos, stream_of(photos))
    rows = whole.fit(Run(tmp_path / "whole"), Silent())
    stopped = trainer_of(photos, stream_of(photos))
    with pytest.raises(StoppedError):
        stopped.fit(Run(tmp_path / "run"), RecordingProgress(4, lambda: os.kill(os.getpid(), 2)))
    resumed = trainer_of(photos, stream_of(photos))
    again = resumed.fit(Run(tmp_path / "run"), Silent())
    for one, other in zip(
        whole.learner.model.get_weights(), resumed.learner.model.get_weights(), strict=True
    ):
        np.testing.assert_array_equal(one, other)
    assert [row.validation_balanced_accuracy for row in rows] == [
        row.validation_balanced_accuracy for row in again
    ]


@pytest.mark.slow
def test_training_continues_when_photos_vanish_or_break_and_reports_which(photos, tmp_path):
    stream = stream_of(photos)

    def harm():
        (photos.root / photos.photos[0].path).unlink()
        (photos.root / photos.photos[1].path).write_bytes(b"<html>")
        data = (photos.root / photos.photos[50].path).read_bytes()
        (photos.root / photos.photos[50].path).write_bytes(data[: len(data) // 2])

    recorded = RecordingProgress(2, harm)
    trainer = trainer_of(photos, stream, epochs=4)
    rows = trainer.fit(Run(tmp_path / "run"), LostPhotosReported(recorded, photos, stream))
    assert rows[-1].step == trainer.plan.num_steps
    assert all(np.isfinite(row.train_loss) for row in rows)
    lost = lost_rows(stream, photos)
    assert [one["path"] for one in lost] == [photos.photos[i].path for i in (0, 1, 50)]
    assert lost[1]["problem"] == "not a photo: HTML text"
    for one in lost:
        said = f"{one['path']} can no longer be read and is skipped: {one['problem']}"
        assert recorded.notes.count(said) == 1
    assert rows[-1].validation_accuracy * 11 == pytest.approx(
        round(rows[-1].validation_accuracy * 11)
    )


@pytest.mark.slow
def test_training_stops_with_advice_when_most_photos_are_gone(photos, tmp_path):
    run = Run(tmp_path / "run")

    def unplug():
        photos.root.rename(tmp_path / "elsewhere")

    trainer = trainer_of(photos, stream_of(photos), epochs=20)
    with pytest.raises(
        DataError, match=r"(?s)of 48 photos can no longer be read.*no longer there.*pawsight resume"
    ):
        trainer.fit(run, RecordingProgress(7, unplug))
    (tmp_path / "elsewhere").rename(photos.root)
    resumed = trainer_of(photos, stream_of(photos), epochs=20)
    assert resumed._resume(run, Silent()) >= 6  # from the end of the first epoch


def test_a_store_that_is_cut_short_in_mid_training_ends_with_plain_words(photos, tmp_path):
    images = stream_of(photos).read(photos.usable)
    rows = (row_of(image.tobytes(), bytes(ROW.itemsize)) for image in images)
    (tmp_path / "pixels.u8").write_bytes(b"".join(rows))
    store = PixelStore(tmp_path / "pixels.u8", SIZE, np.arange(60), stream_of(photos))
    trainer = trainer_of(photos, store, epochs=20)
    with pytest.raises(DiskError, match=r"pixels\.u8 cannot be read: the file is shorter"):
        trainer.fit(
            Run(tmp_path / "run"),
            RecordingProgress(2, lambda: os.truncate(tmp_path / "pixels.u8", 999)),
        )


def test_many_lost_photos_are_counted_in_the_report(photos):
    stream, recorded = stream_of(photos), RecordingProgress()
    progress = LostPhotosReported(recorded, photos, stream)
    for photo in photos.photos[:25]:
        (photos.root / photo.path).unlink()
    stream.read(np.arange(25))
    progress.advance(25)
    assert len(recorded.notes) == 11
    assert recorded.notes[-1] == "20 photos can no longer be read and are skipped."
    progress.advance(1)
    assert len(recorded.notes) == 11
