"""Batches of photos from a pandas table of paths and labels."""

from __future__ import annotations

import os
import warnings
from typing import Any

import numpy as np

from pawsight.compat.directory import FileIterator, print_summary
from pawsight.compat.legacy_errors import KindError, SettingError
from pawsight.formatting import counted

_UNCLASSED = ("input", "multi_output", "raw", None)


class DataFrameIterator(FileIterator):
    """Batches from a table: a column of paths, and one or more columns of labels."""

    allowed_class_modes = ("binary", "categorical", "input", "multi_output", "raw", "sparse", None)

    def __init__(
        self,
        dataframe: Any,
        directory: Any = None,
        image_data_generator: Any = None,
        x_col: str = "filename",
        y_col: Any = "class",
        weight_col: str | None = None,
        target_size: Any = (256, 256),
        color_mode: str = "rgb",
        classes: list[str] | None = None,
        class_mode: str | None = "categorical",
        batch_size: int = 32,
        shuffle: bool = True,
        seed: int | None = None,
        validate_filenames: bool = True,
        **options: Any,
    ) -> None:
        self._set(image_data_generator, target_size, color_mode, class_mode, **options)
        self.directory = directory or ""
        _check(dataframe, x_col, y_col, weight_col, classes, class_mode)
        rows = self._existing(dataframe, x_col) if validate_filenames else dataframe
        if class_mode not in _UNCLASSED:
            names = _class_names(rows[y_col], classes)
            self.class_indices = {name: index for index, name in enumerate(names)}
            if classes:
                kept = rows[y_col].map(lambda label: _among(label, names))
                rows = rows.assign(**{y_col: kept}).dropna(subset=[y_col])
        if self.split:
            start, stop = (int(share * len(rows)) for share in self.split)
            rows = rows.iloc[start:stop]
        if class_mode not in _UNCLASSED:
            self.classes = [self._indices_of(label) for label in rows[y_col]]
        if class_mode == "multi_output":
            self._targets: Any = [np.array(rows[column].tolist()) for column in y_col]
        elif class_mode == "raw":
            self._targets = rows[y_col].to_numpy()
        self._sample_weight = rows[weight_col].to_numpy() if weight_col else None
        seen = "validated" if validate_filenames else "non-validated"
        ending = "." if class_mode in _UNCLASSED else f" belonging to {len(names)} classes."
        print_summary(f"Found {len(rows)} {seen} image filenames{ending}")
        self._begin(self.directory, rows[x_col].tolist(), batch_size, shuffle, seed)

    @property
    def labels(self) -> Any:
        """The class index of each photo, or the values of the columns."""
        return self._targets if self.class_mode in ("multi_output", "raw") else self.classes

    @property
    def sample_weight(self) -> Any:
        """The weight of each photo; None: all weights are equal."""
        return self._sample_weight

    def _indices_of(self, label: Any) -> Any:
        if isinstance(label, list | tuple):
            return [self.class_indices[name] for name in label]
        return self.class_indices[label]

    def _existing(self, rows: Any, x_col: str) -> Any:
        """Return the rows whose file exists and has the ending of a photo."""
        is_usable = rows[x_col].map(
            lambda name: (
                name.lower().endswith(self.white_list_formats)
                and os.path.isfile(os.path.join(self.directory, name))  # noqa: PTH113, PTH118
            )
        )
        is_usable = is_usable.astype(bool)
        missing = rows[x_col][~is_usable].tolist()
        if missing:
            warnings.warn(
                f"Left out: {counted(len(missing), 'file')} of column '{x_col}', not there or not "
                f"named like a photo. The first is {missing[0]}.",
                stacklevel=4,
            )
        return rows[is_usable]


def _check(
    rows: Any, x_col: str, y_col: Any, weight_col: str | None, classes: Any, mode: str | None
) -> None:
    """Check that the table fits class_mode.

    Raises:
        KindError: A column has values of the wrong type.
        SettingError: A column does not exist, or there are not two classes for "binary".
    """
    for column in (x_col, *(y_col if isinstance(y_col, list) else [y_col]), weight_col):
        is_used = column in (x_col, weight_col) or mode not in ("input", None)
        if column is not None and is_used and column not in rows.columns:
            raise SettingError(
                f"The table has no column '{column}'; it has {', '.join(map(str, rows.columns))}."
            )
    if mode == "multi_output" and not isinstance(y_col, list):
        raise KindError(f"class_mode 'multi_output' needs a list of columns in y_col, not {y_col}.")
    if not all(isinstance(name, str) for name in rows[x_col]):
        raise KindError(f"Column '{x_col}' must hold paths, as text.")
    kinds: Any = {"binary": str, "sparse": str, "categorical": (str, list, tuple)}.get(mode or "")
    if kinds and not all(isinstance(label, kinds) for label in rows[y_col]):
        raise KindError(
            f"class_mode '{mode}' needs class names as text in column '{y_col}'.\n"
            f"Turn numbers into text with dataframe['{y_col}'].astype(str)."
        )
    if mode == "binary":
        count = len(set(classes)) if classes else rows[y_col].nunique()
        if count != 2:
            raise SettingError(f"class_mode 'binary' needs 2 classes, but there are {count}.")
    if classes and mode in _UNCLASSED:
        warnings.warn(f"classes has no effect with class_mode {mode!r}.", stacklevel=4)
    if weight_col and not issubclass(rows[weight_col].dtype.type, np.number):
        raise KindError(f"Column '{weight_col}' must hold numbers.")


def _class_names(labels: Any, classes: Any) -> list[str]:
    """Return `classes` without duplicates; if there are none, all labels, sorted."""
    if classes:
        return list(dict.fromkeys(classes))
    names: set[str] = set()
    for label in labels:
        names.update(label if isinstance(label, list | tuple) else [label])
    return sorted(names)


def _among(label: Any, names: list[str]) -> Any:
    """Return the labels that are among the classes; None if there are none."""
    if isinstance(label, list | tuple):
        return [name for name in label if name in names] or None
    return label if label in names else None
