"""Divide a catalog into train, validation and test parts.

Works on records only: opens no file and needs no TensorFlow.
Byte-identical photos always land in the same part, because a copy of a
training photo in the test part makes the score look better than it is.
Which photo goes where is decided by its content and the seed alone, so names,
folders and the order of files do not matter, nor does the machine.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import replace
from fractions import Fraction

from pawsight.config import SplitConfig
from pawsight.errors import DataError
from pawsight.pictures.catalog import Catalog
from pawsight.records import PARTS, Part

_TEST_NEEDS = 20  # photos in all; fewer leave a test part that says nothing
_TEST_NEEDS_PER_CLASS = 4
_NUM_REASONS = 3
_HELD_OUT: tuple[Part, ...] = ("test", "validation")

Group = list[int]  # indices of photos with the same bytes


def split(catalog: Catalog, config: SplitConfig) -> Catalog:
    """Fill in the part of every usable photo.

    Where the source has no parts, each class is divided in the same
    proportions: as near to the fractions as whole photos allow, the largest
    remainder first, and at least one photo of each class in each part. A test
    part is made whenever there are enough photos: 20 in all, and 4 different
    ones in each class; otherwise its photos stay in train.

    Parts that the source has are kept, and its photos without a part count as
    train. If only validation is missing, it is taken out of train in the same way.

    Args:
        catalog: What ingest gave.
        config: Fractions and seed.

    Returns:
        The same rows; each usable photo has a part.

    Raises:
        DataError: No photo can be read, there are fewer than two classes, a class
            has too few photos to fill the parts, or the source has no train part.
    """
    _check(catalog)
    if not catalog.has_parts:
        parts = _divide(catalog, catalog.usable.tolist(), config, allow_test=True)
    else:
        parts = {i: catalog.photos[i].part or "train" for i in catalog.usable.tolist()}
        train = [i for i, part in parts.items() if part == "train"]
        if "validation" not in parts.values():
            parts.update(_divide(catalog, train, config, allow_test=False))
        else:
            _check_trained_on(catalog, train)
    photos = list(catalog.photos)
    for index, part in parts.items():
        photos[index] = replace(photos[index], part=part)
    return replace(catalog, photos=tuple(photos))


def _check(catalog: Catalog) -> None:
    """Refuse what can not be trained on, whatever the split."""
    if len(catalog.usable) == 0:
        reasons = [f"{p.path}: {p.problem}" for p in catalog.broken[:_NUM_REASONS]]
        more = len(catalog.broken) - len(reasons)
        raise DataError(
            "\n  ".join(
                [
                    f"None of the {len(catalog.photos)} photo(s) in {catalog.root} can be used.",
                    *reasons,
                    *([f"and {more} more"] if more > 0 else []),
                ]
            )
        )
    if len(catalog.class_names) < 2:
        found = (
            f"only the class '{catalog.class_names[0]}'" if catalog.class_names else "no classes"
        )
        raise DataError(
            f"Training needs at least two classes, but {catalog.root} has {found}.\n"
            f"Put the photos of each class into a folder of their own, side by side."
        )
    catalog.labels(catalog.usable)  # says which photo has no label


def _check_trained_on(catalog: Catalog, train: list[int]) -> None:
    """Refuse parts in which a class can not be learned."""
    if not train:
        raise DataError(
            f"{catalog.root} has no photos to train on: all are in the validation or test part.\n"
            f"Add a folder train/, or name the part train in the table."
        )
    known = {catalog.photos[i].label for i in train}
    for name in catalog.class_names:
        if name not in known:
            raise DataError(
                f"Class '{name}' has no photo that can be read in the train part.\n"
                f"Folder: {catalog.root}\n"
                f"Add photos of it there, or take the class out of the other parts too."
            )


def _divide(
    catalog: Catalog, indices: list[int], config: SplitConfig, allow_test: bool
) -> dict[int, Part]:
    groups = _groups_by_class(catalog, indices)
    _check_filled(catalog, groups)
    has_test = (
        allow_test
        and config.test_fraction > 0
        and len(indices) >= _TEST_NEEDS
        and all(len(of_class) >= _TEST_NEEDS_PER_CLASS for of_class in groups.values())
    )
    test_fraction = config.test_fraction if has_test else 0.0
    parts: dict[int, Part] = {}
    for of_class in groups.values():
        ordered = sorted(of_class, key=lambda group: _draw(catalog, group, config.seed))
        counts = _counts(sum(map(len, ordered)), config.validation_fraction, test_fraction)
        for part in _HELD_OUT:
            others = len(_HELD_OUT) - _HELD_OUT.index(part)  # parts that come after this one
            taken = _take(ordered, counts[part], len(ordered) - others)
            for group in taken:
                parts.update(dict.fromkeys(group, part))
            # Groups share no photo, so the first one tells them apart.
            firsts = {group[0] for group in taken}
            ordered = [group for group in ordered if group[0] not in firsts]
        parts.update((index, "train") for group in ordered for index in group)
    return parts


def _groups_by_class(catalog: Catalog, indices: Iterable[int]) -> dict[str, list[Group]]:
    """Group copies; a group across classes counts for the first of them by name."""
    same: dict[str, Group] = {}
    for index in indices:
        same.setdefault(catalog.photos[index].sha256, []).append(index)
    by_class: dict[str, list[Group]] = {name: [] for name in catalog.class_names}
    for group in same.values():
        by_class[min(catalog.photos[index].label for index in group)].append(group)
    return by_class


def _check_filled(catalog: Catalog, groups: dict[str, list[Group]]) -> None:
    needed = 2
    for name, of_class in groups.items():
        if len(of_class) >= needed:
            continue
        count = sum(photo.label == name for photo in catalog.photos)
        num_broken = sum(photo.label == name for photo in catalog.broken)
        but = []
        if num_broken:
            but.append(f"{num_broken} cannot be read")
        if count - num_broken > len(of_class):
            but.append(f"{count - num_broken - len(of_class)} are copies of others")
        raise DataError(
            f"Class '{name}' has {count} photo(s)"
            + (f", of which {' and '.join(but)}" if but else "")
            + f", but {needed} different ones are needed to fill the train and validation parts.\n"
            f"Folder: {catalog.root}\n"
            f"Add photos of '{name}', or take its folder out."
        )


def _draw(catalog: Catalog, group: Group, seed: int) -> bytes:
    """Give a group its place in the order: random, but by content and seed alone."""
    content = f"{seed}:{catalog.photos[group[0]].sha256}"
    return hashlib.sha256(content.encode()).digest()


def _counts(total: int, validation_fraction: float, test_fraction: float) -> dict[Part, int]:
    """Share out whole photos by the largest remainder; ties go to train, then validation.

    Returns:
        The count of each part; they add up to `total`. A part with a fraction
        above 0 gets one photo at least.
    """
    # As written (0.15), not as stored (0.1499999...), so that halves are seen as such.
    shares: dict[Part, Fraction] = {
        "validation": Fraction(str(validation_fraction)),
        "test": Fraction(str(test_fraction)),
    }
    shares["train"] = 1 - shares["validation"] - shares["test"]
    exact = {part: share * total for part, share in shares.items()}
    counts = {part: int(exact[part]) for part in PARTS}
    by_remainder = sorted(PARTS, key=lambda part: counts[part] - exact[part])
    for part in by_remainder[: total - sum(counts.values())]:
        counts[part] += 1
    for part in PARTS:
        if shares[part] and not counts[part]:
            counts[max(PARTS, key=lambda other: counts[other])] -= 1
            counts[part] += 1
    return counts


def _take(groups: list[Group], count: int, most: int) -> list[Group]:
    """Choose at most `most` groups, in order, of `count` photos together.

    A group too large for what is left is passed over. If all are too large, the
    smallest is taken, so that no part stays empty.
    """
    taken: list[Group] = []
    for group in groups:
        if len(group) <= count and len(taken) < most:
            taken.append(group)
            count -= len(group)
    if not taken and count:
        taken = [min(groups, key=len)]
    return taken
