"""Pixels that are decoded when they are read, kept in memory, and resized."""

import logging
import pickle
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from pawsight.data.catalog import Catalog
from pawsight.data.decoding.analysis import ROW
from pawsight.data.reading import stream as stream_module
from pawsight.data.reading.resized import ResizedPixels, at_size, opener
from pawsight.data.reading.stream import PixelStream, is_lost
from pawsight.data.reading.unreadable import LostPhotosLogged, LostPhotosReported, lost_rows
from pawsight.errors import DataError
from pawsight.records import Photo

SIZE = (6, 8)
BYTES = 6 * 8 * 3


@pytest.fixture
def folder(tmp_path):
    for number in range(5):
        Image.new("RGB", (8, 6), (number, 50, 200)).save(tmp_path / f"{number}.png")
    return tmp_path


def stream_of(folder, **options):
    return PixelStream(folder, [f"{i}.png" for i in range(5)], SIZE, "stretch", **options)


@pytest.fixture
def decoded(monkeypatch):
    """The files that are read, by name."""
    names, read = [], stream_module.read_photo

    def reading(path, was_listed):
        names.append(Path(path).name)
        return read(path, was_listed=was_listed)

    monkeypatch.setattr(stream_module, "read_photo", reading)
    return names


def test_photos_come_in_the_order_of_their_indices(folder):
    found = stream_of(folder).read(np.array([3, 0, 3]))
    assert found.shape == (3, 6, 8, 3)
    assert found[:, 0, 0].tolist() == [[3, 50, 200], [0, 50, 200], [3, 50, 200]]


@pytest.mark.parametrize(("memory", "num_kept"), [(0, 0), (2 * BYTES, 2), (3 * BYTES - 1, 2)])
def test_as_many_photos_are_kept_as_fit_the_memory(folder, decoded, memory, num_kept):
    pixels = stream_of(folder, memory_bytes=memory)
    for index in (0, 1, 2, 0, 1, 2):
        pixels.read(np.array([index]))
    assert len(decoded) == 6 - num_kept


def test_an_eighth_of_the_memory_is_used(folder, decoded, monkeypatch):
    monkeypatch.setattr(stream_module.machine, "memory", lambda: 8 * BYTES)
    pixels = stream_of(folder)
    for index in (0, 1, 0, 1):
        pixels.read(np.array([index]))
    assert len(decoded) == 3
    monkeypatch.setattr(stream_module.machine, "memory", lambda: None)
    unknown = stream_of(folder)
    for _ in range(2):
        unknown.read(np.array([0]))
    assert len(decoded) == 5


def test_what_is_compared_of_photos_is_kept_in_an_eighth_of_that(folder, decoded):
    pixels = stream_of(folder, memory_bytes=8 * ROW.itemsize)
    first = pixels.analysis(np.array([1, 1]))
    assert first.dtype == ROW and first[0].tobytes() == first[1].tobytes()
    before = len(decoded)
    assert pixels.analysis(np.array([1])).tobytes() == first[0].tobytes()
    assert len(decoded) == before
    pixels.analysis(np.array([2]))
    pixels.analysis(np.array([2]))
    assert len(decoded) == before + 2  # one fits


def test_a_photo_that_is_gone_is_grey_and_stays_lost(folder, decoded):
    (folder / "2.png").unlink()
    pixels = stream_of(folder)
    assert not is_lost(pixels, np.arange(3)).any()
    found = pixels.read(np.array([1, 2]))
    assert set(found[1].ravel().tolist()) == {128}
    assert is_lost(pixels, np.array([2, 1, 0, 2])).tolist() == [True, False, False, True]
    assert pixels.lost == {2: "the file is no longer there"}
    Image.new("RGB", SIZE).save(folder / "2.png")
    count = len(decoded)
    pixels.read(np.array([2]))
    assert len(decoded) == count  # not tried again


def test_memory_that_runs_out_loses_the_photo(folder, monkeypatch):
    def fail(*_, **__):
        raise MemoryError

    monkeypatch.setattr(stream_module, "load_pixels", fail)
    pixels = stream_of(folder)
    pixels.read(np.array([0]))
    assert pixels.lost == {0: "needs more memory than there is"}


def test_a_photo_without_pixels_cannot_be_read(folder):
    pixels = PixelStream(folder, ["0.png", ""], SIZE, "stretch")
    for read in (pixels.read, pixels.analysis):
        with pytest.raises(DataError, match="could not be read at ingest"):
            read(np.array([0, 1]))


def test_photos_are_opened_elsewhere_as_they_are_here(folder):
    pixels = stream_of(folder)
    for given, size in ((pixels, SIZE), (at_size(pixels, (3, 4)), (3, 4))):
        elsewhere = pickle.loads(pickle.dumps(opener(given, np.array([4, 2]))))()
        assert elsewhere.image_size == size
        np.testing.assert_array_equal(
            elsewhere.read(np.array([1, 0])), given.read(np.array([2, 4]))
        )
    assert opener(ResizedPixels(object(), (3, 4)), np.array([0])) is None


def test_pixels_of_the_same_size_are_left_as_they_are(folder):
    pixels = stream_of(folder)
    assert at_size(pixels, (6, 8)) is pixels
    smaller = at_size(pixels, (3, 4))
    assert smaller.read(np.array([1])).shape == (1, 3, 4, 3)
    assert smaller.read(np.array([1]))[0, 0, 0].tolist() == [1, 50, 200]
    assert (smaller.lost, smaller.batches_at_once) == (pixels.lost, 2)
    assert smaller.analysis(np.array([1])).tobytes() == pixels.analysis(np.array([1])).tobytes()


class Lost:
    """Pixels of which so many are lost."""

    image_size, batches_at_once = SIZE, 2

    def __init__(self, count):
        self.lost = dict.fromkeys(reversed(range(count)), "gone")

    def read(self, indices):
        return "images"

    def analysis(self, indices):
        return "rows"


CATALOG = Catalog("pets", Path("/pets"), tuple(Photo(f"{i}.jpg") for i in range(250)), 0)


def test_ten_lost_photos_are_named_and_then_round_numbers(recorded):
    lost = Lost(120)
    progress = LostPhotosReported(recorded, CATALOG, lost)
    progress.advance(1)
    assert recorded.notes[0] == "119.jpg can no longer be read and is skipped: gone"
    assert recorded.notes[9] == "110.jpg can no longer be read and is skipped: gone"
    assert recorded.notes[10:] == [
        f"{number} photos can no longer be read and are skipped."
        for number in (20, 30, 40, 50, 60, 70, 80, 90, 100)
    ]
    progress.advance(1)
    assert len(recorded.notes) == 19
    lost.lost |= {200: "gone"}
    progress.advance(1)
    assert len(recorded.notes) == 19  # the 121st
    progress.note("another")
    assert recorded.notes[-1] == "another"


def test_lost_photos_are_logged_once(caplog):
    pixels = LostPhotosLogged(Lost(2), CATALOG)
    with caplog.at_level(logging.WARNING):
        assert pixels.read(np.array([0])) == pixels.read(np.array([0])) == "images"
    assert [record.getMessage() for record in caplog.records] == [
        "/pets/1.jpg can no longer be read; skipped: gone",
        "/pets/0.jpg can no longer be read; skipped: gone",
    ]
    assert (pixels.image_size, pixels.batches_at_once) == (SIZE, 2)
    assert pixels.analysis(np.array([0])) == "rows"
    assert lost_rows(Lost(2), CATALOG) == [
        {"path": "0.jpg", "problem": "gone"},
        {"path": "1.jpg", "problem": "gone"},
    ]
