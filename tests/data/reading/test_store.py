import logging
import os
import zlib
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from pawsight import machine
from pawsight.data.catalog import Catalog
from pawsight.data.decoding.analysis import ANALYSIS_SIZE, ROW, analyse
from pawsight.data.decoding.decode import load_pixels
from pawsight.data.reading.ingest import ingest
from pawsight.data.reading.store import PixelStore, row_bytes, row_of
from pawsight.data.reading.stream import PixelStream, is_lost
from pawsight.data.reading.unreadable import LostPhotosLogged, lost_rows
from pawsight.errors import DataError, DiskError
from pawsight.records import Photo


def write_rows(path, images):
    """Write a store's file: pixels, and what is compared of each photo."""
    rows = zip(images, analyse(images), strict=True)
    path.write_bytes(b"".join(row_of(image.tobytes(), row.tobytes()) for image, row in rows))


@pytest.fixture
def store(tmp_path) -> PixelStore:
    """Three photos, of which the second is broken; rows 2 and 0 of a file of three."""
    images = np.arange(3 * 4 * 5 * 3, dtype=np.uint8).reshape(3, 4, 5, 3)
    write_rows(tmp_path / "pixels.u8", images)
    return store_of(tmp_path / "pixels.u8", [2, -1, 0])


def store_of(path, rows):
    no_photos = PixelStream(path.parent, [""] * len(rows), (4, 5), "stretch")
    return PixelStore(path, (4, 5), np.array(rows), no_photos)


def test_the_store_gives_the_row_of_each_photo(store):
    pixels = store.read(np.array([2, 0, 2]))
    assert pixels.shape == (3, 4, 5, 3) and pixels.dtype == np.uint8
    assert pixels[:, 0, 0, 0].tolist() == [0, 120, 0]  # a row holds 4 * 5 * 3 = 60 bytes


def test_the_store_gives_what_is_compared_of_each_photo(store):
    images = np.arange(3 * 4 * 5 * 3, dtype=np.uint8).reshape(3, 4, 5, 3)
    assert (store.analysis(np.array([2, 0])) == analyse(images[[0, 2]])).all()
    with pytest.raises(DataError, match="could not be read"):
        store.analysis(np.array([1]))


def test_what_the_store_gives_is_the_readers_own(store):
    store.read(np.array([0]))[:] = 0
    assert store.read(np.array([0]))[0, 0, 0, 0] == 120


def test_nothing_asked_is_nothing_given(store):
    assert store.read(np.array([], np.int64)).shape == (0, 4, 5, 3)


def test_a_broken_photo_has_no_pixels(store):
    with pytest.raises(DataError, match="could not be read"):
        store.read(np.array([0, 1]))


def test_a_store_of_broken_photos_only_needs_no_file(tmp_path):
    store = store_of(tmp_path / "none", [-1, -1])
    assert store.read(np.array([], np.int64)).shape == (0, 4, 5, 3)


def test_a_store_that_is_too_short_is_named(tmp_path):
    (tmp_path / "pixels.u8").write_bytes(b"short")
    with pytest.raises(DiskError, match=r"pixels\.u8 cannot be read"):
        store_of(tmp_path / "pixels.u8", [0])


def test_rows_that_were_damaged_on_the_disk_are_made_again(
    tmp_path, save_photo, monkeypatch, caplog
):
    monkeypatch.setenv("PAWSIGHT_CACHE", str(tmp_path / "cache"))
    for number, colour in enumerate(("red", "green", "blue", "white")):
        folder = tmp_path / "photos" / "ab"[number % 2]
        folder.mkdir(parents=True, exist_ok=True)
        save_photo(f"{number}.png", colour).rename(folder / f"{number}.png")
    everything = np.arange(4)
    _, undamaged = ingest(tmp_path / "photos", (20, 30))
    pixels, analysis = undamaged.read(everything), undamaged.analysis(everything)
    data = undamaged.path.read_bytes()
    size = row_bytes((20, 30))
    damaged = bytearray(data)
    damaged[:size] = bytes(size)  # a row of zeros, as after a power cut
    damaged[size + 700] ^= 1  # one bit of the pixels of the second row
    damaged[3 * size - 20] ^= 1  # and one of what is compared of the third photo
    undamaged.path.write_bytes(damaged)

    _, store = ingest(tmp_path / "photos", (20, 30))

    assert (store.analysis(everything) == analysis).all()
    assert (store.read(everything) == pixels).all()
    assert store.path.read_bytes() == data
    assert len(caplog.records) == 1  # not one for each photo


def test_damaged_rows_of_photos_that_are_gone_are_an_error_for_people(store):
    data = bytearray(store.path.read_bytes())
    data[-30] ^= 1
    store.path.write_bytes(data)
    with pytest.raises(DataError, match="could not be read"):
        store.analysis(np.array([0]))


def test_a_damaged_row_of_a_photo_that_cannot_be_read_again_is_named(store):
    data = bytearray(store.path.read_bytes())
    data[0] ^= 1
    store.path.write_bytes(data)
    photos = PixelStream(store.path.parent, ["a.png", "", "gone.png"], (4, 5), "stretch")
    again = PixelStore(store.path, (4, 5), np.array([2, -1, 0]), photos)
    assert again.read(np.array([0])).tobytes() == store.read(np.array([0])).tobytes()
    with pytest.raises(
        DiskError, match=r"(?s)damaged, and a photo .*: the file is no longer there"
    ):
        again.read(np.array([2]))


def test_the_stream_decodes_what_is_asked_for(tmp_path, save_photo):
    paths = [save_photo(f"{colour}.png", colour) for colour in ("red", "green", "blue")]
    stream = PixelStream(tmp_path, [path.name for path in paths], (6, 8), "stretch")
    pixels = stream.read(np.array([2, 0]))
    assert pixels.shape == (2, 6, 8, 3)
    assert pixels[:, 0, 0].tolist() == [[0, 0, 255], [255, 0, 0]]
    assert (pixels[0] == load_pixels(paths[2].read_bytes(), (6, 8), "stretch")).all()


def test_the_stream_analyses_photos_at_one_size_and_keeps_what_fits(tmp_path, save_photo):
    paths = [save_photo(f"{colour}.png", colour) for colour in ("red", "green")]
    names = [path.name for path in paths]
    memory = 8 * ROW.itemsize
    stream = PixelStream(tmp_path, names, (6, 8), "crop", memory_bytes=memory)
    red, green = (load_pixels(path.read_bytes(), ANALYSIS_SIZE, "stretch") for path in paths)
    assert (stream.analysis(np.array([1, 0])) == analyse(np.stack([green, red]))).all()
    for path in paths:
        path.unlink()
    stream.analysis(np.array([0, 1]))
    assert len(stream.lost) == 1


def test_the_stream_keeps_in_memory_what_fits(tmp_path, save_photo):
    paths = [save_photo(f"{colour}.png", colour) for colour in ("red", "green")]
    names = [path.name for path in paths]
    stream = PixelStream(tmp_path, names, (6, 8), "stretch", memory_bytes=6 * 8 * 3)
    stream.read(np.array([1]))
    before = stream.read(np.array([0, 1]))
    save_photo("red.png", "blue")
    paths[1].unlink()
    after = stream.read(np.array([0, 1]))
    assert before[:, 0, 0].tolist() == [[255, 0, 0], [0, 255, 0]]
    assert after[:, 0, 0].tolist() == [[0, 0, 255], [0, 255, 0]]
    assert not stream.lost


def test_a_broken_photo_does_not_stream(tmp_path, save_photo):
    stream = PixelStream(tmp_path, [save_photo("a.png").name, ""], (6, 8), "stretch")
    with pytest.raises(DataError, match="could not be read"):
        stream.read(np.array([0, 1]))


def test_a_photo_that_breaks_streams_as_grey_and_is_logged_once(tmp_path, save_photo, caplog):
    good, bad = save_photo("good.png"), save_photo("bad.png")
    stream = PixelStream(tmp_path, [good.name, bad.name], (6, 8), "stretch")
    catalog = Catalog("two", tmp_path, (Photo(good.name), Photo(bad.name)))
    logged = LostPhotosLogged(stream, catalog)
    bad.write_bytes(b"<html>")
    with caplog.at_level(logging.WARNING):
        for _ in range(2):
            pixels = logged.read(np.array([0, 1]))
    assert pixels[0, 0, 0].tolist() == [255, 0, 0]
    assert (pixels[1] == 128).all()
    assert dict(stream.lost) == {1: "not a photo: HTML text"}
    assert is_lost(stream, np.array([1, 0, 1])).tolist() == [True, False, True]
    assert [record.getMessage() for record in caplog.records] == [
        f"{bad} can no longer be read; skipped: not a photo: HTML text"
    ]


def test_a_lost_photo_stays_lost_although_it_comes_back(tmp_path, save_photo):
    path = save_photo("a.png")
    data = path.read_bytes()
    stream = PixelStream(tmp_path, [path.name], (6, 8), "stretch")
    path.unlink()
    stream.read(np.array([0]))
    path.write_bytes(data)
    assert (stream.read(np.array([0])) == 128).all()
    assert dict(stream.lost) == {0: "the file is no longer there"}


def test_a_store_loses_no_photo(store):
    assert store.lost == {}
    assert is_lost(store, np.array([0, 2])).tolist() == [False, False]


def test_a_store_that_is_cut_short_while_it_is_used_ends_with_plain_words(store):
    os.truncate(store.path, row_bytes((4, 5)) + 100)
    assert store.read(np.array([2]))[0, 0, 0, 0] == 0
    with pytest.raises(DiskError, match=r"pixels\.u8 cannot be read: the file is shorter"):
        store.read(np.array([2, 0]))


def test_a_store_continues_when_its_file_is_removed_or_replaced(store):
    before = store.read(np.array([0]))
    store.path.unlink()
    store.path.write_bytes(b"other")
    assert (store.read(np.array([0])) == before).all()


def test_a_store_without_a_way_to_read_at_a_place_gives_the_same(store, monkeypatch):
    before = store.read(np.array([2, 0]))
    monkeypatch.delattr(os, "preadv", raising=False)  # as on Windows
    assert (store.read(np.array([2, 0])) == before).all()
    os.truncate(store.path, 100)
    with pytest.raises(DiskError, match="shorter"):
        store.read(np.array([0]))


def test_many_threads_read_a_store_at_once(store):
    expected = store.read(np.array([0]))
    with ThreadPoolExecutor(8) as pool:
        for found in pool.map(store.read, [np.array([0])] * 200):
            assert (found == expected).all()


def test_the_stream_keeps_what_fits_into_an_eighth_of_the_memory(tmp_path, save_photo, monkeypatch):
    monkeypatch.setattr(machine, "memory", lambda: 8 * (5 * 6 * 8 * 3) + 7)  # for five photos
    paths = [save_photo(f"{number}.png") for number in range(7)]
    stream = PixelStream(tmp_path, [path.name for path in paths], (6, 8), "stretch")
    stream.read(np.arange(7))
    for path in paths:
        path.unlink()
    stream.read(np.arange(7))
    assert len(stream.lost) == 2


def test_lost_photos_are_listed_in_the_order_of_the_catalog(tmp_path, save_photo):
    names = [save_photo(f"{number}.png").name for number in range(4)]
    catalog = Catalog("four", tmp_path, tuple(Photo(name) for name in names))
    stream = PixelStream(tmp_path, names, (6, 8), "stretch", memory_bytes=0)
    for index in (3, 0, 2):  # they break one after the other
        (tmp_path / names[index]).unlink()
        stream.read(np.array([index]))
    assert [row["path"] for row in lost_rows(stream, catalog)] == ["0.png", "2.png", "3.png"]


def test_a_row_is_checked_against_its_checksum_when_it_is_first_read(store, monkeypatch):
    checked = []
    crc32 = zlib.crc32
    monkeypatch.setattr(zlib, "crc32", lambda array: checked.append(array.nbytes) or crc32(array))
    for _ in range(3):
        store.read(np.array([2, 0, 2]))
    assert checked == [60, 60]
    for _ in range(3):
        store.analysis(np.array([2, 0]))
    assert checked == [60, 60, ROW.itemsize, ROW.itemsize]
