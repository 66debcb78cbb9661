import contextlib
import itertools
import os
import shutil
import sqlite3
import subprocess
import sys
import threading
import time
from collections import namedtuple
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from pawsight.data.catalog import Catalog
from pawsight.data.listing.scan import scan
from pawsight.data.reading import ingest_cache, ingest_index
from pawsight.data.reading.batch import Batch, DecodeTimeout, ReadResult, read_batch
from pawsight.data.reading.ingest import ingest
from pawsight.data.reading.store import PixelStore, row_bytes
from pawsight.data.reading.stream import PixelStream
from pawsight.data.sources import Source
from pawsight.records import Photo

SIZE = (12, 16)


class RecordingProgress:
    """Keeps what a stage tells of its progress."""

    def __init__(self) -> None:
        self.num_read, self.rates, self.notes = 0, [], []
        self.is_reading, self.num_done, self.total = False, 0, None

    def start(self, task, total=None, unit=""):
        self.is_reading = task == "Reading photos"
        self.total = total

    def advance(self, done, **facts):
        self.num_done += done if self.is_reading else 0
        if self.is_reading and "rate" in facts:
            self.num_read += done
            self.rates.append(facts["rate"])

    def note(self, text):
        self.notes.append(text)


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch) -> Path:
    monkeypatch.setenv("PAWSIGHT_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def pets(tmp_path, reading_in_this_process) -> Path:
    """Two classes of six photos that all differ, and one broken photo."""
    return draw_pets(tmp_path / "pets", 6)


def draw_pets(root: Path, count: int) -> Path:
    for number, name in enumerate(("cats", "dogs")):
        (root / name).mkdir(parents=True)
        for i in range(count):
            colour = (i * 7 % 256, i // 36, 200 * number)
            Image.new("RGB", (32, 24), colour).save(root / name / f"{i:04}.png")
    (root / "dogs" / "broken.jpg").write_bytes(b"")
    return root


def read(root: Path, image_size=SIZE, resize="stretch"):
    recorded = RecordingProgress()
    catalog, pixels = ingest(root, image_size, resize, recorded)
    return catalog, pixels, recorded


def assert_right(catalog, pixels) -> None:
    """Compare every usable photo's pixels with those of its file."""
    paths = [photo.path for photo in catalog.photos]
    expected = PixelStream(catalog.root, paths, pixels.image_size, "stretch")
    assert (pixels.read(catalog.usable) == expected.read(catalog.usable)).all()


@pytest.mark.skipif(sys.platform != "linux", reason="needs files with holes")
def test_broken_photos_take_no_space_on_the_disk(pets):
    for i in range(200):
        (pets / "cats" / f"0002-{i:03}.jpg").write_bytes(b"")  # among the others
    catalog, pixels, _ = read(pets, (200, 200))
    assert_right(catalog, pixels)
    assert len(catalog.broken) == 201
    assert 512 * pixels.path.stat().st_blocks < 40 * row_bytes((200, 200))


def test_every_photo_is_a_row_and_a_broken_one_explains_why(pets):
    catalog, pixels, recorded = read(pets)
    assert [photo.path for photo in catalog.photos] == sorted(
        path.relative_to(pets).as_posix() for path in pets.rglob("*.*")
    )
    assert [(p.path, p.problem) for p in catalog.broken] == [("dogs/broken.jpg", "empty file")]
    first = catalog.photos[0]
    assert (first.label, first.format, first.width, first.height) == ("cats", "PNG", 32, 24)
    assert len(first.sha256) == 64 and len(first.phash) == 16
    assert isinstance(pixels, PixelStore)
    assert pixels.image_size == SIZE
    assert recorded.num_read == 13 and all(rate > 0 for rate in recorded.rates)
    assert_right(catalog, pixels)


def test_unchanged_photos_are_not_read_again(pets):
    catalog, _, _ = read(pets)
    again, pixels, recorded = read(pets)
    assert again == catalog
    assert recorded.num_read == 0
    assert_right(again, pixels)


def test_a_changed_photo_alone_is_read_again(pets):
    before, old_pixels, _ = read(pets)
    old = old_pixels.read(np.array([3]))
    changed = pets / "cats" / "0003.png"
    Image.new("RGB", (40, 30), "white").save(changed)
    after, pixels, recorded = read(pets)
    assert recorded.num_read == 1
    assert after.photos[3].width == 40
    assert [a == b for a, b in zip(before.photos, after.photos, strict=True)].count(False) == 1
    assert_right(after, pixels)
    # A training that goes on meanwhile still sees what it began with.
    assert (old_pixels.read(np.array([3])) == old).all()


def test_added_and_removed_photos_cost_only_themselves(pets):
    read(pets)
    (pets / "cats" / "0000.png").unlink()
    Image.new("RGB", (9, 9)).save(pets / "dogs" / "new.png")
    catalog, pixels, recorded = read(pets)
    assert recorded.num_read == 1
    assert len(catalog.photos) == 13
    assert_right(catalog, pixels)


def test_a_repaired_photo_is_read_again(pets):
    read(pets)
    Image.new("RGB", (9, 9)).save(pets / "dogs" / "broken.jpg")
    catalog, _, recorded = read(pets)
    assert recorded.num_read == 1
    assert catalog.broken == ()


def test_what_may_pass_is_tried_again_next_time(pets):
    listing = scan(Source("pets", pets))
    gone = listing.photos[2]
    data = (pets / gone.path).read_bytes()
    (pets / gone.path).unlink()
    catalog, _ = ingest(listing, SIZE)
    assert catalog.photos[2].problem == "the file is no longer there"
    (pets / gone.path).write_bytes(data)
    catalog, _ = ingest(listing, SIZE)
    assert catalog.photos[2].problem == ""


def test_a_photo_that_changes_after_it_was_listed_is_read_again_next_time(pets):
    listing = scan(Source("pets", pets))
    Image.new("RGB", (50, 40), "white").save(pets / "cats" / "0003.png")
    catalog, _ = ingest(listing, SIZE)
    assert catalog.photos[3].width == 50
    again, pixels, recorded = read(pets)
    assert recorded.num_read == 1
    assert again.photos[3].size == (pets / "cats" / "0003.png").stat().st_size
    assert_right(again, pixels)


def test_truncated_photos_alone_are_read_again_when_they_are_kept_or_no_longer(pets):
    photo = pets / "dogs" / "cut.jpg"
    Image.effect_noise((64, 64), 50).convert("RGB").save(photo)
    photo.write_bytes(photo.read_bytes()[:-40])
    first, _, recorded = read(pets)
    assert recorded.num_read == 14
    assert "ends too early" in {p.path: p.problem for p in first.photos}["dogs/cut.jpg"]
    for keep_truncated in (True, False, True):
        recorded = RecordingProgress()
        catalog, pixels = ingest(pets, SIZE, "stretch", recorded, keep_truncated)
        assert recorded.num_read == 2  # the empty file, too, might be read in another way
        (photo,) = (photo for photo in catalog.photos if photo.path == "dogs/cut.jpg")
        assert bool(photo.flaw) == keep_truncated
        assert bool(photo.problem) != keep_truncated
        assert len(catalog.usable) == 12 + keep_truncated
        assert len(pixels.read(catalog.usable)) == 12 + keep_truncated


def test_another_working_size_has_its_own_pixels(pets):
    small, _, _ = read(pets)
    large, pixels, recorded = read(pets, (20, 20))
    assert recorded.num_read == 13
    assert pixels.image_size == (20, 20)
    assert_right(large, pixels)
    assert [p.sha256 for p in large.photos] == [p.sha256 for p in small.photos]
    assert read(pets)[2].num_read == 0


def test_nothing_is_written_where_the_photos_are(pets):
    def state() -> dict[Path, tuple[int, int]]:
        found = {path: path.stat() for path in [pets, *pets.rglob("*")]}
        return {path: (stat.st_mtime_ns, stat.st_size) for path, stat in found.items()}

    before = state()
    read(pets)
    assert state() == before


def test_names_of_any_bytes_are_read(tmp_path):
    root = tmp_path / "été 😀"
    for name in (b"a,b", b"caf\xe9", "né".encode()):
        folder = root / os.fsdecode(name)
        folder.mkdir(parents=True)
        with (folder / os.fsdecode(b"\xff\n.png")).open("wb") as file:
            Image.new("RGB", (9, 9)).save(file, "PNG")
    catalog, pixels, _ = read(root)
    assert len(catalog.usable) == 3
    assert_right(catalog, pixels)
    assert read(root)[2].num_read == 0


def test_photos_stream_when_the_disk_is_nearly_full(pets, monkeypatch):
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage(1, 1, 1000))
    catalog, pixels, recorded = read(pets)
    assert isinstance(pixels, PixelStream)
    assert "no space" in recorded.notes[-1]
    assert_right(catalog, pixels)
    assert read(pets)[2].num_read == 0  # the facts are kept

    monkeypatch.undo()
    monkeypatch.setenv("PAWSIGHT_CACHE", str(pets.parent / "cache"))
    catalog, pixels, recorded = read(pets)
    assert isinstance(pixels, PixelStore)
    assert recorded.num_read == 12  # not the broken one
    assert_right(catalog, pixels)


def with_free_bytes(monkeypatch, count):
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage(1, 1, count))


@pytest.mark.parametrize(("missing", "kind"), [(0, PixelStore), (1, PixelStream)])
def test_pixels_are_kept_where_the_reserve_stays_free_beside_them(pets, monkeypatch, missing, kind):
    needed = 13 * row_bytes(SIZE) + ingest_cache.RESERVE_BYTES
    with_free_bytes(monkeypatch, needed - missing)
    assert isinstance(read(pets)[1], kind)


def test_the_space_that_is_missing_is_named(pets, monkeypatch):
    with_free_bytes(monkeypatch, 1000)
    _, _, recorded = read(pets, (1000, 700))
    # 13 times 3 bytes a pixel, and little for the comparison of photos.
    assert "The disk has no space to keep 27 MB of pixels in " in recorded.notes[-1]


def test_pixels_that_are_there_are_used_on_a_full_disk(pets, monkeypatch):
    read(pets)
    with_free_bytes(monkeypatch, 0)
    catalog, pixels, recorded = read(pets)
    assert isinstance(pixels, PixelStore)
    assert recorded.num_read == 0 and not any("space" in note for note in recorded.notes)
    assert_right(catalog, pixels)


def test_photos_that_are_known_count_as_read_and_the_rate_is_that_of_the_others(pets, monkeypatch):
    read(pets)
    for name in ("cats/0001.png", "dogs/0002.png", "dogs/0003.png"):
        Image.new("RGB", (9, 9)).save(pets / name)
    monkeypatch.setattr("pawsight.data.reading.ingest.elapsed_seconds", lambda start: 4.0)
    _, _, recorded = read(pets)
    assert (recorded.num_done, recorded.total, recorded.num_read) == (13, 13, 3)
    assert recorded.rates[-1] == 3 / 4


def test_photos_are_read_in_batches_of_few_bytes():
    """Batches are as large as they can be: 128 photos, or 16 MiB but for a larger photo."""
    seen = []

    def read_nothing(batches):
        for batch in batches:
            seen.append(batch.paths)
            yield batch, [ReadResult(problem="not read")] * len(batch.paths)

    sizes = [[1, 7 * 2**20, 16 * 2**20, 9 * 2**20, 20 * 2**20][i % 5] for i in range(40)]
    sizes += [2**17] * 300
    photos = [Photo(f"{i:03}.jpg", size=size) for i, size in enumerate(sizes)]
    catalog, _ = ingest(Catalog("x", Path("nowhere"), tuple(photos)), SIZE, read=read_nothing)
    assert [path for paths in seen for path in paths] == [photo.path for photo in photos]
    assert {photo.problem for photo in catalog.photos} == {"not read"}

    def is_small(paths):
        num_bytes = sum(sizes[int(path[:3])] for path in paths)
        return len(paths) == 1 or (len(paths) <= 128 and num_bytes <= 16 * 2**20)

    assert all(map(is_small, seen))
    following = itertools.pairwise(seen)
    assert not any(is_small((*paths, after[0])) for paths, after in following)


def test_the_folder_of_a_cache_has_the_name_of_the_photos(pets, cache, tmp_path):
    read(pets)
    pets.rename(tmp_path / "😀")
    read(tmp_path / "😀")
    names = sorted(path.name.partition("-")[0] for path in (cache / "ingest").iterdir())
    assert names == ["pets", "photos"]


def test_photos_stream_when_nothing_can_be_kept(pets, tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("PAWSIGHT_CACHE", str(tmp_path / "file"))
    catalog, pixels, recorded = read(pets)
    assert isinstance(pixels, PixelStream)
    assert any("There is no cache" in note for note in recorded.notes)
    assert len(catalog.usable) == 12
    assert_right(catalog, pixels)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_facts_are_kept_when_the_disk_becomes_full(pets):
    batch = Batch(str(pets), ("cats/0000.png", "dogs/broken.jpg"), 0, SIZE, "stretch", "/dev/full")
    good, broken = read_batch(batch, DecodeTimeout())
    assert good.facts is not None and not good.is_stored
    assert broken.problem == "empty file"


@pytest.mark.skipif(sys.platform == "win32", reason="needs a limit on the size of files")
def test_photos_stream_when_the_disk_becomes_full(pets, monkeypatch):
    import resource

    monkeypatch.setattr(sys, "dont_write_bytecode", True)  # it would be cut off as well

    class Filling(RecordingProgress):
        """Lets files grow no further once there is a file of pixels, as on a full disk."""

        def start(self, task, total=None, unit=""):
            super().start(task, total, unit)
            if self.is_reading:
                resource.setrlimit(resource.RLIMIT_FSIZE, (60_000, limits[1]))

    limits, recorded = resource.getrlimit(resource.RLIMIT_FSIZE), Filling()
    try:
        catalog, pixels = ingest(pets, (64, 64), "stretch", recorded)  # 12,288 bytes a photo
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert isinstance(pixels, PixelStream)
    assert len([note for note in recorded.notes if "too full" in note]) == 1
    assert len(catalog.usable) == 12
    assert_right(catalog, pixels)


@pytest.mark.parametrize("victim", ["index.sqlite", "pixels-1.u8"])
def test_a_damaged_cache_is_made_again(pets, cache, victim):
    read(pets)
    (path,) = cache.rglob(victim)
    path.write_bytes(b"damaged" * 10)
    catalog, pixels, recorded = read(pets)
    assert recorded.num_read == 13
    assert_right(catalog, pixels)


@pytest.mark.parametrize(
    "change", ["sha256 = 'f' || substr(sha256, 2)", "row = row + 1", "width = 5", "problem = 'x'"]
)
def test_a_damaged_line_of_the_index_is_made_again(pets, cache, change):
    read(pets)
    (path,) = cache.rglob("index.sqlite")
    with contextlib.closing(sqlite3.connect(path)) as index:
        (first,) = index.execute("SELECT min(path) FROM photos WHERE row = 0").fetchone()
        index.execute(f"UPDATE photos SET {change} WHERE path = ?", (first,))
        index.commit()
    catalog, pixels, recorded = read(pets)
    assert recorded.num_read == 1
    assert_right(catalog, pixels)
    assert read(pets)[2].num_read == 0


@pytest.mark.parametrize("value", ["'x'", "NULL"])
def test_an_index_of_other_types_is_made_again(pets, cache, value):
    read(pets)
    (path,) = cache.rglob("index.sqlite")
    with contextlib.closing(sqlite3.connect(path)) as index:
        index.execute(f"UPDATE photos SET row = {value}")
        index.commit()
    catalog, pixels, recorded = read(pets)
    assert recorded.num_read == 13
    assert_right(catalog, pixels)


def test_another_decoder_reads_again(pets, monkeypatch):
    read(pets)
    monkeypatch.setattr(ingest_cache, "_decoder_versions", lambda: "another")
    assert read(pets)[2].num_read == 13
    assert read(pets)[2].num_read == 0


def test_two_at_once_agree(pets):
    results = []
    threads = [threading.Thread(target=lambda: results.append(read(pets))) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(recorded.num_read for _, _, recorded in results) == [0, 0, 13]
    for catalog, pixels, _ in results:
        assert catalog == results[0][0]
        assert_right(catalog, pixels)


def test_listings_problems_stay(pets):
    listing = scan(Source("pets", pets))
    photos = (replace(listing.photos[0], problem="a camera's raw format"), *listing.photos[1:])
    catalog, _ = ingest(Catalog("pets", pets, photos, 4), SIZE)
    assert catalog.photos[0].problem == "a camera's raw format"
    assert catalog.num_ignored == 4


def test_photos_that_are_gone_are_forgotten_when_they_are_many(pets, monkeypatch):
    monkeypatch.setattr(ingest_cache, "_MAX_UNUSED", 2)
    read(pets)
    for photo in (pets / "cats").iterdir():
        photo.unlink()
    for i in range(3):
        (pets / "dogs" / f"000{i}.png").unlink()
    catalog, pixels, recorded = read(pets)  # 4 of 13 are left: 9 gone are more than 4 + 2
    assert recorded.num_read == 0
    assert_right(catalog, pixels)
    # Of 12 rows of pixels 3 count, so they moved into a file of their own.
    assert (pixels.path.name, pixels.path.stat().st_size) == ("pixels-2.u8", 3 * row_bytes(SIZE))
    assert not pixels.path.with_name("pixels-1.u8").exists()
    assert ingest_index.describe_file(pixels.path.with_name("index.sqlite"))[1] == 4
    again, pixels, recorded = read(pets)
    assert (again, recorded.num_read) == (catalog, 0)
    assert_right(again, pixels)


@pytest.mark.parametrize(("num_left", "num_kept"), [(6, 14), (5, 5)])
def test_photos_are_forgotten_where_more_are_gone_than_are_left_and_some(
    pets, cache, monkeypatch, num_left, num_kept
):
    monkeypatch.setattr(ingest_cache, "_MAX_UNUSED", 2)
    Image.new("RGB", (9, 9)).save(pets / "cats" / "new.png")
    paths = [photo.path for photo in read(pets)[0].photos]
    for path in paths[num_left:]:
        (pets / path).unlink()
    read(pets)
    (path,) = cache.rglob("index.sqlite")
    assert ingest_index.describe_file(path)[1] == num_kept


def test_rows_move_where_more_than_twice_those_in_use_and_some_are_there(pets, monkeypatch):
    monkeypatch.setattr(ingest_cache, "_MAX_UNUSED", 2)
    paths = [photo.path for photo in read(pets)[0].photos if not photo.problem]
    stamp = 0
    for count in (6, 6, 2):  # 12 rows are in use, and 12 + 14 are twice 12 and 2
        for path in paths[:count]:
            Image.new("RGB", (40, 20)).save(pets / path)
            os.utime(pets / path, ns=(0, stamp := stamp + 1))
        assert read(pets)[2].num_read == count
    assert read(pets)[1].path.name == "pixels-1.u8"
    Image.new("RGB", (40, 50)).save(pets / paths[0])
    read(pets)
    catalog, pixels, _ = read(pets)
    assert pixels.path.name == "pixels-2.u8"
    assert pixels.path.stat().st_size == 12 * row_bytes(SIZE)
    assert_right(catalog, pixels)


def test_what_other_tables_name_is_not_forgotten(pets, monkeypatch):
    monkeypatch.setattr(ingest_cache, "_MAX_UNUSED", 2)
    read(pets)
    listing = scan(Source("pets", pets))
    few = Catalog("pets", pets, listing.photos[:2], 0)
    assert len(ingest(few, SIZE)[0].usable) == 2
    assert read(pets)[2].num_read == 0


def test_rows_of_changed_photos_do_not_pile_up(pets, monkeypatch):
    monkeypatch.setattr(ingest_cache, "_MAX_UNUSED", 2)
    sizes = []
    for shade in range(8):
        for photo in (pets / "cats").iterdir():
            Image.new("RGB", (30 + shade, 24), (shade, 0, 0)).save(photo)
        catalog, pixels, recorded = read(pets)
        assert recorded.num_read == (6 if shade else 13)
        assert_right(catalog, pixels)
        sizes.append(pixels.path.stat().st_size // row_bytes(SIZE))
    # At most 2 * 12 + 2 rows are left as they are; 6 are added before that is looked at again.
    assert max(sizes) <= 2 * 12 + 2 + 6


def test_a_training_is_not_disturbed_when_rows_move(pets, monkeypatch):
    monkeypatch.setattr(ingest_cache, "_MAX_UNUSED", 2)
    catalog, training, _ = read(pets)
    before = training.read(catalog.usable)
    for photo in (pets / "cats").iterdir():
        photo.unlink()
    for i in range(3):
        (pets / "dogs" / f"000{i}.png").unlink()
    assert read(pets)[1].path != training.path
    assert (training.read(catalog.usable) == before).all()


def test_rows_stay_where_the_disk_has_no_room_to_move_them(pets, monkeypatch):
    monkeypatch.setattr(ingest_cache, "_MAX_UNUSED", 2)
    read(pets)
    for photo in (pets / "cats").iterdir():
        photo.unlink()
    for i in range(3):
        (pets / "dogs" / f"000{i}.png").unlink()
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage(1, 1, 1000))
    catalog, pixels, recorded = read(pets)
    assert (pixels.path.name, recorded.num_read) == ("pixels-1.u8", 0)
    assert_right(catalog, pixels)


KILLED = """
import os, sys
from pawsight.data.reading import ingest_cache
from pawsight.data.reading.ingest import ingest
from pawsight.progress import Silent

class Killing(Silent):
    num_calls = 0
    def advance(self, done, **facts):
        if "rate" in facts:
            self.num_calls += 1
            if self.num_calls == 3:
                if sys.argv[2] == "kill":
                    os._exit(9)
                raise KeyboardInterrupt

ingest_cache._COMMIT_SECONDS = 0
ingest(sys.argv[1], (12, 16), "stretch", Killing())
"""


@pytest.mark.slow
@pytest.mark.parametrize("how", ["kill", "interrupt"])
def test_ingest_continues_where_it_was_stopped(tmp_path, how):
    root = draw_pets(tmp_path / "many", 300)
    done = subprocess.run(
        [sys.executable, "-c", KILLED, str(root), how], stderr=subprocess.PIPE, timeout=120
    )
    assert done.returncode != 0
    # One traceback is the process's own; workers end without a word.
    assert done.stderr.count(b"Traceback") == (how == "interrupt")
    catalog, pixels, recorded = read(root)
    # Two batches were kept: at least one of 128, and perhaps the last one, of 601 - 4 * 128.
    assert 0 < recorded.num_read <= 601 - 128 - 89
    assert len(catalog.usable) == 600
    assert_right(catalog, pixels)


INGESTING = """
import sys
from pawsight.data.reading import ingest_cache
from pawsight.data.reading.ingest import ingest

ingest_cache._COMMIT_SECONDS = 0.05
ingest(sys.argv[1], (64, 64))
"""


def num_kept(cache):
    """How many photos a cache knows."""
    return sum(ingest_index.describe_file(path)[1] for path in cache.rglob("index.sqlite"))


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="needs signals")
def test_ingest_killed_many_times_ends_as_one_that_was_not(tmp_path, monkeypatch):
    root = tmp_path / "many"
    for number, name in enumerate(("cats", "dogs")):
        (root / name).mkdir(parents=True)
        for i in range(800):
            colour = (i % 256, i // 256 * 40, 200 * number)
            Image.linear_gradient("L").resize((120, 90)).convert("RGB").save(
                root / name / f"{i:04}.jpg", comment=bytes(colour)
            )
    (root / "dogs" / "broken.jpg").write_bytes(b"\xff\xd8 no photo")
    undisturbed, expected, _ = read(root, (64, 64))
    monkeypatch.setenv("PAWSIGHT_CACHE", str(tmp_path / "killed"))
    num_killed = 0
    # The time varies, so that the blow falls while it starts, reads, commits and cleans up. The
    # last one is killed once something is kept, however slow the machine is.
    for milliseconds in (150, 420, 480, 530, 570, 610, 660, 700, 760, 830, None):
        process = subprocess.Popen([sys.executable, "-c", INGESTING, str(root)])
        if milliseconds is None:
            while process.poll() is None and not num_kept(tmp_path / "killed"):
                time.sleep(0.02)
        else:
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(timeout=milliseconds / 1000)
        num_killed += process.poll() is None
        process.kill()
        process.wait()
    catalog, pixels, recorded = read(root, (64, 64))
    assert num_killed >= 2
    assert 0 <= recorded.num_read < 1601
    assert catalog == undisturbed
    assert (pixels.read(catalog.usable) == expected.read(catalog.usable)).all()


def test_a_clock_that_stands_still_ends_no_reading(pets, monkeypatch):
    monkeypatch.setattr(time, "perf_counter", lambda: 1.0)
    catalog, _ = ingest(pets, SIZE)
    assert len(catalog.photos) == 13


def test_what_was_read_is_committed_now_and_then(tmp_path, monkeypatch):
    now = [50.0]
    monkeypatch.setattr(ingest_cache.time, "monotonic", lambda: now[0])
    cache = ingest_cache.IngestCache(tmp_path, tmp_path / "pets", 10)
    counts = []
    for i, seconds in enumerate((0.5, 1.0, 9.0, 0.5, 9.0)):
        now[0] += seconds
        cache.add([(Photo(f"{i}.jpg"), -1, "")], False)
        cache.commit_periodically()
        counts.append(ingest_index.describe_file(tmp_path / "index.sqlite")[1])
    cache.close()
    assert counts == [0, 0, 3, 3, 5]


def test_photos_stream_when_the_cache_fails_while_they_are_read(pets, monkeypatch):
    failures = []

    def fail(self):
        failures.append(sqlite3.OperationalError("disk I/O error"))
        raise failures[-1]

    monkeypatch.setattr(ingest_cache.IngestCache, "commit_periodically", fail)
    Image.new("RGB", (9, 9)).save(pets / "cats" / "large.bmp")
    os.truncate(pets / "cats" / "large.bmp", 17 * 2**20)  # so that there are several batches
    catalog, pixels, recorded = read(pets)
    assert isinstance(pixels, PixelStream)
    assert [note for note in recorded.notes if "cache" in note] == [
        "The cache cannot be written (disk I/O error). Photos are decoded while training instead, "
        "which is slower."
    ]
    assert len(failures) == 1 and recorded.num_read == 14
    assert_right(catalog, pixels)


def test_photos_stream_where_the_free_space_cannot_be_found(pets, monkeypatch):
    def fail(folder):
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(ingest_cache, "free_bytes", fail)
    catalog, pixels, recorded = read(pets)
    assert isinstance(pixels, PixelStream) and "no space" in recorded.notes[-1]
    assert_right(catalog, pixels)
