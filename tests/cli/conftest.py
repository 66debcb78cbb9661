"""Run the real command line, inside this process or as one of its own."""

import subprocess
import sys

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner, Result

from pawsight.cli.main import app


@pytest.fixture(scope="module", autouse=True)
def read_photos_here(reading_in_this_process):
    """No test of this folder starts processes to read photos, but for those it runs itself."""


@pytest.fixture
def pawsight():
    """Run a command inside this process; what it prints is no terminal's."""

    def run(*arguments: object, stdin: bytes | str | None = None) -> Result:
        return CliRunner().invoke(app, [str(argument) for argument in arguments], input=stdin)

    return run


@pytest.fixture
def pawsight_process():
    """Run a command as a process of its own, as a shell would."""

    def run(*arguments: object, **options: object) -> subprocess.CompletedProcess[bytes]:
        command = [sys.executable, "-m", "pawsight", *arguments]
        return subprocess.run(command, capture_output=True, timeout=120, check=False, **options)

    return run


@pytest.fixture
def make_half_run(make_colour_run):
    """Make a run whose model looks at the left half only: logits [its mean red 0..1, 0]."""

    def make():
        from onnx import TensorProto, helper

        run = make_colour_run("half", class_names=["left", "other"])
        image = helper.make_tensor_value_info("images", TensorProto.FLOAT, ["n", 8, 8, 3])
        logits = helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["n", 2])
        weights = np.zeros((8, 8, 3, 2), np.float32)
        weights[:, :4, 0, 0] = 1 / (255 * 32)
        values = weights.reshape(-1, 2)
        matrix = helper.make_tensor("matrix", TensorProto.FLOAT, values.shape, values.ravel())
        nodes = [
            helper.make_node("Flatten", ["images"], ["flat"]),
            helper.make_node("MatMul", ["flat", "matrix"], ["logits"]),
        ]
        graph = helper.make_graph(nodes, "half", [image], [logits], [matrix])
        opset = [helper.make_opsetid("", 13)]
        model = helper.make_model(graph, opset_imports=opset, ir_version=8)
        run.onnx_path.write_bytes(model.SerializeToString())
        return run

    return make


@pytest.fixture
def labelled(save_photo, tmp_path):
    """Photos of three classes, one of them copied and one broken."""
    for colour in ("red", "green", "blue"):
        for number in range(4):
            save_photo(f"labelled/{colour}/{number}.png", colour, (20 + number, 10 + number))
    folder = tmp_path / "labelled"
    (folder / "red" / "copy.png").write_bytes((folder / "red" / "0.png").read_bytes())
    (folder / "blue" / "broken.jpg").write_bytes(b"no photo")
    return folder


@pytest.fixture
def sound(tmp_path):
    """Photos with which nothing is wrong: no two alike, coarse enough to survive JPEG."""
    rng = np.random.default_rng(0)
    for label in ("cats", "dogs"):
        (tmp_path / "sound" / label).mkdir(parents=True)
        for number in range(4):
            noise = rng.integers(0, 256, (16, 16, 3), np.uint8)
            image = Image.fromarray(noise).resize((96, 96), Image.Resampling.NEAREST)
            image.save(tmp_path / "sound" / label / f"{number}.jpg")
    return tmp_path / "sound"
