import zipfile

import h5py
import keras
import numpy as np
import pytest
from keras import layers

from pawsight.errors import ModelError
from pawsight.models.weight_files import load_backbone

LEGACY = "ignore:You are saving your model as an HDF5 file"


def _backbone(prefix="", filters=4):
    """A small network with each kind of layer whose weights are kept in their own way."""
    images = keras.Input((8, 8, 3))
    x = layers.Normalization(name=f"{prefix}normalization")(images)
    x = layers.Conv2D(filters, 3, name=f"{prefix}conv")(x)
    x = layers.BatchNormalization(name=f"{prefix}bn")(x)
    x = layers.SeparableConv2D(filters, 3, name=f"{prefix}separable")(x)
    x = layers.DepthwiseConv2D(3, name=f"{prefix}depthwise")(x)
    stem = [layers.Conv2D(filters, 1, name=f"{prefix}a"), layers.LayerNormalization(name="b")]
    x = keras.Sequential(stem, name=f"{prefix}inner")(x)
    x = layers.Conv2D(filters, 1, name=f"{prefix}conv_2")(x)
    return keras.Model(images, x, name="net")


def _drawn(model, seed=0):
    """Give a model random weights, so that no two arrays are alike."""
    random = np.random.default_rng(seed)
    model.set_weights([random.uniform(0.5, 2, one.shape) for one in model.get_weights()])
    for layer in model.layers:
        if isinstance(layer, layers.Normalization):
            layer.finalize_state()
    return model


def _whole(backbone):
    """A classifier around it, as people save them."""
    images = keras.Input((8, 8, 3))
    x = layers.GlobalAveragePooling2D()(backbone(images))
    return keras.Model(images, layers.Dense(3)(layers.Dropout(0.5)(x)))


def _look(model):
    images = np.random.default_rng(1).uniform(0, 1, (2, 8, 8, 3)).astype(np.float32)
    return np.asarray(model(images, training=False))


@pytest.mark.filterwarnings(LEGACY)
@pytest.mark.parametrize(
    "kind", ["weights.h5", "keras", "legacy.h5", "whole.weights.h5", "whole.keras", "whole.h5"]
)
def test_weights_come_out_of_every_kind_of_file(tmp_path, kind):
    original = _drawn(_backbone())
    path = tmp_path / f"saved.{kind}"
    saved = _whole(original) if kind.startswith("whole") else original
    (saved.save_weights if "weights" in kind else saved.save)(path)
    loaded = _backbone()
    load_backbone(loaded, path, "net")
    np.testing.assert_allclose(_look(loaded), _look(original), rtol=1e-5)


@pytest.mark.filterwarnings(LEGACY)
def test_layers_under_other_names_are_matched_by_their_order(tmp_path):
    original = _drawn(_backbone(prefix="numbered_7_"))
    original.save(tmp_path / "a.h5")
    loaded = _backbone()
    load_backbone(loaded, tmp_path / "a.h5", "net")
    np.testing.assert_allclose(_look(loaded), _look(original), rtol=1e-5)


@pytest.mark.filterwarnings(LEGACY)
def test_frozen_layers_do_not_change_which_array_is_which(tmp_path):
    original = _drawn(_backbone())
    whole = _whole(original)
    original.get_layer("bn").trainable = False  # Keras writes what is trained first
    whole.save(tmp_path / "a.h5")
    loaded = _backbone()
    load_backbone(loaded, tmp_path / "a.h5", "net")
    np.testing.assert_allclose(_look(loaded), _look(original), rtol=1e-5)


def test_keras_own_efficientnet_files_scale_by_the_deviation(tmp_path):
    # Such a file holds the deviation where the variance belongs; Keras' own download mends it.
    original = _backbone()
    layer = original.get_layer("normalization")
    layer.set_weights(
        [np.float32([0.485, 0.456, 0.406]), np.float32([0.229, 0.224, 0.225]), np.int64(0)]
    )
    original.save_weights(tmp_path / "a.weights.h5")
    loaded = _backbone()
    load_backbone(loaded, tmp_path / "a.weights.h5", "net")
    images = np.full((1, 8, 8, 3), 0.714, np.float32)
    scaled = np.asarray(loaded.get_layer("normalization")(images))[0, 0, 0]
    # (0.714 - 0.485) / 0.229 = 1; (0.714 - 0.456) / 0.224; (0.714 - 0.406) / 0.225
    np.testing.assert_allclose(scaled, [1.0, 1.1518, 1.3689], atol=1e-3)


@pytest.mark.filterwarnings(LEGACY)
@pytest.mark.parametrize("kind", ["h5", "weights.h5"])
def test_another_networks_weights_name_the_layers_that_do_not_fit(tmp_path, kind):
    other = _backbone(filters=5)
    path = tmp_path / f"other.{kind}"
    (other.save if kind == "h5" else other.save_weights)(path)
    with pytest.raises(
        ModelError, match=r"(?s)not those of net:.* \d of its 8 layers.*conv \[3, 3, 3, 4\]"
    ):
        load_backbone(_backbone(), path, "net")


@pytest.mark.parametrize("content", [b"", b"no weights at all", b"\x89HDF\r\n\x1a\n" + bytes(50)])
def test_a_file_that_is_none_is_reported_in_plain_words(tmp_path, content):
    path = tmp_path / "a.h5"
    path.write_bytes(content)
    with pytest.raises(ModelError, match=r"a\.h5 cannot be read as weights"):
        load_backbone(_backbone(), path, "net")


def test_an_archive_without_weights_is_refused(tmp_path):
    with zipfile.ZipFile(tmp_path / "a.keras", "w") as archive:
        archive.writestr("config.json", "{}")
    with pytest.raises(ModelError, match=r"an archive without a \.weights\.h5 file"):
        load_backbone(_backbone(), tmp_path / "a.keras", "net")


def test_a_file_that_points_at_another_file_is_refused(tmp_path):
    (tmp_path / "secret").write_bytes(bytes(432))
    with h5py.File(tmp_path / "a.h5", "w") as file:
        place = [(str(tmp_path / "secret"), 0, 432)]
        file.create_dataset("conv/kernel", (3, 3, 3, 4), "f4", external=place)
    with pytest.raises(ModelError, match="refers to other files"):
        load_backbone(_backbone(), tmp_path / "a.h5", "net")


@pytest.mark.parametrize("place", [b"conv\xff", b"layers/conv2d"])
def test_damaged_names_and_an_array_in_the_place_of_a_layer_are_plain_errors(tmp_path, place):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file[place] = np.zeros(3)
    with pytest.raises(ModelError, match=r"are not those of net|cannot be read as weights"):
        load_backbone(_backbone(), tmp_path / "a.h5", "net")


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(ModelError, match=r"gone\.h5 cannot be read as weights"):
        load_backbone(_backbone(), tmp_path / "gone.h5", "net")


def test_an_error_without_a_message_is_reported_by_its_type(tmp_path, monkeypatch):
    def refuse(*args, **settings):
        raise OSError

    monkeypatch.setattr(h5py, "File", refuse)
    path = tmp_path / "some.h5"
    path.touch()
    with pytest.raises(ModelError, match=r"some\.h5 cannot be read as weights \(OSError\)"):
        load_backbone(_backbone(), path, "mobilenetv2")
