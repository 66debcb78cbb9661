"""The shipped model: its files, what it promises, and that Keras computes the same."""

import keras
import numpy as np
import onnxruntime
import pytest

from pawsight.errors import RunError
from pawsight.inference.classifier import Classifier
from pawsight.models import builtin
from pawsight.models.model_files import load_model
from pawsight.runs import Run


@pytest.fixture(scope="module")
def network():
    return onnxruntime.InferenceSession(
        builtin.onnx_path().read_bytes(), providers=["CPUExecutionProvider"]
    )


@pytest.fixture
def drawn():
    """Smooth patches of colour, float32 [4, 64, 96, 3]: not square, and no multiple of 64 wide."""
    rng = np.random.default_rng(0)
    coarse = rng.integers(0, 256, (4, 4, 6, 3)).astype(np.float32)
    return coarse.repeat(16, axis=1).repeat(16, axis=2)


def test_file_is_no_larger_than_it_may_be():
    assert builtin.onnx_path().stat().st_size <= 12_000_000


def test_licence_and_card_lie_beside_the_model():
    for name in ("LICENSE", "NOTICE", "MODEL_CARD.md"):
        assert (builtin.folder() / name).stat().st_size > 300


def test_description_is_that_of_a_finished_run():
    classifier = Classifier.load(builtin.folder())
    assert classifier.class_names == ("cats", "dogs")
    assert classifier.image_size == builtin.IMAGE_SIZE
    assert classifier.temperature > 0


def test_network_gives_logits_features_and_familiarity(network, drawn):
    logits, features, familiarity = network.run(
        ["logits", "features", "familiarity"], {"images": drawn}
    )
    assert logits.shape == (4, 2)
    assert familiarity.shape == (4, 1)
    assert features.shape == (4, builtin.NUM_FEATURES)
    assert (features >= 0).all() and (features <= 6).all()  # means of ReLU6
    assert len(np.unique(features, axis=0)) == 4


def test_same_photo_always_gives_the_same_logits(network, drawn):
    first, again = (network.run(["logits"], {"images": drawn})[0] for _ in range(2))
    assert np.array_equal(first, again)


def test_photo_gives_the_same_logits_alone_and_among_others(network, drawn):
    (together,) = network.run(["logits"], {"images": drawn})
    (alone,) = network.run(["logits"], {"images": drawn[2:3]})
    assert alone[0] == pytest.approx(together[2], abs=1e-3)


def test_pictures_of_nothing_are_not_called_cats_or_dogs_for_sure():
    grey, black = (np.full((100, 80, 3), value, np.uint8) for value in (128, 0))
    for prediction in Classifier.load(builtin.folder()).predict([grey, black]):
        assert prediction.probability < 0.9


@pytest.mark.slow
def test_keras_network_gives_the_features_of_the_file(network, drawn):
    from pawsight.models.builtin.network import build_features

    model = build_features((64, 96), keras.DTypePolicy("float32"))
    (expected,) = network.run(["features"], {"images": drawn})
    assert model.output_shape == (None, builtin.NUM_FEATURES)
    assert np.asarray(model(drawn)) == pytest.approx(expected, abs=1e-3)


@pytest.mark.slow
def test_keras_network_takes_the_precision_it_is_given():
    from pawsight.models.builtin.network import build_features

    model = build_features((32, 32), keras.DTypePolicy("mixed_bfloat16"))
    assert model.get_layer("stem").compute_dtype == "bfloat16"
    assert model.get_layer("pooled").compute_dtype == model.output.dtype == "float32"


def test_folder_is_a_run_folder():
    assert Run.open(builtin.folder()).onnx_path == builtin.onnx_path()


def test_who_wants_to_train_the_shipped_model_is_advised_how():
    with pytest.raises(RunError, match=r"(?s)no Keras weights.*--model builtin"):
        load_model(Run.open(builtin.folder()))
