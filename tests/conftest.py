"""A run folder with a real, tiny model, for tests that use one without training."""

import fcntl
import gc
import importlib
import json
import os
import signal
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from pawsight.inference import enlarged_images
from pawsight.progress import Silent
from pawsight.runs import Run

COLOURS = ("red", "green", "blue")


def write_colour_model(path: Path, height: int | str = 8, width: int | str = 8) -> None:
    """Write an ONNX model whose logits are 4 times the mean red, green and blue, 0..1."""
    from onnx import TensorProto, helper

    image = helper.make_tensor_value_info("images", TensorProto.FLOAT, ["n", height, width, 3])
    logits = helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["n", 3])
    scale = helper.make_tensor("scale", TensorProto.FLOAT, [], [4 / 255])
    nodes = [
        helper.make_node("ReduceMean", ["images"], ["mean"], axes=[1, 2], keepdims=0),
        helper.make_node("Mul", ["mean", "scale"], ["logits"]),
    ]
    graph = helper.make_graph(nodes, "colours", [image], [logits], [scale])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(model.SerializeToString())


def pytest_collection_finish():
    """Exempt TensorFlow's million objects, which stay to the end, from every collection."""
    gc.collect()
    gc.freeze()


class RecordingProgress(Silent):
    """Keeps the notes that a user would read."""

    def __init__(self):
        self.notes = []

    def note(self, text):
        self.notes.append(text)


@pytest.fixture
def recorded():
    return RecordingProgress()


@pytest.fixture(scope="session", autouse=True)
def own_cache(tmp_path_factory):
    """Keep the tests out of the user's own cache."""
    patch = pytest.MonkeyPatch()
    patch.setenv("PAWSIGHT_CACHE", str(tmp_path_factory.mktemp("own") / "cache"))
    yield
    patch.undo()


@pytest.fixture(scope="session", autouse=True)
def images_that_are_not_enlarged():
    """Images of 32 pixels are searched for other things as they are: an 80th of the time."""
    patch = pytest.MonkeyPatch()
    patch.setattr(enlarged_images, "NUM_PIXELS", 32 * 32)
    yield
    patch.undo()


@pytest.fixture(scope="session")
def shared_folder(tmp_path_factory):
    """The temporary folder that all workers of pytest-xdist have in common."""
    folder = tmp_path_factory.getbasetemp()
    return folder.parent if "PYTEST_XDIST_WORKER" in os.environ else folder


@pytest.fixture(scope="session")
def make_once(shared_folder):
    """Make a folder once for all workers: `make_once(name, build)` calls build(path) in one."""

    def make(name, build):
        folder = shared_folder / "made once" / name
        folder.parent.mkdir(parents=True, exist_ok=True)
        with Path(f"{folder}.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            done = Path(f"{folder}.done")
            if not done.exists():
                build(folder)
                done.touch()
        return folder

    return make


@pytest.fixture(scope="session")
def fine_tuned(make_once):
    """The default model of sixty drawn cats and dogs, fine-tuned for an epoch: in a folder its
    photos (pets), its run and its notes (notes.json). Nothing may change them."""

    def build(folder):
        from pawsight.config import TrainConfig
        from pawsight.workflow import draw_sample, train

        photos, recorded = draw_sample(folder / "pets", count=60), RecordingProgress()
        config = TrainConfig(image_size=(32, 32), epochs=1, precision="float32")
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("pawsight.report.page._draw", lambda facts: {})
            train(photos, config, folder / "run", recorded)
        (folder / "notes.json").write_text(json.dumps(recorded.notes))

    return make_once("fine-tuned", build)


@pytest.fixture(scope="module")
def reading_in_this_process():
    """Read new photos without starting processes, each of which takes as long as many photos."""
    from pawsight.data.reading import batch, ingest

    def read_all(batches, num_workers):
        return ((one, batch.read_batch(one, batch.DecodeTimeout())) for one in batches)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ingest, "read_all", read_all)
        yield


@pytest.fixture
def decoding_in_threads(monkeypatch):
    """Decode streams of photos in this process: starting others takes longer than the photos."""
    monkeypatch.setattr("pawsight.inference.classifier.num_processes_for", lambda photos: 0)


@pytest.fixture
def undrawn(monkeypatch):
    """Write reports without figures, which take longer than some trainings."""
    monkeypatch.setattr("pawsight.report.page._draw", lambda facts: {})


@pytest.fixture(scope="module")
def small_swift():
    """Make "swift" a network of two narrow blocks, which is traced in half the time."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("pawsight.models.swift._STEM_CHANNELS", 16)
        patch.setattr("pawsight.models.swift._BLOCKS", ((32, True), (32, False)))
        yield


@pytest.fixture(scope="session", autouse=True)
def heed_ctrl_c():
    """Let commands be interrupted that are started here: a shell's background jobs ignore it."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture
def make_colour_run(tmp_path):
    """Make a run folder; keyword arguments replace entries of its model.json."""

    def make(name: str = "run", **changes: object) -> Run:
        run = Run(tmp_path / name)
        write_colour_model(run.onnx_path)
        description = {
            "format_version": 1,
            "architecture": "swift",
            "options": {},
            "class_names": list(COLOURS),
            "image_size": [8, 8],
            "resize": "stretch",
            "temperature": 1.0,
            "input": "images",
            "output": "logits",
        }
        run.model_path.write_text(json.dumps(description | changes), encoding="utf-8")
        return run

    return make


@pytest.fixture
def colour_run(make_colour_run) -> Run:
    """A finished run whose model tells red, green and blue photos apart, by 8 x 8 pixels."""
    return make_colour_run()


@pytest.fixture
def save_photo(tmp_path):
    """Save a photo of one colour; the name may have folders in it and be of any bytes."""

    def save(name: str, colour: str = "red", size: tuple[int, int] = (16, 12)) -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("wb") as file:
            # "green" is half as bright as (0, 255, 0) in Pillow; "lime" is full.
            Image.new("RGB", size, "lime" if colour == "green" else colour).save(file, "PNG")
        return path

    return save


@pytest.fixture
def plain_pixels():
    """Draw pixels of one colour, uint8 [count, 8, 8, 3]."""

    def draw(colour: tuple[int, int, int], count: int = 1) -> np.ndarray:
        return np.full((count, 8, 8, 3), colour, np.uint8)

    return draw


@pytest.fixture
def planted(tmp_path, monkeypatch) -> Path:
    """Decode in worker processes with a decoder that some photos harm; the file that ends WAIT."""
    from pawsight.inference import decode_processes

    monkeypatch.syspath_prepend(Path(__file__).parent)
    monkeypatch.setenv("GO_ON", str(tmp_path / "go-on"))
    decode = importlib.import_module("planted_decoder").decode
    monkeypatch.setattr(decode_processes, "decode_request", decode)
    return tmp_path / "go-on"
