"""Group photos that must stay in the same part: copies, and photos with the same group key.

Works on records only: opens no photo.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from pawsight.data.catalog import Catalog
from pawsight.data.disjoint_sets import DisjointSets
from pawsight.formatting import printable


class Group(NamedTuple):
    """Photos that must be in the same part."""

    # The part is drawn by this key. It depends only on which photos are in the group, not on
    # their names, their order or other photos.
    key: str
    indices: tuple[int, ...]  # their catalog indices, ascending


def groups_of(
    catalog: Catalog, indices: Iterable[int], copies: Sequence[Sequence[int]] = ()
) -> list[Group]:
    """Divide photos into groups with equal bytes, in one group of `copies`, or with one user's key.

    A photo that belongs to two groups joins them. The key of a group is the
    user's key, the first in alphabetical order if there are several, or else
    the smallest SHA-256 of its photos.

    Args:
        catalog: The photos.
        indices: Catalog indices of the photos to divide.
        copies: Groups of catalog indices of copies. Indices that are not in
            `indices` are ignored.

    Returns:
        The groups, ordered by their first photo; each index is in exactly one group.
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


def fixed_subsets(
    groups: Sequence[Group], names: Sequence[str], fixed: Mapping[int, str]
) -> dict[int, str]:
    """Return the subset of each group that has photos with a fixed subset, by group number.

    Args:
        groups: The groups.
        names: Names of the subsets. If photos of a group are fixed in several subsets, the
            group is in the last of these.
        fixed: Names of the subsets of photos that must not move, by catalog index.
    """
    return {
        number: max((fixed[i] for i in group.indices if i in fixed), key=names.index)
        for number, group in enumerate(groups)
        if any(i in fixed for i in group.indices)
    }


def group_name(catalog: Catalog, group: Group) -> str:
    """Return a description of a group for messages: the user's key, or its first photo."""
    key = min(
        (catalog.photos[i].group for i in group.indices if catalog.photos[i].group), default=""
    )
    first = printable(catalog.photos[group.indices[0]].path)
    return f"the group '{printable(key)}'" if key else f"the copies of {first}"


def names_in(catalog: Catalog, indices: Iterable[int]) -> set[str]:
    """Return the set of labels of photos."""
    return {name for i in indices for name in catalog.names_of(catalog.photos[i])}


def _key(catalog: Catalog, group: list[int]) -> str:
    photos = [catalog.photos[index] for index in group]
    if keys := [photo.group for photo in photos if photo.group]:
        return f"group:{min(keys)}"
    return f"photo:{min(photo.sha256 or photo.path for photo in photos)}"
