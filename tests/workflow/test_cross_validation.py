import csv
import json

import pytest

from pawsight.config import SplitConfig, TrainConfig
from pawsight.errors import RunError
from pawsight.runs import Run
from pawsight.workflow import cross_validate

SMALL = TrainConfig(
    model="colab", image_size=(32, 32), epochs=1, split=SplitConfig(folds=2), precision="float32"
)


def parts_of(path):
    with Run(path).split_path.open(newline="") as file:
        return {row["path"]: row["part"] for row in csv.DictReader(file)}


@pytest.mark.slow
@pytest.mark.usefixtures("undrawn")
def test_every_photo_outside_the_test_part_is_validated_once(photos, tmp_path, recorded):
    found = cross_validate(photos, SMALL, tmp_path / "cv")
    first, second = (parts_of(path) for path in found["runs"])
    held_out = {path for path, part in first.items() if part == "test"}
    assert held_out == {path for path, part in second.items() if part == "test"}
    for path in first.keys() - held_out:
        assert {first[path], second[path]} == {"train", "validation"}
    assert found["n"] == len(first) - len(held_out)
    assert json.loads((tmp_path / "cv" / "folds.json").read_text()) == found

    # Given again, it trains nothing again; with other settings it refuses.
    before = Run(found["runs"][0]).onnx_path.stat().st_mtime_ns
    assert cross_validate(photos, SMALL, tmp_path / "cv", recorded) == found
    assert Run(found["runs"][0]).onnx_path.stat().st_mtime_ns == before
    with pytest.raises(RunError, match="other settings"):
        cross_validate(photos, SMALL.model_copy(update={"epochs": 2}), tmp_path / "cv")


def test_folds_go_into_no_folder_that_holds_something_else(photos, tmp_path):
    (tmp_path / "thesis.txt").write_text("years of work")
    with pytest.raises(RunError, match="is not empty"):
        cross_validate(photos, SMALL, tmp_path)
