"""A model that takes for ever is stopped, and others are not."""

import threading
import time

import numpy as np
import pytest
from onnx import TensorProto, helper

from pawsight.errors import RunError
from pawsight.inference import model_runner
from pawsight.inference.classifier import Classifier

SIDE = 1000


def write_slow_model(path, num_steps):
    """Logits that are all 0, after so many products of matrices."""
    images = helper.make_tensor_value_info("images", TensorProto.FLOAT, ["n", 8, 8, 3])
    logits = helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["n", 3])
    w = np.zeros((SIDE, SIDE), np.float32).tobytes()
    weights = [helper.make_tensor("w", TensorProto.FLOAT, [SIDE, SIDE], w, raw=True)]
    nodes = [
        helper.make_node("ReduceMean", ["images"], ["mean"], axes=[1, 2], keepdims=0),
        helper.make_node("ReduceMean", ["mean"], ["one"], keepdims=0),
        helper.make_node("Add", ["w", "one"], ["x0"]),
        *(helper.make_node("MatMul", [f"x{i}", "w"], [f"x{i + 1}"]) for i in range(num_steps)),
        helper.make_node("ReduceMean", [f"x{num_steps}"], ["zero"], keepdims=0),
        helper.make_node("Mul", ["mean", "zero"], ["logits"]),
    ]
    graph = helper.make_graph(nodes, "slow", [images], [logits], weights)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    path.write_bytes(model.SerializeToString())


@pytest.fixture
def slow(colour_run, monkeypatch):
    write_slow_model(colour_run.onnx_path, num_steps=300)
    monkeypatch.setattr(model_runner, "_LIMIT_SECONDS", 0.2)
    monkeypatch.setattr(model_runner, "_LIMIT_SECONDS_PER_IMAGE", 0.0)
    return Classifier.load(colour_run)


def test_a_run_that_takes_too_long_is_stopped(slow, plain_pixels):
    with pytest.raises(RunError, match=r"model\.onnx took more than 0 seconds for 1 photo"):
        slow.logits(plain_pixels((9, 9, 9)))


def test_a_run_in_time_is_not_stopped_while_another_is(slow, make_colour_run, plain_pixels):
    quick = Classifier.load(make_colour_run("quick"))
    errors = []

    def run_slow():
        try:
            slow.logits(plain_pixels((9, 9, 9)))
        except RunError as error:
            errors.append(error)

    thread = threading.Thread(target=run_slow)
    thread.start()
    while thread.is_alive():
        assert quick.logits(plain_pixels((255, 0, 0))).argmax() == 0
        time.sleep(0.01)
    assert len(errors) == 1
