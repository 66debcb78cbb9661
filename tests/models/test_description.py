import json

import pytest

from pawsight.errors import RunError
from pawsight.models.description import ModelDescription, versions
from pawsight.runs import Run


def _described(**changes):
    facts = {"class_names": ("cats", "dogs"), "image_size": (32, 40), "resize": "crop"}
    return ModelDescription(**facts | changes)


def test_a_description_comes_back_as_it_was_saved_with_its_date_and_versions(tmp_path):
    described = _described(architecture="swift", temperature=1.5, source="pets", options={"a": 1})
    described.save(Run(tmp_path))
    found = ModelDescription.load(Run(tmp_path))
    assert found.model_copy(update={"created": None, "versions": {}}) == described
    assert found.created is not None and found.created.endswith("+00:00")
    assert found.versions == versions() and "numpy" in found.versions


def test_saving_again_changes_only_what_was_changed(tmp_path):
    run = Run(tmp_path)
    _described(created="2020-01-01", versions={"keras": "3"}, note="mine").save(run)
    ModelDescription.load(run).model_copy(update={"temperature": 2.0}).save(run)
    found = ModelDescription.load(run)
    assert (found.created, found.versions, found.temperature) == ("2020-01-01", {"keras": "3"}, 2.0)
    assert json.loads(run.model_path.read_text())["note"] == "mine"  # of another tool


def test_a_file_of_the_first_version_still_loads(tmp_path):
    run = Run(tmp_path)
    run.model_path.parent.mkdir()
    run.model_path.write_text(
        '{"format_version": 1, "architecture": "colab", "options": {}, "class_names": ["a", "b"],'
        '"image_size": [150, 150], "resize": "stretch", "temperature": 1.25, "input": "images",'
        '"output": "logits", "source": "pets", "created": "2026-01-02T03:04:05+00:00",'
        '"onnx_largest_difference": 1e-07, "versions": {"keras": "3.15.1"}}'
    )
    found = ModelDescription.load(run)
    assert (found.architecture, found.image_size, found.temperature) == ("colab", (150, 150), 1.25)
    assert found.outputs == ("logits",)
    assert found.origin() == {
        "architecture": "colab",
        "source": "pets",
        "created": "2026-01-02T03:04:05+00:00",
        "versions": {"keras": "3.15.1"},
    }


def test_usage_states_how_pixels_are_given():
    found = _described().usage()
    assert found["input_type"] == "float32"
    assert found["input_colours"] == "RGB"
    assert found["input_range"] == [0.0, 255.0]
    assert found["outputs"] == ["logits"]
    assert "architecture" not in found
    assert _described().metadata()["class_names"] == '["cats", "dogs"]'


@pytest.mark.parametrize(
    ("changes", "is_same"),
    [({"source": "other", "created": "now"}, True), ({"temperature": 2.0}, False)],
)
def test_only_what_decides_answers_is_decisive(changes, is_same):
    assert (_described(**changes).decisive() == _described().decisive()) == is_same


def test_a_file_whose_checksum_is_not_the_saved_one_is_refused(tmp_path):
    run = Run(tmp_path)
    run.onnx_path.parent.mkdir()
    run.onnx_path.write_bytes(b"the network")
    _described().save(run)
    found = ModelDescription.load(run)
    assert list(found.sha256) == ["model.onnx"]
    found.check(run.onnx_path, b"the network")
    with pytest.raises(RunError, match=r"model.onnx is damaged: its checksum"):
        found.check(run.onnx_path, b"The network")


def test_checksums_stay_when_the_description_is_saved_again(tmp_path):
    run = Run(tmp_path)
    run.onnx_path.parent.mkdir()
    run.onnx_path.write_bytes(b"the network")
    _described().save(run)
    run.onnx_path.write_bytes(b"a damaged one")
    ModelDescription.load(run).model_copy(update={"temperature": 2.0}).save(run)
    with pytest.raises(RunError, match="damaged"):
        ModelDescription.load(run).check(run.onnx_path, run.onnx_path.read_bytes())
