"""Find copies of photos in a catalog, by their bytes."""

from __future__ import annotations

from pawsight.pictures.catalog import Catalog


def exact_copies(catalog: Catalog) -> list[list[int]]:
    """Group the usable photos whose files are equal byte by byte.

    Returns:
        Groups of two or more indices, each ascending, ordered by their first.
    """
    groups: dict[str, list[int]] = {}
    for index in catalog.usable.tolist():
        groups.setdefault(catalog.photos[index].sha256, []).append(index)
    return [group for group in groups.values() if len(group) > 1]


def straddling_copies(catalog: Catalog) -> list[list[int]]:
    """Give the groups of exact copies whose members lie in different parts.

    A copy of a training photo in the test part makes the score look better than it is.
    """
    return [
        group
        for group in exact_copies(catalog)
        if len({catalog.photos[index].part for index in group} - {""}) > 1
    ]
