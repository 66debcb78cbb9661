"""The model of cats and dogs that ships with pawsight; needs no TensorFlow.

It is a run folder without a history: `model/model.json` is its description,
`model/model.onnx` the network, and `evaluation/metrics.json` its scores on test
photos. Besides "logits" the network outputs "features", to which a head for other
classes is fitted in seconds. MODEL_CARD.md describes its accuracy and its limits;
`builtin/train.py` in the repository trains it.
"""

from __future__ import annotations

import functools
from pathlib import Path

from pawsight.runs import Run
from pawsight.storage.checksum import file_digest

NAME = "builtin"
IMAGE_SIZE = (288, 288)  # (height, width) in pixels, the default; others have at least 32
EARLIER_IMAGE_SIZE = (224, 224)  # the default of earlier versions, whose runs do not record it
NUM_FEATURES = 1280


def folder() -> Path:
    """Return the run folder of the model, which also has its licence."""
    return Path(__file__).parent / "cats-dogs"


def onnx_path() -> Path:
    """Return the path of the network: "images" 0..255 to "logits" [N, 2] and "features" [N, F]."""
    return Run(folder()).onnx_path


@functools.cache
def digest() -> str:
    """Return the SHA-256 of the network, which identifies its features."""
    return file_digest(onnx_path())


def training_photos_path() -> Path:
    """Return the path of the difference hashes of its training photos, uint64 [N]."""
    return folder() / "training_photos.npy"
