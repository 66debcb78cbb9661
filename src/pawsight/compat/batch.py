"""Change many photos at once, each by its own parameters: one warp for all channels.

The numbers are those of `transforms.apply` within the rounding of float32. The
warp is that of pipeline/, where photos are bytes until they are interpolated.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, get_args

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from pawsight.compat.transforms import STILL, is_moved
from pawsight.config import AugmentConfig, FillMode
from pawsight.pipeline.augment import Augment
from pawsight.pipeline.augmentations import Parameters

# The warp is compiled for a number of photos: batches of any size are made of such pieces.
_PIECE = 8


def is_common(
    photos: NDArray[Any], fill_mode: str, cval: float, order: int, parameters: Sequence[Any]
) -> bool:
    """Return whether `changed` applies: RGB, bilinear, a Keras fill mode, bytes if brightened."""
    if photos.shape[-1] != 3 or min(photos.shape[1:3]) < 2 or order != 1:
        return False
    if fill_mode not in get_args(FillMode) or not 0 <= cval <= 255:
        return False
    is_brightened = any(parameter.get("brightness") is not None for parameter in parameters)
    if not is_brightened or photos.dtype == np.uint8:
        return True
    return bool(photos.min() >= 0 and photos.max() <= 255)


def changed(
    photos: NDArray[Any], parameters: Sequence[Mapping[str, Any]], fill_mode: Any, cval: float
) -> NDArray[np.float32]:
    """Change each photo by its own parameters.

    Args:
        photos: uint8 or float, shape [B, H, W, 3].
        parameters: B of them, named as `ImageDataGenerator.get_random_transform` gives them.
        fill_mode: One of Keras' four.
        cval: The colour outside, 0..255.

    Returns:
        A new array, float32, shape [B, H, W, 3].
    """
    result = np.empty(photos.shape, np.float32)
    augment = Augment(AugmentConfig(fill_mode=fill_mode, cval=cval))
    for start in range(0, len(photos), _PIECE):
        chosen = parameters[start : start + _PIECE]
        piece = photos[start : start + _PIECE]
        drawn = _as_tensors([*chosen, *[chosen[-1]] * (_PIECE - len(chosen))])
        if any(value is not None for value in drawn):
            filler = np.repeat(piece[-1:], _PIECE - len(piece), axis=0)
            whole = tf.constant(np.concatenate([piece, filler]))
            result[start : start + _PIECE] = augment.apply(whole, drawn).numpy()[: len(piece)]
        else:
            result[start : start + _PIECE] = piece
    return result


def _as_tensors(parameters: Sequence[Mapping[str, Any]]) -> Parameters:
    """Return one tensor per kind of change; None where no photo is changed so."""
    values: dict[str, Any] = {}
    if any(map(is_moved, parameters)):
        # All of them, even where some do nothing: which ones must not decide what is compiled.
        for name, still in STILL.items():
            kind = np.bool_ if isinstance(still, bool) else np.float64
            values[name] = tf.constant(
                np.array([parameter.get(name, still) for parameter in parameters], kind)
            )
    for name, still in (("channel_shift_intensity", 0.0), ("brightness", 1.0)):
        drawn = [parameter.get(name) for parameter in parameters]
        if any(value is not None for value in drawn):
            values[name] = tf.constant(
                [still if value is None else value for value in drawn], tf.float32
            )
    return Parameters(**values)
