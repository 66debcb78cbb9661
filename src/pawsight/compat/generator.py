"""Keras' ImageDataGenerator: random transformations, normalisation, and three flows.

Numbers are drawn from NumPy's global generator in Keras' own order, so that the
same seed gives the same photos with the same transformations.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from pawsight.compat import batch, transforms
from pawsight.compat.flows import Flows
from pawsight.compat.legacy_errors import SettingError
from pawsight.compat.random_parameters import Shift, draw, zoom_limits
from pawsight.compat.statistics import measure

_Array = NDArray[Any]


class ImageDataGenerator(Flows):
    """Batches of photos, randomly transformed and normalised, for scripts written for Keras 2.

    Every argument has the same meaning as in Keras; docs/compat.md lists them. New
    code should use `pawsight.feed` and `pawsight.AugmentConfig`.
    """

    def __init__(
        self,
        featurewise_center: bool = False,
        samplewise_center: bool = False,
        featurewise_std_normalization: bool = False,
        samplewise_std_normalization: bool = False,
        zca_whitening: bool = False,
        zca_epsilon: float = 1e-6,
        rotation_range: float = 0,
        width_shift_range: Shift = 0.0,
        height_shift_range: Shift = 0.0,
        brightness_range: Sequence[float] | None = None,
        shear_range: float = 0.0,
        zoom_range: float | Sequence[float] = 0.0,
        channel_shift_range: float = 0.0,
        fill_mode: str = "nearest",
        cval: float = 0.0,
        horizontal_flip: bool = False,
        vertical_flip: bool = False,
        rescale: float | None = None,
        preprocessing_function: Callable[[_Array], _Array] | None = None,
        data_format: str | None = None,
        validation_split: float = 0.0,
        interpolation_order: int = 1,
        dtype: str | None = None,
    ) -> None:
        self.featurewise_center = featurewise_center
        self.samplewise_center = samplewise_center
        self.featurewise_std_normalization = featurewise_std_normalization
        self.samplewise_std_normalization = samplewise_std_normalization
        self.zca_whitening, self.zca_epsilon = zca_whitening, zca_epsilon
        self.rotation_range = rotation_range
        self.width_shift_range, self.height_shift_range = width_shift_range, height_shift_range
        self.brightness_range = brightness_range
        self.shear_range = shear_range
        self.zoom_range = zoom_limits(zoom_range)
        self.channel_shift_range = channel_shift_range
        self.fill_mode, self.cval = fill_mode, cval
        self.horizontal_flip, self.vertical_flip = horizontal_flip, vertical_flip
        self.rescale = rescale
        self.preprocessing_function = preprocessing_function
        self.data_format = data_format or keras.config.image_data_format()
        self._validation_split = validation_split
        self.interpolation_order = interpolation_order
        self.dtype = dtype or keras.config.floatx()
        self.mean: _Array | None = None
        self.std: _Array | None = None
        self.zca_whitening_matrix: _Array | None = None
        self._check()
        self._enable_required()
        is_last = self.data_format == "channels_last"
        self.row_axis, self.col_axis, self.channel_axis = (1, 2, 3) if is_last else (2, 3, 1)

    def _check(self) -> None:
        if self.data_format not in ("channels_last", "channels_first"):
            raise SettingError(
                f"data_format must be 'channels_last' or 'channels_first', not "
                f"{self.data_format!r}."
            )
        if self._validation_split and not 0 < self._validation_split < 1:
            raise SettingError(
                f"validation_split must be strictly between 0 and 1, not {self._validation_split}."
            )
        limits = self.brightness_range
        if limits is not None and (not isinstance(limits, tuple | list) or len(limits) != 2):
            raise SettingError(f"brightness_range must be a pair of two numbers, not {limits}.")

    def _enable_required(self) -> None:
        if self.zca_whitening:
            self._override("zca_whitening", "featurewise_center", True)
            self._override("zca_whitening", "featurewise_std_normalization", False)
        for kind in ("featurewise", "samplewise"):
            if getattr(self, f"{kind}_std_normalization"):
                self._override(f"{kind}_std_normalization", f"{kind}_center", True)

    def _override(self, name: str, other: str, value: bool) -> None:
        if getattr(self, other) != value:
            setattr(self, other, value)
            warnings.warn(f"{name} sets {other} to {value}.", stacklevel=5)

    def transform_batch(self, photos: _Array) -> _Array:
        """Transform each photo at random, and normalise it.

        Args:
            photos: Shape [B, H, W, C] or [B, C, H, W]; not modified.

        Returns:
            A new array of the same shape, of the generator's dtype.
        """
        is_overridden = type(self).apply_transform is not ImageDataGenerator.apply_transform
        if not is_overridden and self.data_format == "channels_last" and self.dtype == "float32":
            state = np.random.get_state()
            drawn = [self.get_random_transform(photos.shape[1:]) for _ in photos]
            if batch.is_supported(
                photos, self.fill_mode, self.cval, self.interpolation_order, drawn
            ):
                result: _Array = batch.transform(photos, drawn, self.fill_mode, self.cval)
                for i in range(len(result)):
                    result[i] = self.standardize(result[i])
                return result
            np.random.set_state(state)
        result = np.empty(photos.shape, self.dtype)
        for i, photo in enumerate(photos):
            parameters = self.get_random_transform(photo.shape)
            transformed = self.apply_transform(photo.astype(self.dtype), parameters)
            result[i] = self.standardize(transformed)
        return result

    def standardize(self, x: _Array) -> _Array:
        """Normalise a photo or a batch of them, in place where that is possible."""
        if self.preprocessing_function:
            x = self.preprocessing_function(x)
        if self.rescale:
            x *= self.rescale
        if self.samplewise_center:
            x -= np.mean(x, keepdims=True)
        if self.samplewise_std_normalization:
            x /= np.std(x, keepdims=True) + 1e-6
        if self.featurewise_center and self._is_fitted("featurewise_center", self.mean):
            x -= self.mean
        if self.featurewise_std_normalization and self.std is not None:
            x /= self.std + 1e-6
        elif self.featurewise_std_normalization:
            self._is_fitted("featurewise_std_normalization", None)
        if self.zca_whitening and self.zca_whitening_matrix is not None:
            flat = x.reshape(-1, math.prod(x.shape[-3:]))
            x = (flat @ self.zca_whitening_matrix).reshape(x.shape)
        elif self.zca_whitening:
            self._is_fitted("zca_whitening", None)
        return x

    def _is_fitted(self, name: str, statistic: _Array | None) -> bool:
        """Return whether `fit` has computed a statistic; warn if it has not."""
        if statistic is None:
            warnings.warn(
                f"{name} has no effect yet: call fit() of the generator with sample photos first.",
                stacklevel=3,
            )
        return statistic is not None

    def get_random_transform(
        self, img_shape: Sequence[int], seed: int | None = None
    ) -> dict[str, Any]:
        """Draw the parameters of a random transformation.

        Args:
            img_shape: The shape of a photo, [H, W, C] or [C, H, W].
            seed: For NumPy's global generator; None continues its sequence.

        Returns:
            Angles in degrees, shifts in pixels, factors and flips, by the names of Keras.
        """
        if seed is not None:
            np.random.seed(seed)
        return draw(self, img_shape[self.row_axis - 1], img_shape[self.col_axis - 1])

    def apply_transform(self, x: _Array, transform_parameters: Mapping[str, Any]) -> _Array:
        """Transform a photo, shape [H, W, C] or [C, H, W], with these parameters."""
        axes = transforms.Axes(self.row_axis - 1, self.col_axis - 1, self.channel_axis - 1)
        order = self.interpolation_order
        return transforms.apply(x, transform_parameters, axes, self.fill_mode, self.cval, order)

    def random_transform(self, x: _Array, seed: int | None = None) -> _Array:
        """Transform a photo at random."""
        return self.apply_transform(x, self.get_random_transform(x.shape, seed))

    def fit(self, x: Any, augment: bool = False, rounds: int = 1, seed: int | None = None) -> None:
        """Compute the mean, standard deviation and whitening matrix of sample photos.

        Args:
            x: Photos, shape [N, H, W, C] or [N, C, H, W].
            augment: Transform the photos at random first.
            rounds: How often each photo is transformed, with `augment`.
            seed: For NumPy's global generator.

        Raises:
            SettingError: The array has not 4 dimensions.
        """
        photos = np.array(x, dtype=self.dtype)
        if photos.ndim != 4:
            raise SettingError(
                f"fit() needs photos in an array of 4 dimensions, but its shape is {photos.shape}."
            )
        if seed is not None:
            np.random.seed(seed)
        if self.rescale:
            photos *= self.rescale
        if augment:
            photos = np.stack(
                [self.random_transform(photo) for _ in range(rounds) for photo in photos]
            )
        statistics = measure(
            photos,
            self.channel_axis,
            self.featurewise_center,
            self.featurewise_std_normalization,
            self.zca_epsilon if self.zca_whitening else None,
        )
        self.mean, self.std, self.zca_whitening_matrix = (
            old if new is None else new
            for old, new in zip(
                (self.mean, self.std, self.zca_whitening_matrix), statistics, strict=True
            )
        )
