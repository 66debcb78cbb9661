"""Divide a catalog into train, validation and test parts, or into folds.

Works on records only: opens no photo and needs no TensorFlow.
Photos that belong together (copies, or those with one key of the user's)
always land in the same part, because a copy of a training photo in the test
part makes the score look better than it is. A hash of the seed and of each such
group's own key gives a number between 0 and 1, its draw, and fixed bounds turn
that into a part. So names, folders, order and machine do not matter, and a photo
stays where it is when others come or go. Chance alone would test on 30 +- 5 of
200 photos of a class, and on 18 of one class and 32 of another, now and then. So
each class has its share of each part, give or take a tenth: where the draws give
more or less, those nearest to a bound count for another part. Only these can
change parts because others came; `keep` holds them, too. Photos of several labels
are divided by iterative stratification instead; there any photo may change parts.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from pawsight.config import SplitConfig
from pawsight.data.catalog import Catalog
from pawsight.data.splitting.assignment import Assignment, Side, hash_draw
from pawsight.data.splitting.grouping import Group, groups_of, names_in
from pawsight.data.splitting.iterative_stratification import stratified
from pawsight.data.splitting.saved_split import saved_parts
from pawsight.data.splitting.shortage import check_enough, groups_too_large
from pawsight.errors import DataError
from pawsight.formatting import counted, printable
from pawsight.records import PARTS, Part

_TEST_NEEDS = 20  # photos in all; fewer make a test part too small to measure
_TEST_NEEDS_PER_CLASS = 4  # groups
_NUM_REASONS = 3
_REST = "rest"  # what the folds share, beside the test part
_PART_OF: dict[str, Part] = {part: part for part in PARTS}

Copies = Sequence[Sequence[int]]


def split(catalog: Catalog, config: SplitConfig, copies: Copies = ()) -> Catalog:
    """Fill in the part of every usable photo.

    Where the source has no parts, the hash of each group of photos decides: the
    fraction of test leads to test, of validation for validation, else train. A test
    part is made whenever there are enough photos: 20 in all, and 4 groups of
    each class; until then its photos are trained on.

    Small sets need exceptions, and only through these can a photo change sides
    because others came: where a class has more or less than its share of a part, by
    more than a tenth, its groups with the nearest draws move; a group of more than
    half of a class is trained on; and a new photo that joins two groups, or comes
    before the first of its group by sha256, may take the group along. What `config.keep` names
    never moves: new photos follow those of their group that are named there.

    With `config.folds` the test part is the same; the rest is divided into
    folds by a second, independent draw of the same groups. The fold
    `config.fold` is the validation part.

    Parts that the source has are kept, and its photos without a part count as
    train. If only validation is missing, it is taken out of train in the same
    way. Folds are made of train and validation together.

    Args:
        catalog: The photos.
        config: Fractions, seed, folds, and the earlier split to keep.
        copies: Groups of catalog indices that show the same photo, such as
            `find_duplicates` gives; photos of equal bytes stay together anyway.

    Returns:
        The same rows; each usable photo has a part.

    Raises:
        SourceError: The split to keep cannot be read.
        DataError: No photo can be read, there are fewer than two classes, a class
            has too few photos or groups to fill the parts, or the source has no
            train part.
    """
    _check(catalog)
    given: dict[int, Part] = {}
    if catalog.has_parts:
        given = {i: catalog.photos[i].part or "train" for i in catalog.usable.tolist()}
    parts = dict(given)
    if not given or config.folds or "validation" not in given.values():
        kept = saved_parts(config.keep, catalog) if config.keep else {}
        if given:
            kept = {i: part for i, part in kept.items() if part != "test"}
        pool = [i for i in catalog.usable.tolist() if given.get(i) != "test"]
        parts.update(_divide(catalog, pool, config, copies, kept, allow_test=not given))
    _check_trained_on(catalog, [i for i, part in parts.items() if part == "train"])
    return catalog.with_parts(parts)


def _check(catalog: Catalog) -> None:
    """Refuse what can not be trained on, whatever the split."""
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
        found = (
            f"only the class '{catalog.class_names[0]}'" if catalog.class_names else "no classes"
        )
        raise DataError(
            f"Training needs at least two classes, but {catalog.root} has {found}.\n"
            f"Put the photos of each class into a folder of their own, side by side."
        )
    catalog.labels(catalog.usable)  # raises for a photo without a label


def _check_trained_on(catalog: Catalog, train: list[int]) -> None:
    """Refuse parts in which a class can not be learned."""
    if not train:
        raise DataError(
            f"{catalog.root} has no photos to train on: all are in the validation or test part.\n"
            f"Add a folder train/, or name the part train in the table."
        )
    trained = names_in(catalog, train)
    for name in catalog.class_names:
        if name not in trained:
            raise DataError(
                f"Class '{name}' has no photo that can be read in the train part.\n"
                f"Folder: {catalog.root}\n"
                f"Add photos of it there, or take the class out of the other parts too."
            )


def _divide(
    catalog: Catalog,
    pool: list[int],
    config: SplitConfig,
    copies: Copies,
    kept: Mapping[int, Part],
    allow_test: bool,
) -> dict[int, Part]:
    """Draw the parts of the photos in `pool`; those in `kept` have theirs."""
    groups = groups_of(catalog, pool, copies)
    needed = config.folds or 2
    num_groups = check_enough(catalog, groups, needed, config, kept)
    has_test = "test" in kept.values() or (
        allow_test
        and config.test_fraction > 0
        and len(pool) >= _TEST_NEEDS
        and (
            # One rare label of many must not cost the others their test part.
            catalog.task.is_multi_label
            or min(num_groups.values()) >= max(_TEST_NEEDS_PER_CLASS, needed + 1)
        )
    )
    test, beyond = config.test_fraction, config.test_fraction + config.validation_fraction
    # Where no test part is made, its share of the draws leads to train.
    below = () if has_test else ((0.0, test),)
    sides = [Side("test", ((0.0, test),))] if has_test else []
    if config.folds:
        sides.append(Side(_REST, (*below, (test, 1.0)), least=config.folds, takes_giants=True))
        fixed: dict[int, str] = {i: "test" if p == "test" else _REST for i, p in kept.items()}
    else:
        sides.append(Side("validation", ((test, beyond),)))
        sides.append(Side("train", (*below, (beyond, 1.0)), takes_giants=True))
        fixed = dict(kept)
    divided = _assign(catalog, groups, config.seed, "part", sides, fixed)
    if config.folds:
        divided = _with_folds(catalog, divided, config.folds, config, copies)
    parts: dict[int, Part] = {i: _PART_OF[side] for i, side in divided.items()}
    if "validation" not in parts.values():
        raise DataError(
            f"All photos in {catalog.root} keep the parts they had in {config.keep}, and none of "
            f"these is validation.\nAdd new photos, or divide them all again: without --start-from "
            f"and --set split.keep."
        )
    return parts


def _with_folds(
    catalog: Catalog, divided: dict[int, str], folds: int, config: SplitConfig, copies: Copies
) -> dict[int, str]:
    """Divide what is not tested on into folds, and take one of them for validation."""
    groups = groups_of(catalog, (i for i, side in divided.items() if side == _REST), copies)
    sides = [
        Side(str(number + 1), ((number / folds, (number + 1) / folds),)) for number in range(folds)
    ]
    fold_of = _assign(catalog, groups, config.seed, "fold", sides, {})
    chosen = str(config.fold)
    return divided | {i: "validation" if f == chosen else "train" for i, f in fold_of.items()}


def _assign(
    catalog: Catalog,
    groups: Sequence[Group],
    seed: int,
    purpose: str,
    sides: Sequence[Side],
    fixed: Mapping[int, str],
) -> dict[int, str]:
    """Return the side of each photo by catalog index, every side filled."""
    draws = [hash_draw(seed, purpose, group.key) for group in groups]
    if catalog.task.is_multi_label:
        return stratified(catalog, groups, draws, {side.name: side.share for side in sides}, fixed)
    assignment = Assignment(catalog, groups, draws, sides, fixed)
    labels_fixed = {catalog.photos[i].label for i in fixed}
    for label, side in assignment.fill_empty_sides(catalog.class_names):
        # Saved parts may lack a class; without a test photo it can still be trained on.
        if side != "test" and label not in labels_fixed:
            raise groups_too_large(catalog, groups, label)
    assignment.even_out([label for label in catalog.class_names if label not in labels_fixed])
    return assignment.side_of()
