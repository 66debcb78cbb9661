"""Divide a catalog into train, validation and test parts, or into folds.

Works on records only: opens no photo and needs no TensorFlow.

Photos that belong together (copies, or photos with the same group key) are always in the
same part, because a copy of a training photo in the test part makes the score look better
than it is. A hash of the seed and the key of each such group gives its draw, a number
between 0 and 1, and fixed bounds turn the draw into a part. So names, folders, order and
machine do not matter, and a photo keeps its part when others are added or removed.

By chance alone, the test part would have 30 +- 5 of 200 photos of a class, and sometimes 18
of one class and 32 of another. So each class has its share of each part within a tenth:
where it has more or less, the groups whose draws are nearest to a bound are moved. Only
these groups can change parts when photos are added, and `keep` prevents even that. Photos
with several labels are divided by iterative stratification instead, in which any photo may
change parts.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from pawsight.config import SplitConfig
from pawsight.data.catalog import Catalog
from pawsight.data.splitting.assignment import Assignment, Subset, hash_draw
from pawsight.data.splitting.grouping import Group, groups_of, names_in
from pawsight.data.splitting.iterative_stratification import stratified
from pawsight.data.splitting.saved_split import saved_parts
from pawsight.data.splitting.shortage import check_enough, groups_too_large
from pawsight.errors import DataError
from pawsight.formatting import counted, printable
from pawsight.records import PARTS, Part

_MIN_PHOTOS_FOR_TEST = 20  # in all; fewer make a test part too small to measure
_MIN_GROUPS_FOR_TEST = 4  # of each class
_NUM_REASONS = 3
_REST = "rest"  # the photos outside the test part, which are divided into folds
_PART_OF: dict[str, Part] = {part: part for part in PARTS}

Copies = Sequence[Sequence[int]]


def split(catalog: Catalog, config: SplitConfig, copies: Copies = ()) -> Catalog:
    """Assign a part to every usable photo.

    If the source has no parts, the hash of each group of photos decides on its
    part. There is a test part only if there are enough photos: 20 in all, and
    4 groups of each class; otherwise its photos are trained on.

    A photo can change its part when others are added only in these cases: a class
    has over a tenth more or less than its share of a part, so that its groups with
    the nearest draws are moved; a group becomes more than half of a class, and is
    trained on; a new photo joins two groups, or has the smallest SHA-256 of its
    group, so that the key of the group changes. Photos named in `config.keep` never
    change their part, and new photos follow those of their group that are named there.

    With `config.folds`, the test part is the same; the rest is divided into
    folds by a second, independent draw of the same groups. The fold
    `config.fold` is the validation part.

    Parts that the source has are kept, and its photos without a part count as
    train. If only validation is missing, it is taken out of train in the same
    way. Folds are made of train and validation together.

    Args:
        catalog: The photos.
        config: Fractions, seed, folds, and the earlier split to keep.
        copies: Groups of catalog indices that show the same picture, as
            `find_duplicates` returns them; photos with equal bytes always stay together.

    Returns:
        The catalog, in which each usable photo has a part.

    Raises:
        SourceError: The split to keep cannot be read.
        DataError: No photo can be read, there are fewer than two classes, a class
            has too few photos or groups to fill the parts, or the source has no
            train part.
    """
    _check_usable(catalog)
    source_parts: dict[int, Part] = {}
    if catalog.has_parts:
        source_parts = {i: catalog.photos[i].part or "train" for i in catalog.usable.tolist()}
    parts = dict(source_parts)
    if not source_parts or config.folds or "validation" not in source_parts.values():
        kept = saved_parts(config.keep, catalog) if config.keep else {}
        if source_parts:
            kept = {i: part for i, part in kept.items() if part != "test"}
        pool = [i for i in catalog.usable.tolist() if source_parts.get(i) != "test"]
        parts.update(_divide(catalog, pool, config, copies, kept, allow_test=not source_parts))
    _check_train_part(catalog, [i for i, part in parts.items() if part == "train"])
    return catalog.with_parts(parts)


def _check_usable(catalog: Catalog) -> None:
    """Raise DataError for a catalog that no split could make trainable."""
    if len(catalog.usable) == 0:
        reasons = [f"{printable(p.path)}: {p.problem}" for p in catalog.broken[:_NUM_REASONS]]
        more = len(catalog.broken) - len(reasons)
        raise DataError(
            "\n  ".join(
                [
                    f"No photo in {catalog.root} can be used "
                    f"({counted(len(catalog.photos), 'file')}).",
                    *reasons,
                    *([f"and {more} more"] if more > 0 else []),
                ]
            )
        )
    if len(catalog.class_names) < 2:
        classes = (
            f"only the class '{catalog.class_names[0]}'" if catalog.class_names else "no classes"
        )
        raise DataError(
            f"Training needs at least two classes, but {catalog.root} has {classes}.\n"
            f"Put the photos of each class into a folder of their own, side by side."
        )
    catalog.labels(catalog.usable)  # raises for a photo without a label


def _check_train_part(catalog: Catalog, train: list[int]) -> None:
    """Raise DataError if the train part lacks a class."""
    if not train:
        raise DataError(
            f"{catalog.root} has no photos to train on: all are in the validation or test part.\n"
            f"Add a folder train/, or name the part train in the table."
        )
    train_names = names_in(catalog, train)
    for name in catalog.class_names:
        if name not in train_names:
            raise DataError(
                f"Class '{name}' has no photo that can be read in the train part.\n"
                f"Folder: {catalog.root}\n"
                f"Add photos of it there, or remove the class from the other parts, too."
            )


def _divide(
    catalog: Catalog,
    pool: list[int],
    config: SplitConfig,
    copies: Copies,
    kept: Mapping[int, Part],
    allow_test: bool,
) -> dict[int, Part]:
    """Return the part of each photo in `pool`; photos in `kept` keep their part."""
    groups = groups_of(catalog, pool, copies)
    needed = config.folds or 2
    num_groups = check_enough(catalog, groups, needed, config, kept)
    has_test = "test" in kept.values() or (
        allow_test
        and config.test_fraction > 0
        and len(pool) >= _MIN_PHOTOS_FOR_TEST
        and (
            # A single rare label of many must not prevent a test part.
            catalog.task.is_multi_label
            or min(num_groups.values()) >= max(_MIN_GROUPS_FOR_TEST, needed + 1)
        )
    )
    test_end = config.test_fraction
    validation_end = test_end + config.validation_fraction
    # Without a test part, its range of draws is assigned to train.
    test_range = ((0.0, test_end),)
    spare = () if has_test else test_range
    subsets = [Subset("test", test_range)] if has_test else []
    if config.folds:
        bounds = (*spare, (test_end, 1.0))
        subsets.append(Subset(_REST, bounds, min_groups=config.folds, takes_dominant=True))
        fixed: dict[int, str] = {i: "test" if p == "test" else _REST for i, p in kept.items()}
    else:
        subsets.append(Subset("validation", ((test_end, validation_end),)))
        subsets.append(Subset("train", (*spare, (validation_end, 1.0)), takes_dominant=True))
        fixed = dict(kept)
    assigned = _assign(catalog, groups, config.seed, "part", subsets, fixed)
    if config.folds:
        assigned = _with_folds(catalog, assigned, config.folds, config, copies)
    parts: dict[int, Part] = {i: _PART_OF[subset] for i, subset in assigned.items()}
    if "validation" not in parts.values():
        raise DataError(
            f"All photos in {catalog.root} keep the parts they had in {config.keep}, and no photo "
            f"was in the validation part.\nAdd new photos, or divide all photos again: without "
            f"--start-from and --set split.keep."
        )
    return parts


def _with_folds(
    catalog: Catalog, assigned: dict[int, str], folds: int, config: SplitConfig, copies: Copies
) -> dict[int, str]:
    """Divide the photos outside the test part into folds, and take one fold for validation."""
    groups = groups_of(catalog, (i for i, subset in assigned.items() if subset == _REST), copies)
    subsets = [
        Subset(str(number + 1), ((number / folds, (number + 1) / folds),))
        for number in range(folds)
    ]
    fold_of = _assign(catalog, groups, config.seed, "fold", subsets, {})
    chosen = str(config.fold)
    return assigned | {i: "validation" if f == chosen else "train" for i, f in fold_of.items()}


def _assign(
    catalog: Catalog,
    groups: Sequence[Group],
    seed: int,
    purpose: str,
    subsets: Sequence[Subset],
    fixed: Mapping[int, str],
) -> dict[int, str]:
    """Return the subset of each photo by catalog index; no subset lacks a class."""
    draws = [hash_draw(seed, purpose, group.key) for group in groups]
    if catalog.task.is_multi_label:
        return stratified(
            catalog, groups, draws, {subset.name: subset.share for subset in subsets}, fixed
        )
    assignment = Assignment(catalog, groups, draws, subsets, fixed)
    labels_fixed = {catalog.photos[i].label for i in fixed}
    for label, subset in assignment.fill_empty_subsets(catalog.class_names):
        # Saved parts may lack a class. A class without a test photo can still be trained on.
        if subset != "test" and label not in labels_fixed:
            raise groups_too_large(catalog, groups, label)
    assignment.even_out([label for label in catalog.class_names if label not in labels_fixed])
    return assignment.subset_of()
