"""Keras' deprecated ImageDataGenerator, so that old scripts run with one changed import.

    from pawsight.compat import ImageDataGenerator

`keras.preprocessing` no longer has the class; `tensorflow.keras` still exports it.
Arguments, methods and iterators are the same, and the same seed gives the same
batches. docs/compat.md lists the differences with reasons. The functions that old
scripts import with the class (`load_img`, `img_to_array` ...) are those of Keras 3.

Names are resolved on first use, since they load TensorFlow.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # `as` exports a name for type checkers
    from keras.utils import array_to_img as array_to_img
    from keras.utils import img_to_array as img_to_array
    from keras.utils import load_img as load_img
    from keras.utils import save_img as save_img

    from pawsight.compat.dataframe import DataFrameIterator as DataFrameIterator
    from pawsight.compat.directory import DirectoryIterator as DirectoryIterator
    from pawsight.compat.generator import ImageDataGenerator as ImageDataGenerator
    from pawsight.compat.iterator import Iterator as Iterator
    from pawsight.compat.iterator import NumpyArrayIterator as NumpyArrayIterator

_MODULES = {
    "DataFrameIterator": "pawsight.compat.dataframe",
    "DirectoryIterator": "pawsight.compat.directory",
    "ImageDataGenerator": "pawsight.compat.generator",
    "Iterator": "pawsight.compat.iterator",
    "NumpyArrayIterator": "pawsight.compat.iterator",
    "array_to_img": "keras.utils",
    "img_to_array": "keras.utils",
    "load_img": "keras.utils",
    "save_img": "keras.utils",
}

__all__ = list(_MODULES)


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module 'pawsight.compat' has no attribute '{name}'")
    from pawsight.tensorflow_setup import prepare_tensorflow

    prepare_tensorflow()
    return getattr(importlib.import_module(_MODULES[name]), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
