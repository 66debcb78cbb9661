import os
import pickle
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from pawsight.data.catalog import Catalog
from pawsight.data.decoding.analysis import ROW
from pawsight.data.reading.resized import at_size, opener
from pawsight.data.reading.store import PixelStore, row_of
from pawsight.data.reading.stream import PixelStream
from pawsight.errors import ModelError
from pawsight.models.backbone import Backbone
from pawsight.progress import Silent
from pawsight.records import Photo
from pawsight.storage.atomic import temporary_path
from pawsight.training import features
from pawsight.training.features import FeatureReader


def _write_means(path):
    """Write a backbone whose features are the means of the left and the right half, over 255."""
    from onnx import TensorProto, helper

    values = [
        helper.make_tensor("scale", TensorProto.FLOAT, [], [1 / 255]),
        helper.make_tensor("sizes", TensorProto.INT64, [2], [4, 4]),
    ]
    nodes = [
        helper.make_node("Split", ["images", "sizes"], ["left", "right"], axis=2),
        helper.make_node("ReduceMean", ["left"], ["l"], axes=[1, 2, 3], keepdims=0),
        helper.make_node("ReduceMean", ["right"], ["r"], axes=[1, 2, 3], keepdims=0),
        helper.make_node("Unsqueeze", ["l", "one"], ["l1"]),
        helper.make_node("Unsqueeze", ["r", "one"], ["r1"]),
        helper.make_node("Concat", ["l1", "r1"], ["both"], axis=1),
        helper.make_node("Mul", ["both", "scale"], ["features"]),
    ]
    values.append(helper.make_tensor("one", TensorProto.INT64, [1], [1]))
    graph = helper.make_graph(
        nodes,
        "means",
        [helper.make_tensor_value_info("images", TensorProto.FLOAT, ["n", 8, 8, 3])],
        [helper.make_tensor_value_info("features", TensorProto.FLOAT, ["n", 2])],
        values,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    path.write_bytes(model.SerializeToString())


class _Drawn:
    """Photo i is black on the left and of grey 10 * i on the right; counts what is read."""

    image_size = (8, 8)

    def __init__(self):
        self.lost = {}
        self.num_read = 0

    def read(self, indices):
        self.num_read += len(indices)
        images = np.zeros((len(indices), 8, 8, 3), np.uint8)
        images[:, :, 4:] = 10 * np.asarray(indices)[:, None, None, None]
        return images


@pytest.fixture
def backbone(tmp_path, monkeypatch):
    monkeypatch.setenv("PAWSIGHT_CACHE", str(tmp_path / "cache"))
    path = tmp_path / "net.onnx"
    _write_means(path)
    return Backbone("means", (8, 8), path, None, "means-8x8")


@pytest.fixture
def catalog():
    photos = tuple(Photo(f"{i}.png", "a", sha256=f"{i:064x}") for i in range(20))
    return Catalog("drawn", Path("drawn"), photos, 0)


def _read(backbone, catalog, pixels, indices, **options):
    reader = FeatureReader(backbone, "stretch")
    return reader.read(catalog, pixels, np.asarray(indices), Silent(), **options)


def test_features_come_in_the_order_of_the_indices(backbone, catalog):
    found = _read(backbone, catalog, _Drawn(), [5, 0, 11])
    assert found.num_computed == 3
    np.testing.assert_allclose(found.rows, [[0, 50 / 255], [0, 0], [0, 110 / 255]], atol=1e-3)


def test_a_mirrored_photo_has_its_right_half_on_the_left(backbone, catalog):
    found = _read(backbone, catalog, _Drawn(), [5], is_mirrored=True)
    np.testing.assert_allclose(found.rows, [[50 / 255, 0]], atol=1e-3)


def test_what_was_seen_before_is_not_read_again(backbone, catalog):
    first = _read(backbone, catalog, _Drawn(), range(10))
    pixels = _Drawn()
    again = _read(backbone, catalog, pixels, [9, *range(12)][1:])
    assert pixels.num_read == 2  # photos 10 and 11
    assert again.num_computed == 2
    np.testing.assert_array_equal(again.rows[:10], first.rows)


def test_features_of_the_cache_count_as_done_and_the_rate_is_that_of_the_others(
    backbone, catalog, monkeypatch
):
    class Counting(Silent):
        def __init__(self):
            self.stages, self.done, self.rates = [], [], []

        def start(self, *stage):
            self.stages.append(stage)

        def advance(self, done, **facts):
            self.done.append(done)
            self.rates += facts.values()

    monkeypatch.setattr(features, "_BATCH_SIZE", 4)
    monkeypatch.setattr(features, "elapsed_seconds", lambda started: 0.5)
    _read(backbone, catalog, _Drawn(), range(10))
    progress, reader = Counting(), FeatureReader(backbone, "stretch")
    found = reader.read(catalog, _Drawn(), np.arange(16), progress)
    assert progress.stages == [("Extracting features", 16, "photos")]
    assert progress.done == [10, 4, 2]
    assert progress.rates == [8.0, 12.0]
    assert (found.num_computed, found.images_per_second) == (6, 12.0)
    again = reader.read(catalog, _Drawn(), np.arange(16), progress)
    assert (again.num_computed, again.images_per_second, len(progress.stages)) == (0, 0.0, 1)


def test_cached_features_that_are_no_numbers_or_of_other_photos_are_not_taken(backbone, catalog):
    expected = _read(backbone, catalog, _Drawn(), range(4)).rows
    (kept,) = backbone.features_dir.rglob("*.npz")
    with np.load(kept) as found:
        names, rows = found["keys"], found["rows"]
    for changed in ({"rows": rows * np.float16("nan")}, {"rows": rows[1:]}, {"keys": names[:, 1:]}):
        np.savez(kept, **({"keys": names, "rows": rows} | changed))
        found = _read(backbone, catalog, _Drawn(), range(4))
        assert found.num_computed == 4
        np.testing.assert_array_equal(found.rows, expected)


def test_photos_of_which_none_is_left_have_no_features(backbone, catalog):
    pixels = _Drawn()
    pixels.lost = {1: "gone", 2: "gone"}
    found = _read(backbone, catalog, pixels, [1, 2])
    assert (len(found.indices), found.rows.shape) == (0, (0, 0))
    assert not list(backbone.features_dir.rglob("*.npz"))


def test_what_was_done_before_an_interruption_is_kept(backbone, catalog, monkeypatch):
    monkeypatch.setattr(features, "_CHUNK", 4)

    class Stops(_Drawn):
        def read(self, indices):
            if self.num_read >= 8:
                raise KeyboardInterrupt
            return super().read(indices)

    with pytest.raises(KeyboardInterrupt):
        _read(backbone, catalog, Stops(), range(20))
    pixels = _Drawn()
    _read(backbone, catalog, pixels, range(20))
    assert pixels.num_read == 12


def test_a_photo_with_other_pixels_is_looked_at_anew(backbone, catalog):
    _read(backbone, catalog, _Drawn(), [3])
    photos = list(catalog.photos)
    photos[3] = Photo("3.png", "a", sha256="f" * 64)
    changed = Catalog("drawn", Path("drawn"), tuple(photos), 0)
    assert _read(backbone, changed, _Drawn(), [3]).num_computed == 1


def test_photos_that_went_bad_are_left_out_and_not_remembered(backbone, catalog):
    pixels = _Drawn()
    pixels.lost = {1: "gone"}
    found = _read(backbone, catalog, pixels, range(3))
    np.testing.assert_array_equal(found.indices, [0, 2])
    assert len(found.rows) == 2
    assert _read(backbone, catalog, _Drawn(), [1]).num_computed == 1


def test_a_damaged_file_of_features_is_made_again(backbone, catalog):
    expected = _read(backbone, catalog, _Drawn(), range(4)).rows
    (kept,) = backbone.features_dir.rglob("*.npz")
    kept.write_bytes(kept.read_bytes()[:100])
    found = _read(backbone, catalog, _Drawn(), range(4))
    assert found.num_computed == 4
    np.testing.assert_array_equal(found.rows, expected)


def test_what_a_killed_process_left_goes_although_nothing_is_written(backbone, catalog):
    _read(backbone, catalog, _Drawn(), range(4))
    (kept,) = backbone.features_dir.rglob("*.npz")
    left = temporary_path(kept)
    left = left.with_name(
        left.name.replace(f"-{os.getpid()}-", f"-{2**22 + 1}-")
    )  # no such process
    left.write_bytes(b"half")
    assert _read(backbone, catalog, _Drawn(), range(4)).num_computed == 0
    assert list(kept.parent.iterdir()) == [kept]


def test_a_damaged_backbone_explains_what_to_remove(backbone):
    backbone.onnx_path.write_bytes(b"no network")
    with pytest.raises(ModelError, match=r"net\.onnx cannot be run"):
        FeatureReader(backbone, "stretch")


def test_features_are_computed_each_time_where_there_can_be_no_cache(
    backbone, catalog, tmp_path, monkeypatch
):
    expected = _read(backbone, catalog, _Drawn(), range(4)).rows
    (tmp_path / "file").touch()
    monkeypatch.setenv("PAWSIGHT_CACHE", str(tmp_path / "file" / "cache"))
    for _ in range(2):
        found = _read(backbone, catalog, _Drawn(), range(4))
        assert found.num_computed == 4
        np.testing.assert_array_equal(found.rows, expected)


class _Group:
    """Two workers that take the items of a job in turn, in this process."""

    count = 2

    def __init__(self):
        self.num_items = 0

    def run(self, job, items, lost):
        works = [pickle.loads(pickle.dumps(job)).worker() for _ in range(self.count)]
        for at, item in enumerate(pickle.loads(pickle.dumps(items))):
            self.num_items += 1
            yield item, works[at % self.count](item)


def test_workers_extract_the_same_features_into_the_cache(backbone, catalog, tmp_path, monkeypatch):
    monkeypatch.setattr(features, "_BATCH_SIZE", 4)
    for i in range(20):
        Image.new("RGB", (8, 8), (10 * i, 0, 255)).save(tmp_path / f"{i}.png")
    (tmp_path / "7.png").unlink()

    def pixels():
        return PixelStream(tmp_path, [f"{i}.png" for i in range(20)], (8, 8), "stretch")

    class Counting(Silent):
        num_done = 0

        def advance(self, done, **facts):
            self.num_done += done

    group, indices, counted = _Group(), np.arange(20), Counting()
    shared = FeatureReader(backbone, "stretch", group).read(catalog, pixels(), indices, counted)
    assert group.num_items == 4  # two for each worker
    assert counted.num_done == 20  # the lost one is tried again here, and counted once
    backbone = replace(backbone, key="anew")
    here = FeatureReader(backbone, "stretch").read(catalog, pixels(), indices, Silent())
    assert shared.rows.tobytes() == here.rows.tobytes()
    assert shared.indices.tolist() == here.indices.tolist() == [i for i in range(20) if i != 7]


def test_pixels_of_a_store_are_opened_in_other_processes_at_another_size(tmp_path):
    path, rows = tmp_path / "pixels", [np.full((4, 4, 3), i, np.uint8) for i in range(3)]
    path.write_bytes(b"".join(row_of(row.tobytes(), bytes(ROW.itemsize)) for row in rows))
    stream = PixelStream(tmp_path, ["0.png", "1.png", "2.png"], (4, 4), "stretch")
    pixels = at_size(PixelStore(path, (4, 4), np.arange(3), stream), (2, 2))
    found = pickle.loads(pickle.dumps(opener(pixels, np.array([2, 0]))))()
    assert found.read(np.array([0, 1])).tobytes() == bytes([2] * 12 + [0] * 12)
    assert opener(_Drawn(), np.array([0])) is None
