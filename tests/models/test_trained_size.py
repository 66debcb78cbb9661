"""The size of the images that a saved model takes, read without building it."""

import json
import zipfile

import h5py
import pytest

from pawsight.models.trained_size import trained_size


def saved(tmp_path, config, kind):
    path = tmp_path / f"model.{kind}"
    if kind == "keras":
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("config.json", json.dumps(config))
    else:
        with h5py.File(path, "w") as file:
            file.attrs["model_config"] = json.dumps(config)
    return path


@pytest.mark.parametrize("kind", ["keras", "h5"])
@pytest.mark.parametrize("name", ["batch_shape", "batch_input_shape"])
def test_the_size_is_height_and_width_of_the_input(tmp_path, kind, name):
    config = {"config": {"layers": [{"config": {name: [None, 160, 192, 3]}}]}}
    assert trained_size(saved(tmp_path, config, kind)) == (160, 192)


@pytest.mark.parametrize(
    ("shape", "size"),
    [
        ([None, 16, 1024, 3], (16, 1024)),
        ([None, 15, 64, 3], None),
        ([None, 64, 1025, 3], None),
        ([None, None, None, 3], None),
        ([64, 64, 3], None),
        ([None, 64, 64, 3, 1], None),
        ([None, 64.0, 64, 3], None),
        ("none", None),
    ],
)
def test_a_size_is_two_whole_sides_of_16_to_1024_pixels(tmp_path, shape, size):
    assert trained_size(saved(tmp_path, {"batch_shape": shape}, "keras")) == size


def test_the_outermost_input_counts(tmp_path):
    inner = {"layers": [{"config": {"batch_shape": [None, 32, 32, 3]}}]}
    config = {"config": {"inner": inner, "first": {"batch_shape": [None, 96, 96, 3]}}}
    assert trained_size(saved(tmp_path, config, "keras")) == (96, 96)
    # A shape that is no image is passed over for the next.
    config = {"batch_shape": [None, 10], "layers": [{"batch_shape": [None, 48, 48, 3]}]}
    assert trained_size(saved(tmp_path, config, "h5")) == (48, 48)


def test_a_file_that_states_nothing_has_no_size(tmp_path):
    (tmp_path / "empty.h5").write_bytes(b"")
    assert trained_size(tmp_path / "empty.h5") is None
    assert trained_size(tmp_path / "absent.keras") is None
    assert trained_size(saved(tmp_path, {}, "keras")) is None
    with h5py.File(tmp_path / "weights.h5", "w"):
        pass
    assert trained_size(tmp_path / "weights.h5") is None
