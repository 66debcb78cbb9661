import numpy as np
import onnxruntime
import pytest

from pawsight.errors import ModelError
from pawsight.exporting.bundle import save_model
from pawsight.models.description import ModelDescription
from pawsight.models.model_files import load_model
from pawsight.models.onnx_convert import check_onnx, export_onnx
from pawsight.models.registry import build_model
from pawsight.runs import Run


def _images(count=5):
    return np.random.default_rng(0).integers(0, 256, (count, 32, 40, 3), dtype=np.uint8)


@pytest.mark.slow
@pytest.mark.parametrize(("name", "num_classes"), [("colab", 2), ("colab", 3), ("swift", 2)])
def test_the_onnx_file_computes_what_the_model_computes(tmp_path, name, num_classes):
    model = build_model(name, num_classes, (32, 40))
    export_onnx(model, tmp_path / "model.onnx")
    assert check_onnx(model, tmp_path / "model.onnx", _images()) < 1e-5
    session = onnxruntime.InferenceSession(str(tmp_path / "model.onnx"))
    logits = session.run(["logits"], {"images": _images(1).astype(np.float32)})[0]
    assert logits.shape == (1, num_classes)


@pytest.mark.slow
def test_a_model_that_differs_from_its_file_is_found_out(tmp_path):
    model = build_model("swift", 2, (32, 40))
    export_onnx(model, tmp_path / "model.onnx")
    last = model.get_layer("logits")
    # A shift alone is not seen where an untrained model's logits happen to be huge.
    last.kernel.assign(-last.kernel.value)
    last.bias.assign([0.0, 3.0])
    with pytest.raises(ModelError, match="does not compute what the model computes"):
        check_onnx(model, tmp_path / "model.onnx", _images())


@pytest.mark.slow
def test_a_model_trained_in_bfloat16_is_saved_whole_and_comes_back(tmp_path):
    run = Run(tmp_path)
    trained = build_model("swift", 2, (32, 40), "bfloat16")
    described = ModelDescription(
        architecture="swift", class_names=("a", "b"), image_size=(32, 40), resize="stretch"
    )
    assert save_model(run, trained, described, _images()).onnx_largest_difference < 1e-5
    loaded = load_model(run)
    for before, after in zip(trained.get_weights(), loaded.get_weights(), strict=True):
        np.testing.assert_array_equal(before, after)
    assert loaded.compute_dtype == "float32"
