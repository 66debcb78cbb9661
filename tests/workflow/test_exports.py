"""What an export refuses, what it needs, and what is left when it fails: mostly with ONNX alone."""

import dataclasses
import errno
import json
import shutil

import numpy as np
import pytest
from PIL import Image

import pawsight
from pawsight.data.reading.ingest import ingest
from pawsight.errors import ConfigError, DataError, DiskError, ExtraError, ModelError
from pawsight.exporting.comparison import check_difference, compare
from pawsight.exporting.formats import FORMATS
from pawsight.models import builtin
from pawsight.records import Predictions
from pawsight.storage.atomic_folder import new_folder
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
    folder = tmp_path_factory.mktemp("colours") / "photos"
    for name, colour in (("red", "red"), ("green", "lime"), ("blue", "blue")):
        (folder / name).mkdir(parents=True)
        for number in range(2):
            image = Image.new("RGB", (12, 9 + number), colour)
            image.save(folder / name / f"{number}.png")
    return folder


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
    with pytest.raises(ModelError, match=r"keras is made from[\s\S]*--format onnx, "):
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
    with pytest.raises(DiskError, match="Cannot write into"), new_folder(tmp_path / "file" / "out"):
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
