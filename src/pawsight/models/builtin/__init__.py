"""The model of cats and dogs that ships with pawsight; needs no TensorFlow.

It is a run folder as any other, with no history: `model/model.json` states what
it is, `model/model.onnx` is the network and `evaluation/metrics.json` how good
it is on photos it has not seen. Beside "logits" the network gives
"features", from which a head for other classes is fitted in seconds. What it
scores and where it fails is in MODEL_CARD.md; `builtin/train.py` in the
repository makes it.
"""

from __future__ import annotations

import functools
from pathlib import Path

from pawsight.runs import Run
from pawsight.storage.checksum import file_digest

NAME = "builtin"
IMAGE_SIZE = (288, 288)  # (height, width) in pixels; the network takes others from 32 up
EARLIER_IMAGE_SIZE = (224, 224)  # of runs that do not record theirs
NUM_FEATURES = 1280


def folder() -> Path:
    """Return the folder of the model and its licence: a run with only a model and its metrics."""
    return Path(__file__).parent / "cats-dogs"


def onnx_path() -> Path:
    """Return the path of the network: "images" 0..255 to "logits" [N, 2] and "features" [N, F]."""
    return Run(folder()).onnx_path


@functools.cache
def digest() -> str:
    """Return the SHA-256 of the network: another one computes other features."""
    return file_digest(onnx_path())


def training_photos_path() -> Path:
    """Return the path of the difference hashes of the photos it was made with, uint64 [N]."""
    return folder() / "training_photos.npy"
