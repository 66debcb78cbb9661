"""Photos and the reference: Keras' own legacy class."""

import warnings

import numpy as np
import pytest
from PIL import Image

from pawsight.compat import ImageDataGenerator


@pytest.fixture
def keras_generator():
    """Make the class of Keras; it calls SciPy by an old name and warns at will."""
    from keras.src.legacy.preprocessing.image import ImageDataGenerator as Reference

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield Reference


@pytest.fixture
def make_generator():
    return ImageDataGenerator


@pytest.fixture
def photos():
    """Six photos of soft noise, float32 0..255, shape [6, 20, 20, 3]."""
    return soft_noise(6, 20, 20)


def soft_noise(count, height, width, seed=0):
    small = np.random.default_rng(seed).integers(0, 256, (count, 5, 5, 3), np.uint8)
    images = [
        Image.fromarray(one).resize((width, height), Image.Resampling.BICUBIC) for one in small
    ]
    return np.stack([np.asarray(image) for image in images]).astype(np.float32)


@pytest.fixture
def photo_folder(tmp_path):
    """cats/ and dogs/ with seven PNG photos of 24 x 30 pixels each, and a text file."""
    folder = tmp_path / "photos"
    for number, name in enumerate(("cats", "dogs")):
        (folder / name).mkdir(parents=True)
        for index, photo in enumerate(soft_noise(7, 24, 30, seed=number)):
            Image.fromarray(photo.astype(np.uint8)).save(folder / name / f"{index}.png")
    (folder / "cats" / "notes.txt").write_text("not a photo")
    return folder
