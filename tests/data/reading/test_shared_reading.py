"""Photos read by workers that return the rows of pixels, as on a cluster."""

import pickle
from dataclasses import replace

import pytest
from PIL import Image

from pawsight.data.reading.batch import Batch, ReadResult
from pawsight.data.reading.ingest import ingest
from pawsight.data.reading.shared_reading import ReadBatch, read_shared
from pawsight.data.reading.store import PixelStore, row_bytes
from pawsight.data.reading.stream import PixelStream

SIZE = (12, 16)


@pytest.fixture
def pets(tmp_path):
    """Ten photos that differ, and a broken one."""
    for i in range(10):
        path = tmp_path / "pets" / ("cats" if i % 2 else "dogs") / f"{i}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (32, 24), (i * 20, 100, 200)).save(path)
    (tmp_path / "pets" / "dogs" / "broken.jpg").write_bytes(b"")
    return tmp_path / "pets"


def run_backwards(job, items):
    """Run a job as other processes do, the last item first."""
    for item in reversed(list(items)):
        sent, work = pickle.loads(pickle.dumps((item, job.worker())))
        yield item, pickle.loads(pickle.dumps(work(sent)))


def in_pairs(batches):
    """Read photos by two and two, so that there are several portions."""
    (whole,) = batches
    pairs = [
        replace(whole, paths=whole.paths[at : at + 2], first_row=whole.first_row + at)
        for at in range(0, len(whole.paths), 2)
    ]
    return read_shared(run_backwards, 1, pairs)


def test_store_and_catalog_equal_those_of_one_process(pets, tmp_path, monkeypatch):
    found = []
    for name, options in {"here": {}, "shared": {"read": in_pairs}}.items():
        monkeypatch.setenv("PAWSIGHT_CACHE", str(tmp_path / name))
        catalog, pixels = ingest(pets, SIZE, **options)
        assert isinstance(pixels, PixelStore)
        found.append((catalog, pixels.path.read_bytes()))
    assert found[0] == found[1]
    assert [photo.path for photo in catalog.photos if photo.problem] == ["dogs/broken.jpg"]


def test_store_that_cannot_be_written_is_given_up(pets, tmp_path, monkeypatch, recorded):
    monkeypatch.setenv("PAWSIGHT_CACHE", str(tmp_path / "cache"))

    def read_and_lose(batches):
        for batch, results in in_pairs(batches):
            yield batch, [one._replace(is_stored=False) for one in results]

    _, pixels = ingest(pets, SIZE, progress=recorded, read=read_and_lose)
    assert isinstance(pixels, PixelStream)
    assert any("too full to keep pixels" in note for note in recorded.notes)


def portions_of(batches, num_workers):
    """The portions in which workers get batches, of which nothing is read."""
    portions = []

    def run(job, items):
        for item in items:
            portions.append(item)
            yield item, [ReadBatch(one, [ReadResult()], b"") for one in item]

    assert [batch for batch, _ in read_shared(run, num_workers, batches)] == batches
    assert [one for portion in portions for one in portion] == batches
    return [len(portion) for portion in portions]


@pytest.mark.parametrize(
    ("num_batches", "side", "num_workers", "lengths"),
    [
        (64, 16, 2, [8] * 8),  # four for each worker
        (65, 16, 2, [8] * 8 + [1]),
        (3, 16, 2, [1] * 3),
        # A batch of 128 photos of 256 x 256 pixels has 24.06 MiB, and three are below 96 MiB.
        (64, 256, 1, [3] * 21 + [1]),
        (4, 2000, 1, [1] * 4),
        (0, 16, 2, []),
    ],
)
def test_each_worker_gets_four_portions_unless_they_are_too_large(
    num_batches, side, num_workers, lengths
):
    paths = tuple(f"{i}.png" for i in range(128))
    batches = [
        Batch("/pets", paths, 128 * i, (side, side), "stretch", None) for i in range(num_batches)
    ]
    batches[-1:] = [replace(one, paths=paths[:1]) for one in batches[-1:]]  # the last is shorter
    assert portions_of(batches, num_workers) == lengths


def test_rows_of_workers_are_written_at_their_place_or_the_photos_count_as_not_stored(tmp_path):
    size = row_bytes(SIZE)
    (tmp_path / "store").write_bytes(bytes(5 * size))
    rows = bytes(range(1, 256)) * (2 * size // 255) + b"x" * (2 * size % 255)
    results = [ReadResult(is_stored=True), ReadResult(is_stored=True)]
    batch = Batch("/pets", ("a", "b"), 2, SIZE, "stretch", str(tmp_path / "store"))

    def stored(batch, results):
        ((_, found),) = read_shared(
            lambda job, items: [(items, [ReadBatch(batch, results, rows)])], 1, [batch]
        )
        return [one.is_stored for one in found]

    assert stored(batch, results) == [True, True]
    expected = bytes(2 * size) + rows + bytes(size)
    assert (tmp_path / "store").read_bytes() == expected
    assert stored(replace(batch, store_path=str(tmp_path / "gone")), results) == [False, False]
    # Where none was stored there, nothing is written here.
    nothing = [one._replace(is_stored=False) for one in results]
    assert stored(replace(batch, first_row=0), nothing) == [False, False]
    assert (tmp_path / "store").read_bytes() == expected


def test_facts_alone_come_back_where_no_pixels_can_be_kept(pets, tmp_path, monkeypatch):
    monkeypatch.setenv("PAWSIGHT_CACHE", str(tmp_path / "here"))
    expected, _ = ingest(pets, SIZE)
    (tmp_path / "file").touch()
    monkeypatch.setenv("PAWSIGHT_CACHE", str(tmp_path / "file"))
    catalog, pixels = ingest(
        pets, SIZE, read=lambda batches: read_shared(run_backwards, 1, batches)
    )
    assert catalog == expected
    assert isinstance(pixels, PixelStream)
