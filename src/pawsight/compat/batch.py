"""Transform a batch of photos, each with its own parameters, by the warp of `pipeline`.

The results equal those of `transforms.apply`, apart from float32 rounding.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, get_args

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from pawsight.compat.transforms import IDENTITY, moves_pixels
from pawsight.config import AugmentConfig, FillMode
from pawsight.pipeline.augment import Augment
from pawsight.pipeline.augmentations import Parameters

# The warp is compiled for this number of photos: larger batches are processed in pieces.
_PIECE = 8


def is_supported(
    photos: NDArray[Any], fill_mode: str, cval: float, order: int, parameters: Sequence[Any]
) -> bool:
    """Return whether `transform` supports RGB photos with these parameters."""
    if photos.shape[-1] != 3 or min(photos.shape[1:3]) < 2 or order != 1:
        return False
    if fill_mode not in get_args(FillMode) or not 0 <= cval <= 255:
        return False
    is_brightened = any(parameter.get("brightness") is not None for parameter in parameters)
    if not is_brightened or photos.dtype == np.uint8:
        return True
    return bool(photos.min() >= 0 and photos.max() <= 255)


def transform(
    photos: NDArray[Any], parameters: Sequence[Mapping[str, Any]], fill_mode: Any, cval: float
) -> NDArray[np.float32]:
    """Transform each photo with its own parameters.

    Args:
        photos: uint8 or float, shape [B, H, W, 3].
        parameters: B dicts, as `ImageDataGenerator.get_random_transform` returns them.
        fill_mode: "nearest", "constant", "reflect" or "wrap".
        cval: The value outside the photo for "constant", 0..255.

    Returns:
        A new array, float32, shape [B, H, W, 3].
    """
    result = np.empty(photos.shape, np.float32)
    augment = Augment(AugmentConfig(fill_mode=fill_mode, cval=cval))
    for start in range(0, len(photos), _PIECE):
        piece_parameters = parameters[start : start + _PIECE]
        piece = photos[start : start + _PIECE]
        padding = [piece_parameters[-1]] * (_PIECE - len(piece_parameters))
        drawn = _as_tensors([*piece_parameters, *padding])
        if any(value is not None for value in drawn):
            filler = np.repeat(piece[-1:], _PIECE - len(piece), axis=0)
            padded = tf.constant(np.concatenate([piece, filler]))
            result[start : start + _PIECE] = augment.apply(padded, drawn).numpy()[: len(piece)]
        else:
            result[start : start + _PIECE] = piece
    return result


def _as_tensors(parameters: Sequence[Mapping[str, Any]]) -> Parameters:
    """Return a tensor for each parameter; None for parameters that change no photo."""
    values: dict[str, Any] = {}
    if any(map(moves_pixels, parameters)):
        # All parameters, even those that change nothing, so that the graph is compiled only once.
        for name, identity in IDENTITY.items():
            dtype = np.bool_ if isinstance(identity, bool) else np.float64
            values[name] = tf.constant(
                np.array([parameter.get(name, identity) for parameter in parameters], dtype)
            )
    for name, identity in (("channel_shift_intensity", 0.0), ("brightness", 1.0)):
        drawn = [parameter.get(name) for parameter in parameters]
        if any(value is not None for value in drawn):
            values[name] = tf.constant(
                [identity if value is None else value for value in drawn], tf.float32
            )
    return Parameters(**values)
