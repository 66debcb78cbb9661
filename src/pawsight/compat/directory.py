"""Batches from files: the base of both file iterators, and the iterator over folders of classes."""

from __future__ import annotations

import os
import sys
import warnings
from collections.abc import Iterator as Names
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from pawsight.compat.iterator import Iterator, save_photos
from pawsight.compat.legacy_errors import NoFolderError, SettingError
from pawsight.compat.photos import MODES, NUM_CHANNELS, Photos
from pawsight.data.file_types import is_system_folder

_Array = NDArray[Any]


class FileIterator(Iterator):
    """Reads the photos of a batch, transforms them, and adds labels by `class_mode`."""

    allowed_class_modes: tuple[str | None, ...] = ("categorical", "binary", "sparse", "input", None)

    def _set(
        self,
        image_data_generator: Any,
        target_size: Any = (256, 256),
        color_mode: str = "rgb",
        class_mode: str | None = "categorical",
        data_format: str | None = None,
        save_to_dir: Any = None,
        save_prefix: str = "",
        save_format: str = "png",
        subset: str | None = None,
        interpolation: str = "nearest",
        keep_aspect_ratio: bool = False,
        dtype: str | None = None,
    ) -> None:
        """Set the options of both file iterators.

        Raises:
            SettingError: An option has an invalid value.
        """
        if color_mode not in MODES:
            raise SettingError(f"color_mode must be one of {', '.join(MODES)}, not {color_mode!r}.")
        if class_mode not in self.allowed_class_modes:
            modes = ", ".join(map(repr, self.allowed_class_modes))
            raise SettingError(f"class_mode must be one of {modes}, not {class_mode!r}.")
        if subset not in ("training", "validation", None):
            raise SettingError(f"subset must be 'training' or 'validation', not {subset!r}.")
        self.image_data_generator = image_data_generator
        self.target_size = tuple(target_size)
        self.color_mode, self.class_mode = color_mode, class_mode
        self.data_format = data_format or keras.config.image_data_format()
        self.dtype = dtype or keras.config.floatx()
        self.save_to_dir = save_to_dir
        self.save_prefix, self.save_format = save_prefix, save_format
        self.interpolation, self.keep_aspect_ratio = interpolation, keep_aspect_ratio
        channels = (NUM_CHANNELS[color_mode],)
        is_last = self.data_format == "channels_last"
        self.image_shape = self.target_size + channels if is_last else channels + self.target_size
        self.subset, self.split = subset, None
        if subset is not None:
            share = image_data_generator._validation_split
            self.split = (0, share) if subset == "validation" else (share, 1)

    def _begin(
        self, folder: Any, names: list[str], batch_size: int, shuffle: bool, seed: int | None
    ) -> None:
        self.filenames, self.samples = names, len(names)
        self.filepaths = [os.path.join(folder, name) for name in names]  # noqa: PTH118
        self._photos = Photos(
            self.filepaths,
            self.target_size,
            self.color_mode,
            self.interpolation,
            self.keep_aspect_ratio,
        )
        super().__init__(self.samples, batch_size, shuffle, seed)

    @property
    def labels(self) -> Any:
        """The class index of each photo."""
        return self.classes

    @property
    def sample_weight(self) -> Any:
        """The weight of each photo; None: all weights are equal."""
        return None

    def _get_batches_of_transformed_samples(self, index_array: _Array) -> Any:
        photos, shown = self._photos.read(index_array)
        if self.data_format == "channels_first":
            photos = np.moveaxis(photos, 3, 1)
        if self.image_data_generator:
            batch = self.image_data_generator.transform_batch(photos)
        else:
            batch = photos.astype(self.dtype)
        if self.save_to_dir:
            destination = (self.save_to_dir, self.save_prefix, self.save_format)
            save_photos(batch, index_array, self.data_format, destination, most=10**7)
        if self.class_mode is None:
            return batch
        targets = batch.copy() if self.class_mode == "input" else self._batch_targets(shown)
        if self.sample_weight is None:
            return batch, targets
        return batch, targets, self.sample_weight[shown]

    def _batch_targets(self, shown: _Array) -> Any:
        if self.class_mode == "raw":
            return self.labels[shown]
        if self.class_mode == "multi_output":
            return [output[shown] for output in self.labels]
        if self.class_mode != "categorical":
            return np.array([self.classes[index] for index in shown], self.dtype)
        targets = np.zeros((len(shown), len(self.class_indices)), self.dtype)
        for row, index in enumerate(shown):
            targets[row, self.classes[index]] = 1
        return targets


class DirectoryIterator(FileIterator):
    """Batches from a folder that holds a folder per class."""

    def __init__(
        self,
        directory: Any,
        image_data_generator: Any,
        target_size: Any = (256, 256),
        color_mode: str = "rgb",
        classes: list[str] | None = None,
        class_mode: str | None = "categorical",
        batch_size: int = 32,
        shuffle: bool = True,
        seed: int | None = None,
        follow_links: bool = False,
        **options: Any,
    ) -> None:
        self._set(image_data_generator, target_size, color_mode, class_mode, **options)
        self.directory = directory
        if not os.path.isdir(directory):  # noqa: PTH112
            raise NoFolderError(
                f"There is no folder {directory}.\nGive the folder that holds a folder per class."
            )
        names = list(classes or _class_folders(directory))
        self.num_classes = len(names)
        self.class_indices = {name: index for index, name in enumerate(names)}
        paths: list[str] = []
        labels: list[int] = []
        for name in names:
            files = [os.path.join(name, file) for file in self._files(name, follow_links)]  # noqa: PTH118
            if self.split:
                start, stop = (int(share * len(files)) for share in self.split)
                files = files[start:stop]
            if not files:
                warnings.warn(f"No photo of class '{name}' in {directory}.", stacklevel=3)
            paths += files
            labels += [self.class_indices[name]] * len(files)
        self.classes = np.array(labels, np.int32)
        print_summary(f"Found {len(paths)} images belonging to {self.num_classes} classes.")
        self._begin(directory, paths, batch_size, shuffle, seed)

    def _files(self, name: str, follow_links: bool) -> Names[str]:
        """Yield the photos of a class, relative to its folder, in Keras' order."""
        top = os.path.join(self.directory, name)  # noqa: PTH118
        for folder, _, files in sorted(os.walk(top, followlinks=follow_links), key=lambda x: x[0]):
            for file in sorted(files):
                if file.lower().endswith(self.white_list_formats):
                    yield os.path.relpath(os.path.join(folder, file), top)  # noqa: PTH118


def _class_folders(directory: Any) -> list[str]:
    """Return the subfolders, without those that notebooks and systems create."""
    entries = [entry for entry in os.scandir(directory) if entry.is_dir()]
    return sorted(entry.name for entry in entries if not is_system_folder(entry.name))


def print_summary(line: str) -> None:
    """Print a line to standard output, as Keras does."""
    sys.stdout.write(line + "\n")
