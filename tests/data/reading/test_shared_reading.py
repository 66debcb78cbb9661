"""Photos read by workers that return the rows of pixels, as on a cluster."""

import pickle
from dataclasses import replace

import pytest
from PIL import Image

from pawsight.data.reading.ingest import ingest
from pawsight.data.reading.shared_reading import read_shared
from pawsight.data.reading.store import PixelStore
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
