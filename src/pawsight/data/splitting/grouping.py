"""Which photos must stay together: copies of each other, and those with one key of the user's.

Works on records only.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from pawsight.data.catalog import Catalog
from pawsight.data.disjoint_sets import DisjointSets
from pawsight.formatting import printable


class Group(NamedTuple):
    """Photos that stay in one part."""

    # What their part is drawn by: the same whenever the same photos are in the group, whatever
    # their names, order and neighbours.
    key: str
    indices: tuple[int, ...]  # their catalog indices, ascending


def groups_of(
    catalog: Catalog, indices: Iterable[int], copies: Sequence[Sequence[int]] = ()
) -> list[Group]:
    """Divide photos into groups: equal bytes, a group of `copies`, or one user's key.

    A photo that belongs to two groups joins them. The key of a group is the
    user's, the first by name if there are several; without one it is the
    smallest sha256 of its photos.

    Args:
        catalog: The photos.
        indices: Those to divide, usable ones.
        copies: Groups of catalog indices that show the same photo; others than
            `indices` in them do not matter.

    Returns:
        The groups, ordered by their first photo; each index is in one of them.
    """
    chosen = sorted(indices)
    joined = DisjointSets(len(catalog.photos))
    first_of_bytes: dict[str, int] = {}
    first_of_key: dict[str, int] = {}
    for index in chosen:
        photo = catalog.photos[index]
        if photo.sha256 and (first := first_of_bytes.setdefault(photo.sha256, index)) != index:
            joined.join(index, first)
        if photo.group and (first := first_of_key.setdefault(photo.group, index)) != index:
            joined.join(index, first)
    is_chosen = set(chosen) if copies else set()
    for group in copies:
        joined.join_all([index for index in group if index in is_chosen])
    return [Group(_key(catalog, group), tuple(group)) for group in joined.groups(chosen)]


def group_name(catalog: Catalog, group: Group) -> str:
    """Return the name of a group: the user's key, or its first photo."""
    key = min(
        (catalog.photos[i].group for i in group.indices if catalog.photos[i].group), default=""
    )
    first = printable(catalog.photos[group.indices[0]].path)
    return f"the group '{printable(key)}'" if key else f"the copies of {first}"


def names_in(catalog: Catalog, indices: Iterable[int]) -> set[str]:
    """Return the labels of photos, each once."""
    return {name for i in indices for name in catalog.names_of(catalog.photos[i])}


def _key(catalog: Catalog, group: list[int]) -> str:
    photos = [catalog.photos[index] for index in group]
    if keys := [photo.group for photo in photos if photo.group]:
        return f"group:{min(keys)}"
    return f"photo:{min(photo.sha256 or photo.path for photo in photos)}"
