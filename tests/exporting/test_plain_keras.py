"""The model in layers of Keras' own computes what the model in ours computes."""

import importlib.util
import os
import subprocess
import sys

import keras
import numpy as np
import pytest
from keras import layers

from pawsight.errors import ModelError
from pawsight.exporting.plain_keras import plain_model
from pawsight.models.description import ModelDescription
from pawsight.models.normalization import FusedBatchNormalization
from pawsight.models.pretrained import CaffeScaling
from pawsight.models.registry import build_model
from pawsight.probabilities import softmax


class Stored:
    """Stands for a model folder: a network of 32 x 40 pixels, calibrated by a temperature of 2."""

    description = ModelDescription(
        class_names=("a", "b", "c"), image_size=(32, 40), resize="stretch", temperature=2.0
    )

    def __init__(self, network):
        self._network = network
        for one in network.weights:  # or some would be left at zero, where nothing shows
            if "seed" not in one.path:
                one.assign(one + 0.1 * keras.random.uniform(one.shape, seed=1))

    def load_keras(self):
        return self._network


def network_of(layer):
    images = keras.Input((32, 40, 3))
    x = layers.GlobalAveragePooling2D()(layer(images))
    return keras.Model(images, layers.Dense(3)(x))


def leaves_of(model):
    for layer in model.layers:
        yield from leaves_of(layer) if isinstance(layer, keras.Model) else [layer]


@pytest.mark.slow
@pytest.mark.parametrize("name", ["swift", "mobilenetv2", "caffe"])
def test_the_plain_model_predicts_the_same_after_it_was_saved(name, tmp_path):
    network = network_of(CaffeScaling()) if name == "caffe" else build_model(name, 3, (32, 40))
    images = np.random.default_rng(0).integers(0, 256, (5, 32, 40, 3)).astype(np.float32)
    stored = Stored(network)
    plain_model(stored).save(tmp_path / "model.keras")
    found = keras.models.load_model(tmp_path / "model.keras")
    answers = found(images, training=False)
    logits = np.asarray(network(images, training=False))
    np.testing.assert_allclose(answers["logits"], logits, rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(answers["probabilities"], softmax(logits, 2.0), atol=1e-4)
    assert not {FusedBatchNormalization, CaffeScaling} & {type(one) for one in leaves_of(found)}


def test_one_output_for_two_classes_becomes_two():
    images = keras.Input((32, 40, 3))
    network = keras.Model(images, layers.Dense(1)(layers.GlobalAveragePooling2D()(images)))
    stored = Stored(network)
    pixels = np.full((1, 32, 40, 3), 9, np.float32)
    logit = float(network(pixels)[0, 0])
    found = plain_model(stored)(pixels)
    np.testing.assert_allclose(found["logits"], [[0, logit]], rtol=1e-6)
    np.testing.assert_allclose(
        found["probabilities"][0, 1], 1 / (1 + np.exp(-logit / 2)), rtol=1e-5
    )


def test_several_labels_get_a_sigmoid_each():
    images = keras.Input((32, 40, 3))
    network = keras.Model(images, layers.Dense(3)(layers.GlobalAveragePooling2D()(images)))
    stored = Stored(network)
    stored.description = Stored.description.model_copy(
        update={"format_version": 2, "task": "multi-label", "thresholds": (0.5, 0.6, 0.4)}
    )
    found = plain_model(stored)(np.full((1, 32, 40, 3), 9, np.float32))
    np.testing.assert_allclose(
        found["probabilities"], 1 / (1 + np.exp(-np.asarray(found["logits"]) / 2)), rtol=1e-5
    )


def test_a_layer_that_keras_cannot_load_alone_is_refused():
    class Own(layers.Layer):
        def call(self, images):
            return images

    with pytest.raises(ModelError, match="Keras alone cannot load"):
        plain_model(Stored(network_of(Own())))


# Keras' backend "numpy" is built on JAX's functions, so it needs JAX as well.
OTHER_BACKENDS = [
    name for name in ("torch", "jax", "openvino") if importlib.util.find_spec(name) is not None
]


@pytest.mark.slow
@pytest.mark.skipif(not OTHER_BACKENDS, reason="no other backend of Keras is installed")
def test_another_backend_of_keras_loads_the_file_and_gives_the_same_logits(tmp_path):
    network = build_model("swift", 3, (32, 40))
    plain_model(Stored(network)).save(tmp_path / "model.keras")
    images = np.random.default_rng(0).integers(0, 256, (4, 32, 40, 3)).astype(np.float32)
    np.save(tmp_path / "images.npy", images)
    program = (
        "import keras, numpy as np, sys\n"
        "if sys.argv[1] == 'openvino':  # which takes bfloat16 where the processor has it\n"
        "    import keras.src.backend.openvino.trainer as trainer\n"
        "    compile_model = trainer.ov.compile_model\n"
        "    exact = {'INFERENCE_PRECISION_HINT': 'f32'}\n"
        "    trainer.ov.compile_model = lambda m, d, *_: compile_model(m, d, exact)\n"
        "assert keras.backend.backend() == sys.argv[1]\n"
        "model = keras.models.load_model('model.keras')\n"
        "found = model.predict(np.load('images.npy'), verbose=0)\n"
        "np.save('logits.npy', np.asarray(found['logits']))\n"
        "assert 'tensorflow' not in sys.modules and 'pawsight' not in sys.modules\n"
    )
    expected = np.asarray(network(images, training=False))
    for backend in OTHER_BACKENDS:
        done = subprocess.run(
            [sys.executable, "-c", program, backend],
            cwd=tmp_path,
            env={**os.environ, "KERAS_BACKEND": backend},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        scale = np.abs(expected).max()
        np.testing.assert_allclose(
            np.load(tmp_path / "logits.npy") / scale, expected / scale, atol=1e-5
        )
