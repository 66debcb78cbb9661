"""Check that each class has enough photos and groups for a split, with errors that explain it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Container, Sequence

from pawsight.config import SplitConfig
from pawsight.data.catalog import Catalog
from pawsight.data.splitting.grouping import Group, group_name, names_in
from pawsight.errors import DataError
from pawsight.formatting import counted, exclude_options, listed, shell_quoted


def check_enough(
    catalog: Catalog,
    groups: Sequence[Group],
    needed: int,
    config: SplitConfig,
    kept: Container[int] = (),
) -> dict[str, int]:
    """Check that each class has enough groups to fill the parts.

    Args:
        catalog: The photos.
        groups: The groups to divide.
        needed: How many groups each class must have.
        config: How the groups were made.
        kept: Catalog indices of photos that keep an earlier part. Without folds, a class
            with such photos may have fewer groups.

    Returns:
        The number of groups of each class.

    Raises:
        DataError: A class has fewer groups; the message states the reason and what to do.
    """
    num_groups = Counter(dict.fromkeys(catalog.class_names, 0))
    has_kept: set[str] = set()
    for group in groups:
        num_groups.update(names_in(catalog, group.indices))
        has_kept |= names_in(catalog, (i for i in group.indices if i in kept))
    short = [
        name
        for name, count in num_groups.items()
        if count < needed and (config.folds or name not in has_kept)
    ]
    if short:
        others = (
            f"\nOther classes with too few: {listed(short[1:])}. "
            f"Without all of these: {exclude_options(short)}"
            if short[1:]
            else ""
        )
        raise DataError(f"{_too_few(catalog, groups, short[0], needed, config)}{others}")
    return dict(num_groups)


def groups_too_large(catalog: Catalog, groups: Sequence[Group], label: str) -> DataError:
    """Build the error for a class that is missing in a part because its groups are too large.

    Args:
        catalog: The photos.
        groups: All groups.
        label: The class.
    """
    of_class = [group for group in groups if label in names_in(catalog, group.indices)]
    group = max(of_class, key=lambda candidate: len(candidate.indices))
    others = sorted(names_in(catalog, group.indices) - {label})
    size = counted(len(group.indices), "photo")
    also = f", also of class {listed(others)}" if others else ""
    return DataError(
        f"The photos of class '{label}' form only {counted(len(of_class), 'group')} that must "
        f"stay together, and cannot fill every part: {group_name(catalog, group)} has {size}"
        f"{also}.\n"
        f"Folder: {catalog.root}\n"
        f"Add photos of '{label}' that belong to no such group, or make the groups smaller."
    )


def _too_few(
    catalog: Catalog, groups: Sequence[Group], name: str, needed: int, config: SplitConfig
) -> DataError:
    of_class = [group for group in groups if name in names_in(catalog, group.indices)]
    different = {
        catalog.photos[i].sha256 or i
        for group in of_class
        for i in group.indices
        if name in catalog.names_of(catalog.photos[i])
    }
    parts = f"{needed} folds" if config.folds else "the train and validation parts"
    if len(different) < needed:
        return _too_few_photos(catalog, name, len(different), needed, parts)
    names = " and ".join(group_name(catalog, group) for group in of_class)
    return DataError(
        f"The {len(different)} different photos of class '{name}' belong to "
        f"{counted(len(of_class), 'group')} that must stay together, but {needed} groups are "
        f"needed to fill {parts}.\n"
        f"Folder: {catalog.root}\n"
        f"Groups: {names}.\n"
        f"Add other photos of '{name}', "
        + ("choose fewer folds, " if config.folds else "")
        + ("or use smaller groups" if config.group_by else "or remove some of these photos")
        + "."
    )


def _too_few_photos(
    catalog: Catalog, name: str, num_different: int, needed: int, parts: str
) -> DataError:
    count = sum(name in catalog.names_of(photo) for photo in catalog.photos)
    num_broken = sum(name in catalog.names_of(photo) for photo in catalog.broken)
    num_copies = count - num_broken - num_different
    excluded = []
    if num_broken:
        excluded.append(f"{num_broken} cannot be read")
    if num_copies > 0:
        excluded.append(f"{num_copies} are copies of others")
    return DataError(
        f"Class '{name}' has {counted(count, 'photo')}"
        + (f", of which {' and '.join(excluded)}" if excluded else "")
        + f", but {needed} different photos are needed to fill {parts}.\n"
        f"Folder: {catalog.root}\n"
        f"Add photos of '{name}', or leave the class out: --exclude {shell_quoted(name)}"
    )
