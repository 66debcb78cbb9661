"""Batches in Keras' order: the base class of all flows, and the flow from an array.

Iterators are both a PyDataset of Keras 3, for `model.fit`, and infinite Python
iterators, as old loops expect.
"""

from __future__ import annotations

import abc
import threading
import warnings
from collections.abc import Iterator as Indices
from pathlib import Path
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from pawsight.compat.legacy_errors import SettingError

_Array = NDArray[Any]


class Iterator(keras.utils.PyDataset, abc.ABC):  # type: ignore[misc, unused-ignore]
    """Iterates over n items in batches; a subclass builds the batch of given indices."""

    white_list_formats = ("png", "jpg", "jpeg", "bmp", "ppm", "tif", "tiff")

    def __init__(
        self, n: int, batch_size: int, shuffle: bool, seed: int | None, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        if batch_size < 1:
            raise SettingError(f"batch_size must be at least 1, not {batch_size}.")
        self.n = n
        self.batch_size = batch_size
        self.shuffle = shuffle
        self.seed = seed
        self.batch_index = 0
        self.total_batches_seen = 0
        self.lock = threading.Lock()
        self.index_array: _Array | None = None
        self.index_generator = self._flow_index()

    def __len__(self) -> int:
        return -(-self.n // self.batch_size)

    def __getitem__(self, idx: int) -> Any:
        if idx >= len(self):
            raise SettingError(f"There is no batch {idx}: there are {len(self)}, counted from 0.")
        self._begin_batch()
        if self.index_array is None:
            self._set_index_array()
        assert self.index_array is not None
        start = self.batch_size * idx
        return self._get_batches_of_transformed_samples(
            self.index_array[start : start + self.batch_size]
        )

    def __iter__(self) -> Any:
        return self

    def __next__(self) -> Any:
        with self.lock:
            indices = next(self.index_generator)
        return self._get_batches_of_transformed_samples(indices)

    def on_epoch_end(self) -> None:
        """Draw a new order."""
        self._set_index_array()

    def reset(self) -> None:
        """Start again with the first batch."""
        self.batch_index = 0

    def _begin_batch(self) -> None:
        if self.seed is not None:
            np.random.seed(self.seed + self.total_batches_seen)
        self.total_batches_seen += 1

    def _set_index_array(self) -> None:
        self.index_array = np.random.permutation(self.n) if self.shuffle else np.arange(self.n)

    def _flow_index(self) -> Indices[_Array]:
        while True:
            self._begin_batch()
            if self.batch_index == 0:
                self._set_index_array()
            assert self.index_array is not None
            start = self.batch_index * self.batch_size % max(1, self.n)
            has_more = start + self.batch_size < self.n
            self.batch_index = self.batch_index + 1 if has_more else 0
            yield self.index_array[start : start + self.batch_size]

    @abc.abstractmethod
    def _get_batches_of_transformed_samples(self, index_array: _Array) -> Any:
        """Build the batch of these photos."""


def save_photos(
    photos: _Array, indices: _Array, data_format: str, destination: tuple[Any, str, str], most: int
) -> None:
    """Save the photos of a batch as image files.

    Args:
        photos: The batch; each photo is rescaled to 0..255.
        indices: The indices of the photos, for the file names.
        data_format: "channels_last" or "channels_first".
        destination: Folder, prefix of the file names, and format.
        most: File names have a random number below it, as in Keras.
    """
    folder, prefix, suffix = destination
    for photo, index in zip(photos, indices, strict=True):
        image = keras.utils.array_to_img(photo, data_format, scale=True)
        number = np.random.randint(most)
        image.save(Path(folder) / f"{prefix}_{index}_{number}.{suffix}")


class NumpyArrayIterator(Iterator):
    """Batches from an array of photos, with labels and weights if there are any."""

    def __init__(
        self,
        x: Any,
        y: Any,
        image_data_generator: Any,
        batch_size: int = 32,
        shuffle: bool = False,
        sample_weight: Any = None,
        seed: int | None = None,
        data_format: str | None = None,
        save_to_dir: Any = None,
        save_prefix: str = "",
        save_format: str = "png",
        subset: str | None = None,
        ignore_class_split: bool = False,
        dtype: str | None = None,
    ) -> None:
        self.dtype = dtype or keras.config.floatx()
        self.data_format = data_format or keras.config.image_data_format()
        self.image_data_generator = image_data_generator
        self.save_to_dir = save_to_dir
        self.save_prefix, self.save_format = save_prefix, save_format
        photos, others = _split_inputs(x)
        for name, values in (("y", y), ("sample_weight", sample_weight)):
            if values is not None and len(values) != len(photos):
                raise SettingError(
                    f"There are {len(photos)} photos in x, but {len(values)} entries in {name}."
                )
        if subset is not None:
            part = _part(subset, int(len(photos) * image_data_generator._validation_split))
            if y is not None and not ignore_class_split:
                _check_classes(np.asarray(y), part)
            photos, others = photos[part], [other[part] for other in others]
            y = None if y is None else y[part]
            sample_weight = None if sample_weight is None else sample_weight[part]
        self.x, self.x_misc = np.asarray(photos, dtype=self.dtype), others
        self.y = None if y is None else np.asarray(y)
        self.sample_weight = None if sample_weight is None else np.asarray(sample_weight)
        self._check_photos()
        super().__init__(len(self.x), batch_size, shuffle, seed)

    def _check_photos(self) -> None:
        if self.x.ndim != 4:
            raise SettingError(
                f"Photos must be in an array of 4 dimensions, but its shape is {self.x.shape}."
            )
        channels = self.x.shape[3 if self.data_format == "channels_last" else 1]
        if channels not in (1, 3, 4):
            warnings.warn(
                f"Photos have 1, 3 or 4 channels, but an array of shape {self.x.shape} read as "
                f"'{self.data_format}' has {channels}.",
                stacklevel=4,
            )

    def _get_batches_of_transformed_samples(self, index_array: _Array) -> Any:
        batch = self.image_data_generator.transform_batch(self.x[index_array])
        if self.save_to_dir:
            destination = (self.save_to_dir, self.save_prefix, self.save_format)
            save_photos(batch, index_array, self.data_format, destination, most=10**4)
        others = [other[index_array] for other in self.x_misc]
        photos = [batch, *others] if others else batch
        if self.y is None:
            return photos
        if self.sample_weight is None:
            return photos, self.y[index_array]
        return photos, self.y[index_array], self.sample_weight[index_array]


def _split_inputs(x: Any) -> tuple[Any, list[_Array]]:
    """Return the photos, and the other inputs of the model."""
    if not isinstance(x, tuple | list):
        return x, []
    photos, rest = x[0], x[1]
    others = [np.asarray(other) for other in (rest if isinstance(rest, list) else [rest])]
    for other in others:
        if len(other) != len(photos):
            raise SettingError(
                f"All arrays of x must be equally long, but they have {len(photos)} and "
                f"{len(other)} entries."
            )
    return photos, others


def _part(subset: str, split: int) -> slice:
    if subset not in ("training", "validation"):
        raise SettingError(f"subset must be 'training' or 'validation', not {subset!r}.")
    return slice(None, split) if subset == "validation" else slice(split, None)


def _check_classes(labels: _Array, part: slice) -> None:
    split = part.stop if part.start is None else part.start
    if not np.array_equal(np.unique(labels[:split]), np.unique(labels[split:])):
        raise SettingError(
            "The training and the validation part do not have the same classes.\n"
            "The first photos become the validation part: shuffle them if they are in order of "
            "their labels, or pass ignore_class_split=True."
        )
