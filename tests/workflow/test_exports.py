"""What an export refuses, what it needs, and what is left when it fails: mostly with ONNX alone."""

import dataclasses
import errno
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import pawsight
from pawsight.data.catalog import Catalog
from pawsight.data.reading.ingest import ingest
from pawsight.errors import ConfigError, DataError, DiskError, ExtraError, ModelError
from pawsight.exporting.comparison import check_difference, compare
from pawsight.exporting.formats import FORMATS
from pawsight.models import builtin
from pawsight.records import Photo, Predictions
from pawsight.storage.atomic_folder import new_folder
from pawsight.workflow import photo_sets
from pawsight.workflow.exports import export_all, reserve_calibration_photos


def predictions(*rows):
    """Predictions of two classes, by the probability of the first."""
    probs = np.array([[first, 1 - first] for first in rows])
    return Predictions(
        tuple(map(str, range(len(rows)))), np.zeros(len(rows), np.int64), probs, ("a", "b")
    )


@pytest.fixture(scope="module")
def colour_photos(tmp_path_factory):
    """Two photos of each class of the colour run; nothing may change them."""
    return drawn(tmp_path_factory.mktemp("colours") / "photos", (2, 2, 2))


def drawn(folder, per_class):
    """Draw as many photos of each class of the colour run as given."""
    for (name, colour), count in zip(
        (("red", "red"), ("green", "lime"), ("blue", "blue")), per_class, strict=True
    ):
        (folder / name).mkdir(parents=True)
        for number in range(count):
            Image.new("RGB", (8, 9 + number), colour).save(folder / name / f"{number}.png")
    return folder


@pytest.fixture
def int8(monkeypatch):
    """A format of 8 bits, "own", that is as ONNX is; the photos that it chooses its ranges by."""
    chosen = []

    def write(model, folder, progress):
        chosen.append(model.calibration)
        return FORMATS["onnx"].write(model, folder, progress)

    def open_runner(path):
        run = FORMATS["onnx"].open_runner(path)
        return lambda images: run(images)[:, ::-1]  # rounded until it is wrong

    changed = {"name": "own", "is_int8": True, "write": write, "open_runner": open_runner}
    monkeypatch.setitem(FORMATS, "own", dataclasses.replace(FORMATS["onnx"], **changed))
    return chosen


def left_in(folder):
    return sorted(path.name for path in folder.iterdir())


def test_a_run_is_exported_into_its_own_folder(run, photos, tmp_path):
    copy = tmp_path / "run"
    shutil.copytree(run.path, copy)
    exported = pawsight.export(copy)
    assert exported.path == copy / "exports" / "onnx"
    assert left_in(exported.path) == ["README.md", "model.json", "model.onnx", "photo.onnx"]
    assert exported.num_photos == run.metrics["parts"]["validation"]["n"]


def test_photos_can_be_given(colour_run, colour_photos, tmp_path):
    exported = pawsight.export(colour_run, out=tmp_path / "out", photos=colour_photos)
    assert (exported.num_photos, exported.accuracy, exported.model_accuracy) == (6, 1, 1)


def test_photos_that_could_not_be_copied_may_be_left_out(
    colour_run, colour_photos, tmp_path, monkeypatch
):
    allowed, fetch = [], photo_sets.fetch

    def recorded(*args, allow_missing):
        allowed.append(allow_missing)
        return fetch(*args, allow_missing=allow_missing)

    monkeypatch.setattr(photo_sets, "fetch", recorded)
    pawsight.export(colour_run, "onnx", tmp_path / "a", colour_photos, allow_missing=True)
    pawsight.export(colour_run, "onnx", tmp_path / "b", colour_photos)
    assert allowed == [True, False]


def test_few_photos_are_reported(colour_run, colour_photos, tmp_path, recorded):
    list(export_all(colour_run, ["onnx"], tmp_path / "out", colour_photos, recorded))
    assert any("There are 6 photos to compare on" in note for note in recorded.notes)


def test_several_formats_get_a_folder_each(colour_run, colour_photos, tmp_path):
    found = export_all(colour_run, ["onnx", "colab", "onnx"], tmp_path / "out", colour_photos)
    assert [one.path for one in found] == [tmp_path / "out" / "onnx", tmp_path / "out" / "colab"]


def test_nothing_is_overwritten(colour_run, colour_photos, tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "mine.txt").write_text("mine")
    with pytest.raises(DiskError, match="never overwrites"):
        pawsight.export(colour_run, out=tmp_path / "out", photos=colour_photos)
    assert left_in(tmp_path / "out") == ["mine.txt"]


def test_an_empty_folder_is_taken(colour_run, colour_photos, tmp_path):
    (tmp_path / "out").mkdir()
    pawsight.export(colour_run, out=tmp_path / "out", photos=colour_photos)
    assert "model.onnx" in left_in(tmp_path / "out")


def test_nothing_is_written_among_photos(colour_run, colour_photos):
    with pytest.raises(pawsight.PawsightError, match="nothing is ever written among the photos"):
        pawsight.export(colour_run, out=colour_photos / "out", photos=colour_photos)


def test_an_unknown_format_is_answered_with_those_there_are(colour_run):
    with pytest.raises(ConfigError, match=r"no format 'coreml'[\s\S]*litert-int8"):
        pawsight.export(colour_run, "coreml")


def test_a_missing_extra_is_named(colour_run, monkeypatch):
    monkeypatch.setitem(
        FORMATS, "onnx", dataclasses.replace(FORMATS["onnx"], needs=("no_such_package",))
    )
    with pytest.raises(ExtraError, match=r"Export to onnx needs an extra: .*pawsight\[train\]"):
        pawsight.export(colour_run)


def test_without_photos_it_explains_how_to_name_some(colour_run, tmp_path):
    with pytest.raises(DataError, match="--photos FOLDER"):
        pawsight.export(colour_run, out=tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_photos_that_are_gone_are_reported_with_what_to_do(run, tmp_path):
    copy = tmp_path / "run"
    shutil.copytree(run.path, copy)
    config = (copy / "config.json").read_text(encoding="utf-8")
    source = pawsight.Run(copy).read_json(copy / "config.json")["source"]
    (copy / "config.json").write_text(config.replace(source, "/nowhere/pets"), encoding="utf-8")
    with pytest.raises(DataError, match=r"/nowhere/pets[\s\S]*--photos FOLDER"):
        pawsight.export(copy)


def test_the_shipped_model_has_no_keras_weights_and_reports_what_works():
    with pytest.raises(ModelError, match=r"which keras needs[\s\S]*--format onnx, "):
        pawsight.export(None, "keras")


def test_the_shipped_model_is_exported_with_photos_that_are_given(photos, tmp_path):
    for path in [*(photos / "cats").glob("cat*")][:4] + [*(photos / "dogs").glob("dog*")][:4]:
        (tmp_path / "few" / path.parent.name).mkdir(parents=True, exist_ok=True)
        shutil.copy(path, tmp_path / "few" / path.parent.name)
    exported = pawsight.export(None, "onnx", tmp_path / "out", tmp_path / "few")
    assert exported.largest_difference < 1e-5
    assert exported.size > builtin.onnx_path().stat().st_size


def test_an_export_that_predicts_something_else_is_removed(
    colour_run, colour_photos, tmp_path, monkeypatch
):
    whole = FORMATS["onnx"].open_runner

    def shifted(path):
        run = whole(path)
        return lambda images: run(images)[:, ::-1]

    changed = dataclasses.replace(FORMATS["onnx"], open_runner=shifted)
    monkeypatch.setitem(FORMATS, "onnx", changed)
    before = left_in(tmp_path)
    with pytest.raises(ModelError, match="does not compute what the model computes"):
        pawsight.export(colour_run, out=tmp_path / "out", photos=colour_photos)
    assert left_in(tmp_path) == before


@pytest.mark.parametrize(
    ("raised", "expected", "match"),
    [
        (KeyboardInterrupt(), KeyboardInterrupt, None),
        (OSError(errno.ENOSPC, "no space"), DiskError, "The disk is full"),
        (OSError(errno.EACCES, "Permission denied"), DiskError, "Permission denied"),
        (RuntimeError("no such operator"), ModelError, "cannot be exported to onnx: no such op"),
    ],
)
def test_nothing_is_left_when_writing_fails(
    colour_run, colour_photos, tmp_path, monkeypatch, raised, expected, match
):
    def fail(model, folder, progress):
        (folder / "half.onnx").write_bytes(b"half")
        raise raised

    monkeypatch.setitem(FORMATS, "onnx", dataclasses.replace(FORMATS["onnx"], write=fail))
    before = left_in(tmp_path)
    with pytest.raises(expected, match=match):
        pawsight.export(colour_run, out=tmp_path / "out", photos=colour_photos)
    assert left_in(tmp_path) == before


def test_a_place_that_is_no_folder_is_refused(tmp_path):
    (tmp_path / "file").write_text("mine")
    with (
        pytest.raises(DiskError, match="Cannot make the folder"),
        new_folder(tmp_path / "file" / "out"),
    ):
        pass
    assert (tmp_path / "file").read_text() == "mine"


def test_two_models_are_compared_photo_by_photo():
    difference, agreement = compare(
        predictions(0.9, 0.4, 0.2, 0.6), predictions(0.9, 0.6, 0.1, 0.7)
    )
    assert difference == pytest.approx(0.2)
    assert agreement == 0.75


def test_photos_lost_on_the_way_are_no_comparison():
    with pytest.raises(DataError, match="Export again"):
        compare(predictions(0.9), predictions(0.9, 0.4))


@pytest.mark.parametrize("difference", [0.0011, float("nan")])
def test_a_difference_beyond_rounding_is_an_error(difference):
    with pytest.raises(ModelError, match=r"where 0\.001 is allowed"):
        check_difference(difference, 64, "onnx")


def test_photos_that_set_the_ranges_of_8_bits_are_not_scored(colour_photos):
    catalog, _ = ingest(colour_photos, (8, 8))
    photos = tuple(dataclasses.replace(photo, part="test") for photo in catalog.photos)
    divided = reserve_calibration_photos(dataclasses.replace(catalog, photos=photos), "test")
    assert len(divided.part("train")) == len(divided.part("test")) == 3
    assert not set(divided.part("train")) & set(divided.part("test"))


def test_a_model_json_of_the_format_itself_is_kept(
    colour_run, colour_photos, tmp_path, monkeypatch
):
    def write(model, folder, progress):
        (folder / "model.json").write_text("its own")
        return FORMATS["onnx"].write(model, folder, progress)

    monkeypatch.setitem(
        FORMATS, "own", dataclasses.replace(FORMATS["onnx"], name="own", write=write)
    )
    pawsight.export(colour_run, "own", tmp_path / "out", colour_photos)
    assert (tmp_path / "out" / "model.json").read_text() == "its own"
    described = json.loads((tmp_path / "out" / "pawsight.json").read_text())
    assert described["class_names"] == list(pawsight.load(colour_run).class_names)


@pytest.mark.parametrize(("count", "is_noted"), [(63, True), (64, False)])
def test_photos_are_few_below_64(colour_run, tmp_path, recorded, count, is_noted):
    photos = drawn(tmp_path / "photos", (1, 1, count - 2))
    (exported,) = export_all(colour_run, ["onnx"], tmp_path / "out", photos, recorded)
    assert exported.num_photos == count
    assert any("photos to compare on" in note for note in recorded.notes) is is_noted


def test_an_export_of_8_bits_has_ranges_by_half_of_the_photos_and_may_differ(
    colour_run, colour_photos, tmp_path, int8
):
    exported = pawsight.export(colour_run, "own", tmp_path / "out", colour_photos)
    (calibration,) = int8
    assert calibration.shape == (3, 8, 8, 3)
    assert exported.num_photos == 3
    assert exported.agreement < 1 and exported.largest_difference > 0.1


def test_other_formats_need_no_photos_to_choose_ranges_by(
    colour_run, colour_photos, tmp_path, monkeypatch
):
    chosen, whole = [], FORMATS["onnx"]

    def write(model, folder, progress):
        chosen.append(len(model.calibration))
        return whole.write(model, folder, progress)

    monkeypatch.setitem(FORMATS, "onnx", dataclasses.replace(whole, write=write))
    assert pawsight.export(colour_run, "onnx", tmp_path / "out", colour_photos).num_photos == 6
    assert chosen == [0]


def test_one_photo_is_too_few_to_choose_ranges_by(colour_run, tmp_path, int8):
    photos = drawn(tmp_path / "photos", (1, 0, 0))
    with pytest.raises(DataError, match=r"too few photos to calibrate[\s\S]*--photos FOLDER"):
        pawsight.export(colour_run, "own", tmp_path / "out", photos)


def catalog_of(**parts):
    """A catalog with as many photos of each part as given."""
    photos = [Photo(f"{part}{i}", "a", part) for part, count in parts.items() for i in range(count)]
    return Catalog("photos", Path(), tuple(photos))


@pytest.mark.parametrize(
    ("parts", "num_reserved"),
    [
        ({"test": 5}, 2),
        ({"test": 1}, 0),
        ({"test": 400}, 200),
        ({"test": 500}, 200),
        ({"test": 10, "validation": 8}, 5),
        ({"test": 10, "train": 3}, 3),
    ],
)
def test_at_most_half_and_200_photos_are_reserved_where_none_were_trained_on(parts, num_reserved):
    catalog = catalog_of(**parts)
    reserved = reserve_calibration_photos(catalog, "test")
    num_left = parts["test"] - (0 if "train" in parts else num_reserved)
    assert (len(reserved.part("train")), len(reserved.part("test"))) == (num_reserved, num_left)
    assert len(reserved.part("validation")) == parts.get("validation", 0)
    assert [photo.path for photo in reserved.photos] == [photo.path for photo in catalog.photos]


def test_a_format_of_one_answer_is_refused_for_several_labels_with_those_that_are_not(
    make_colour_run, colour_photos
):
    run = make_colour_run(task="multi-label", thresholds=[0.5, 0.5, 0.5])
    refused = sorted(name for name, one in FORMATS.items() if not one.takes_labels)
    with pytest.raises(ModelError, match="gives photos several labels") as raised:
        pawsight.export(run, refused[0], photos=colour_photos)
    advised = str(raised.value).partition("--format ")[2].rstrip(".").split(", ")
    assert "onnx" in advised and not set(advised) & set(refused)


def test_the_shipped_model_is_exported_into_the_current_folder(
    tmp_path, monkeypatch, colour_photos
):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "exports" / "onnx").mkdir(parents=True)
    (tmp_path / "exports" / "onnx" / "mine.txt").touch()
    with pytest.raises(DiskError, match=r"exports/onnx[\s\S]*never overwrites"):
        pawsight.export(None, "onnx", photos=colour_photos)


def test_a_model_without_its_photos_is_named(colour_run, tmp_path):
    with pytest.raises(DataError, match=f"The model in {colour_run.path} comes without the photos"):
        pawsight.export(colour_run, out=tmp_path / "out")
    with pytest.raises(DataError, match="The model that ships comes without the photos"):
        pawsight.export(out=tmp_path / "out")


@pytest.mark.parametrize("difference", [None, 0.0125])
def test_a_file_for_photos_of_any_size_is_described_or_its_lack_explained(
    colour_run, colour_photos, tmp_path, recorded, monkeypatch, difference
):
    given = []

    def add_any_size(model, folder, classifier, paths):
        given.extend(paths)
        return difference

    monkeypatch.setattr("pawsight.workflow.exports.add_any_size", add_any_size)
    list(export_all(colour_run, ["onnx"], tmp_path / "out", colour_photos, recorded))
    assert sorted(given) == sorted(colour_photos.glob("*/*.png"))
    readme = (tmp_path / "out" / "README.md").read_text()
    assert ("photo.onnx" in readme) is (difference is not None)
    assert any(
        "photo.onnx, for photos of any size, was not written" in note for note in recorded.notes
    ) is (difference is None)
