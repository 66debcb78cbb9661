"""Provide the input of the checks: facts of the photos as arrays, copies, outliers, shortcuts.

What takes time is computed on first use and shared by all checks.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from pawsight.data.auditing.findings import GroupItem, PhotoItem
from pawsight.data.auditing.outliers import Outlier, find_outliers
from pawsight.data.auditing.shortcuts import Shortcut, find_shortcuts
from pawsight.data.catalog import Catalog
from pawsight.data.duplicates.near_duplicates import (
    BLANK_CONTRAST,
    Groups,
    exact_copies,
    find_duplicates,
)
from pawsight.progress import Progress, Silent
from pawsight.records import IntArray, Pixels

Values = NDArray[np.float64]
Flags = NDArray[np.bool_]

MIN_PHOTOS = 20  # of a class, to compute its usual values; a smaller class has those of all photos


@dataclass(frozen=True)
class AuditFacts:
    """The facts of a catalog; arrays have a row for each usable photo, shape [N]."""

    catalog: Catalog
    # Their pixels; without them there are no outliers, and only exact copies.
    pixels: Pixels | None = None
    # Groups of photos that show the same picture; None searches for them.
    duplicates: Sequence[Sequence[int]] | None = None
    progress: Progress = field(default_factory=Silent)

    @cached_property
    def copies(self) -> Sequence[Sequence[int]]:
        """Groups of catalog indices that show the same picture."""
        if self.duplicates is not None:
            return self.duplicates
        if self.pixels is None:
            return self.exact_copies
        return find_duplicates(self.catalog, self.pixels, self.progress)

    @cached_property
    def exact_copies(self) -> Groups:
        """Groups of catalog indices whose files are equal byte by byte."""
        return exact_copies(self.catalog)

    @cached_property
    def outliers(self) -> list[Outlier]:
        """Photos unlike the rest of their class, the most unlike first."""
        if self.pixels is None:
            return []
        return find_outliers(self.catalog, self.pixels, self.progress)

    @cached_property
    def shortcuts(self) -> list[Shortcut]:
        """Cues that separate the classes, the largest effect first."""
        return find_shortcuts(self.catalog, self.pixels)

    @cached_property
    def indices(self) -> IntArray:
        """Catalog indices of the usable photos."""
        return self.catalog.usable

    @cached_property
    def labels(self) -> IntArray:
        """Class indices; -1 for a photo without a class, or with several labels."""
        numbers = {name: number for number, name in enumerate(self.catalog.class_names)}
        photos = (self.catalog.photos[i] for i in self.indices)
        return np.array([numbers.get(photo.label, -1) for photo in photos], np.int64)

    @cached_property
    def brightness(self) -> Values:
        """Mean luma, 0..255."""
        return self.column("brightness")

    @cached_property
    def contrast(self) -> Values:
        """Standard deviation of the luma."""
        return self.column("contrast")

    @cached_property
    def sharpness(self) -> Values:
        """Variance of the luma's Laplacian."""
        return self.column("sharpness")

    @cached_property
    def width(self) -> Values:
        """Width in pixels."""
        return self.column("width")

    @cached_property
    def height(self) -> Values:
        """Height in pixels."""
        return self.column("height")

    @property
    def shorter(self) -> Values:
        """Pixels of the shorter side."""
        return np.minimum(self.width, self.height)

    @property
    def longer(self) -> Values:
        """Pixels of the longer side."""
        return np.maximum(self.width, self.height)

    @property
    def is_blank(self) -> Flags:
        """Whether a photo is blank."""
        return self.contrast < BLANK_CONTRAST

    def usual(self, values: Values) -> Values:
        """Return the median of each photo's class; the median of all photos for a small class.

        Args:
            values: A number of each photo, shape [N].

        Returns:
            Shape [N].
        """
        usual = np.full(len(values), np.median(values) if len(values) else 0.0)
        order = np.argsort(self.labels, kind="stable")
        _, starts = np.unique(self.labels[order], return_index=True)
        for members in np.split(order, starts[1:]):
            if len(members) >= MIN_PHOTOS:
                usual[members] = np.median(values[members])
        return usual

    def item(self, index: int, value: float | None = None, reason: str | None = None) -> PhotoItem:
        """Build the item of one photo, by its catalog index."""
        photo = self.catalog.photos[index]
        return PhotoItem(
            path=photo.path, label=photo.label, part=photo.part, value=value, reason=reason
        )

    def items(
        self, is_found: Flags, sort_key: Values, reason: Callable[[int], str]
    ) -> list[PhotoItem]:
        """Build the items of the photos that a check found, in ascending order of `sort_key`.

        Args:
            is_found: Whether a photo was found, shape [N].
            sort_key: Shape [N]; its absolute value is the value of the item.
            reason: Returns the reason for a photo, by its row.
        """
        rows = np.flatnonzero(is_found)
        rows = rows[np.argsort(sort_key[rows], kind="stable")]
        return [
            self.item(int(self.indices[i]), round(abs(float(sort_key[i])), 3), reason(int(i)))
            for i in rows
        ]

    def groups(self, groups: Sequence[Sequence[int]]) -> list[GroupItem]:
        """Build the items of groups of catalog indices."""
        return [GroupItem(photos=tuple(self.item(i) for i in group)) for group in groups]

    def column(self, name: str) -> Values:
        """Return a numeric field of `Photo`, such as "width", of each usable photo, shape [N]."""
        photos = (self.catalog.photos[i] for i in self.indices)
        return np.array([getattr(photo, name) for photo in photos], np.float64)
