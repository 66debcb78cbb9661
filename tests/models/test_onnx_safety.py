"""A stranger's model.onnx can fail to load; it can do nothing else."""

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper

from pawsight.errors import ModelError, RunError
from pawsight.exporting.model_folder import ModelFolder
from pawsight.exporting.onnx_format import with_probabilities
from pawsight.inference.classifier import Classifier
from pawsight.models import builtin, onnx_safety
from pawsight.models.builtin.network import build_features
from pawsight.models.onnx_graph import append_head
from pawsight.models.onnx_safety import check_safe, read_onnx
from pawsight.models.onnx_session import new_session

SECRET = np.array([7.5, 1.25, 3.0], np.float32)


def _model(nodes=(), initializers=(), **options):
    """A model for 8 x 8 pixels and three classes; `nodes` may stand before its last one."""
    last = helper.make_node("ReduceMean", ["images"], ["logits"], axes=[1, 2], keepdims=0)
    graph = helper.make_graph(
        [*nodes, last],
        "crafted",
        [helper.make_tensor_value_info("images", TensorProto.FLOAT, [None, 8, 8, 3])],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, [None, 3])],
        list(initializers),
    )
    domains = [helper.make_opsetid("", 17), helper.make_opsetid("own", 1)]
    return helper.make_model(graph, opset_imports=domains, ir_version=8, **options)


def _external(name="stolen"):
    """A tensor whose numbers are the bytes of a file beside."""
    tensor = numpy_helper.from_array(SECRET, name)
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    for key, value in (("location", "secret.env"), ("offset", "0"), ("length", "12")):
        tensor.external_data.add(key=key, value=value)
    return tensor


def _reads_a_secret():
    """A model whose answer to anything is what a file in the current folder holds."""
    model = _model(initializers=[_external()])
    model.graph.node[0].output[0] = "mean"
    model.graph.node.append(helper.make_node("Add", ["mean", "stolen"], ["logits"]))
    return model


def _hidden_in_an_attribute():
    return _model([helper.make_node("Constant", [], ["stolen"], value=_external())])


def _hidden_in_a_sparse_tensor():
    model = _model()
    sparse = model.graph.sparse_initializer.add()
    sparse.values.CopyFrom(_external())
    sparse.dims.append(3)
    return model


def _external_data_without_its_flag():
    model = _model(initializers=[_external()])
    model.graph.initializer[0].ClearField("data_location")
    return model


def _of_a_plug_in():
    return _model([helper.make_node("Run", ["images"], ["odd"], domain="own")])


def _with_a_function():
    function = helper.make_function(
        "own",
        "Twice",
        ["x"],
        ["y"],
        [helper.make_node("Add", ["x", "x"], ["y"])],
        [helper.make_opsetid("", 17)],
    )
    return _model(functions=[function])


def _without_an_end():
    body = helper.make_graph(
        [
            helper.make_node("Identity", ["go_on"], ["again"]),
            helper.make_node("Identity", ["value"], ["next"]),
        ],
        "body",
        [
            helper.make_tensor_value_info("step", TensorProto.INT64, []),
            helper.make_tensor_value_info("go_on", TensorProto.BOOL, []),
            helper.make_tensor_value_info("value", TensorProto.FLOAT, None),
        ],
        [
            helper.make_tensor_value_info("again", TensorProto.BOOL, []),
            helper.make_tensor_value_info("next", TensorProto.FLOAT, None),
        ],
    )
    yes = numpy_helper.from_array(np.array(True), "yes")
    return _model([helper.make_node("Loop", ["", "yes", "images"], ["x"], body=body)], [yes])


CRAFTED = {
    _reads_a_secret: "other files",
    _hidden_in_an_attribute: "other files",
    _hidden_in_a_sparse_tensor: "other files",
    _external_data_without_its_flag: "other files",
    _of_a_plug_in: "operator 'Run'",
    _with_a_function: "functions",
    _without_an_end: "control flow",
}


@pytest.fixture
def secret(tmp_path, monkeypatch):
    """The current folder holds a secret, as a server's may."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "secret.env").write_bytes(SECRET.tobytes())


def test_the_crafted_model_would_give_the_secret_away(secret):
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    session = onnxruntime.InferenceSession(
        _reads_a_secret().SerializeToString(), options, providers=["CPUExecutionProvider"]
    )
    (logits,) = session.run(["logits"], {"images": np.zeros((1, 8, 8, 3), np.float32)})
    np.testing.assert_array_equal(logits[0], SECRET)


@pytest.mark.parametrize("craft", CRAFTED)
def test_a_crafted_model_is_refused_wherever_a_model_is_opened(secret, make_colour_run, craft):
    run, content = make_colour_run(), craft().SerializeToString()
    run.onnx_path.write_bytes(content)
    model = ModelFolder.open(run)
    for opened in (
        lambda: new_session(content),
        lambda: read_onnx(run.onnx_path),
        lambda: Classifier.load(run),
        lambda: with_probabilities(model),
        lambda: append_head(run.onnx_path, np.eye(3), np.zeros(3), (8, 8), run.path / "out.onnx"),
        lambda: build_features((8, 8), "float32", run.onnx_path),
    ):
        with pytest.raises((ModelError, RunError), match=CRAFTED[craft]):
            opened()
    assert not (run.path / "out.onnx").exists()


def test_the_shipped_model_is_safe():
    check_safe(builtin.onnx_path().read_bytes())


def test_a_field_that_is_given_twice_hides_nothing(secret):
    harmless, harmful = (model().SerializeToString() for model in (_model, _reads_a_secret))
    for content in (harmless + harmful, harmful + harmless):  # protobuf takes both together
        with pytest.raises(ModelError, match="other files"):
            check_safe(content)


def test_too_many_nodes_are_refused(monkeypatch):
    monkeypatch.setattr(onnx_safety, "MAX_NODES", 2)
    nodes = [helper.make_node("Relu", ["images"], [f"x{i}"]) for i in range(2)]
    check_safe(_model(nodes[:1]).SerializeToString())
    with pytest.raises(ModelError, match="3 nodes, where 2"):
        check_safe(_model(nodes).SerializeToString())


def test_too_large_a_file_is_refused_before_it_is_read(monkeypatch, tmp_path):
    path = tmp_path / "model.onnx"
    path.write_bytes(_model().SerializeToString())
    monkeypatch.setattr(onnx_safety, "MAX_FILE_BYTES", path.stat().st_size)
    assert read_onnx(path) == path.read_bytes()
    monkeypatch.setattr(onnx_safety, "MAX_FILE_BYTES", path.stat().st_size - 1)
    with pytest.raises(ModelError, match="more than"):
        read_onnx(path)


def test_a_file_of_onnx_runtimes_own_format_is_refused(tmp_path):
    options = onnxruntime.SessionOptions()
    options.optimized_model_filepath = str(tmp_path / "model.ort")
    onnxruntime.InferenceSession(
        _model().SerializeToString(), options, providers=["CPUExecutionProvider"]
    )
    content = (tmp_path / "model.ort").read_bytes()
    assert content[4:8] == b"ORTM"
    with pytest.raises(ModelError):
        new_session(content)


@pytest.mark.parametrize("content", [b"junk", onnx.ModelProto().SerializeToString()])
def test_what_is_no_model_is_refused(content):
    with pytest.raises(ModelError):
        new_session(content)
