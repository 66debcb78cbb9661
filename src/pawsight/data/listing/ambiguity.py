"""Refuse ambiguous folders; the message states each interpretation with its option."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import combinations

from pawsight.config import SourceConfig
from pawsight.data.listing.label_patterns import proposed_pattern
from pawsight.data.listing.outline import Outline
from pawsight.data.listing.part_folders import as_option, flat_parts, inner_classes, is_alike
from pawsight.data.part_names import is_annotation, is_no_class, part_of
from pawsight.data.sources.unread_files import advice_on_files
from pawsight.errors import DataError
from pawsight.formatting import counted, exclude_options, listed, printable
from pawsight.records import PARTS

# Dates, and numbers such as 001: such folders divide a class, and are no classes themselves.
_PORTION = re.compile(r"(19|20)\d\d([-_. ]?\d\d){0,2}|0\d+|\d{3,}")


def is_portion(name: str) -> bool:
    """Return whether a folder holds a portion of a class by its name: a date or a number."""
    return _PORTION.fullmatch(name) is not None


def check_flat_parts(outline: Outline, config: SourceConfig) -> None:
    """Refuse `train/` and `test/` that hold photos but no class folders.

    Raises:
        DataError: There are such folders.
    """
    parts = flat_parts(outline, config)
    if not parts:
        return
    top = sorted(parts, key=lambda name: PARTS.index(parts[name]))
    photos = {f"{name}/{photo}": photo for name in top for photo in _some_photos(outline, name)}
    pattern = proposed_pattern(photos.values())
    example = f", such as {printable(next(iter(photos)))}" if pattern else ""
    advice = advice_on_files(outline.root / top[0])
    advice = advice and f"In {printable(top[0])}: {advice}"
    raise DataError(
        f"The folders {listed(top)} in {outline.root} hold photos, but no class folders.\n"
        f"They can be read in two ways; choose one:\n"
        f"  they are parts, and the class is in the name of each file{example}: "
        f"--label-pattern '{pattern or r'(cat|dog)[.]'}'\n"
        f"  they are the classes {listed(top)}: --parts none\n"
        f"{advice_on_files(outline.source_root) or advice}"
        f"If a table gives the classes, put it beside these folders, or give it as the source."
    )


def _some_photos(outline: Outline, folder: str) -> list[str]:
    """Return the names of some photos in a folder, or in its first subfolder."""
    inner = outline.folders(f"{folder}/")
    names = outline.photo_names(f"{folder}/")
    return names or (outline.photo_names(f"{folder}/{inner[0]}/") if inner else [])


def check_same_folders(outline: Outline, top: tuple[str, ...]) -> None:
    """Refuse folders that hold the same subfolders: either level could be the classes.

    Raises:
        DataError: Two of the folders hold the same subfolders, and of each folder at least half
            of the subfolders are shared.
    """
    if len(top) < 2 or any(outline.has_photos(f"{name}/") for name in top):
        return
    inner = {name: inner_classes(outline, f"{name}/") for name in top}
    shared = {name for a, b in combinations(top, 2) for name in inner[a] & inner[b]}
    if not any(is_alike(inner[a], inner[b]) for a, b in combinations(top, 2)):
        return
    if not all(names and 2 * len(names & shared) >= len(names) for names in inner.values()):
        return
    deeper = sorted(set().union(*inner.values()))
    if all(map(is_portion, deeper)):
        return
    named = {name: part_of(name) or ("test" if "test" in name.lower() else "") for name in top}
    unused = [part for part in PARTS if part not in named.values()]
    parts = {name: part or (unused.pop(0) if unused else "") for name, part in named.items()}
    no_part = next((name for name in reversed(top) if not part_of(name)), top[-1])
    option = as_option({name: part for name, part in parts.items() if part})
    raise DataError(
        f"The folders {listed(top)} in {outline.root} hold the same folders: {listed(deeper)}.\n"
        f"They can be read in several ways; choose one:\n"
        f"  {len(deeper):,} classes {listed(deeper)}, in parts: --parts {option}, for example\n"
        f"  {len(deeper):,} classes {listed(deeper)}, to be divided: --class-level 2\n"
        f"  {len(top):,} classes {listed(top)}: --class-level 1\n"
        f"To leave out a folder that does not belong to them: {exclude_options([no_part])}"
    )


def check_depth_of_two(outline: Outline, top: tuple[str, ...]) -> None:
    """Refuse `labelled/cats`, `labelled/dogs` beside `new/1.jpg`: either level may be the classes.

    Raises:
        DataError: Of two folders one holds only folders, and the other holds photos.
    """
    outer = [name for name in top if not outline.has_photos(f"{name}/")]
    if len(top) != 2 or len(outer) != 1:
        return
    inner = sorted(inner_classes(outline, f"{outer[0]}/"))
    if len(inner) < 2 or all(map(is_portion, inner)):
        return
    other = next(name for name in top if name not in outer)
    raise DataError(
        f"In {outline.root} the folder {printable(outer[0])} holds the folders {listed(inner)}, "
        f"and the folder {printable(other)} holds photos.\n"
        f"They can be read in two ways; choose one:\n"
        f"  {len(inner):,} classes {listed(inner)}: {exclude_options([other])}\n"
        f"  2 classes {listed(top)}: --class-level 1"
    )


def check_annotations(outline: Outline, prefixes: Sequence[str]) -> None:
    """Refuse class folders such as `images/` and `masks/`, which may be photos and annotations.

    Args:
        outline: The folders.
        prefixes: The class folders, relative to the source, each ending in "/".

    Raises:
        DataError: A folder has a general name for photos, and another a name for annotations.
    """
    levels = {prefix.rstrip("/").rpartition("/")[2]: prefix.count("/") for prefix in prefixes}
    masks = [name for name in levels if is_annotation(name)]
    photos = [name for name in levels if is_no_class(name) and name not in masks]
    if not masks or not photos:
        return
    raise DataError(
        f"The folders {listed((*photos, *masks))} in {outline.root} may be photos and their "
        f"annotations instead of classes.\n"
        f"They can be read in two ways; choose one:\n"
        f"  the photos are in {listed(photos)}: {exclude_options(masks)}\n"
        f"  {counted(len(levels), 'class', 'classes')} {listed(levels)}: "
        f"--class-level {max(levels.values())}"
    )
