"""Every model runs on the thread that calls it."""

import threading

import ai_edge_litert.interpreter
import numpy as np
import onnxruntime
import pytest

from pawsight.errors import ModelError
from pawsight.exporting import litert
from pawsight.models import builtin, onnx_session
from pawsight.models.description import ModelDescription
from pawsight.models.onnx_session import new_session, open_session


def test_a_session_uses_the_calling_thread_alone(colour_run):
    session = new_session(colour_run.onnx_path.read_bytes())
    assert session.get_session_options().intra_op_num_threads == 1


def test_the_session_of_a_run_uses_the_calling_thread_alone(colour_run):
    description = ModelDescription.load(colour_run)
    session = open_session(colour_run.onnx_path, description)
    assert session.get_session_options().intra_op_num_threads == 1


def test_a_litert_model_is_run_on_one_thread(monkeypatch, tmp_path):
    asked = {}

    class Interpreter:
        def __init__(self, path, **options):
            asked.update(options, path=path)

        def allocate_tensors(self):
            pass

        def get_signature_runner(self):
            return lambda images: {"probabilities": images.mean((1, 2))}

    monkeypatch.setattr(ai_edge_litert.interpreter, "Interpreter", Interpreter)
    run = litert.open_runner(tmp_path / "model.tflite")
    assert asked == {"path": str(tmp_path / "model.tflite"), "num_threads": 1}
    images = np.stack([np.full((2, 2, 3), value, np.uint8) for value in (3, 7)])
    assert run(images) == pytest.approx(np.array([[3.0] * 3, [7.0] * 3]))


def test_onnx_runtime_prints_nothing_about_a_damaged_model(capfd):
    content = builtin.onnx_path().read_bytes()
    name = content.index(b"images")
    with pytest.raises(ModelError, match="ONNX Runtime refuses it"):
        new_session(content[:name] + b"\xff\xfe" + content[name + 2 :])
    assert capfd.readouterr() == ("", "")


def test_a_model_that_never_opens_is_refused(monkeypatch, request):
    computed = threading.Event()
    request.addfinalizer(computed.set)
    monkeypatch.setattr(onnxruntime, "InferenceSession", lambda *_, **__: computed.wait())
    monkeypatch.setattr(onnx_session, "_OPENING_SECONDS", 0.1)
    with pytest.raises(ModelError, match="was not opened within 0 seconds"):
        new_session(builtin.onnx_path().read_bytes())
