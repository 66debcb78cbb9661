"""The photos for training and evaluation: the catalog, the pixels, the groups of duplicates."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from pawsight.data.catalog import Catalog
from pawsight.data.duplicates.near_duplicates import Groups
from pawsight.data.reading.resized import at_size
from pawsight.records import Pixels


@dataclass(frozen=True, slots=True, eq=False)
class Dataset:
    """Photos with their facts and pixels."""

    catalog: Catalog  # the photos and the parts they belong to
    pixels: Pixels  # the pixels, by catalog index
    # Groups of catalog indices of photos that show the same picture; empty if not searched for.
    duplicates: Groups = field(default_factory=list)

    def at_size(self, image_size: tuple[int, int]) -> Dataset:
        """Return the same photos at (height, width) pixels."""
        return replace(self, pixels=at_size(self.pixels, image_size))
