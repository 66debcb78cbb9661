"""Interpret part folders that are beside class folders: `cats/`, `dogs/` and `test/`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from pawsight.config import SourceConfig
from pawsight.data.listing.class_names import class_name
from pawsight.data.listing.outline import Outline
from pawsight.data.listing.part_folders import as_option, inner_classes, part_folders
from pawsight.data.part_names import is_plain_part, part_of
from pawsight.errors import DataError
from pawsight.formatting import counted, exclude_options, listed
from pawsight.records import Part


def parts_beside_classes(outline: Outline, config: SourceConfig) -> dict[str, Part]:
    """Return the part folders that hold the same classes as are beside them; {} if there are none.

    The class folders beside them are for training: `cats/`, `dogs/`, `test/cats/`, `test/dogs/`.

    Args:
        outline: The folders.
        config: The settings; `parts` names the part folders. None refuses such folders, and
            "none" divides all photos again.

    Raises:
        DataError: The user must choose an interpretation of such folders; or folders named as
            validation or test hold none of the classes beside them, and may be classes.
        SourceError: A part folder cannot be read.
    """
    top = outline.folders()
    all_parts = part_folders(outline, config)
    parts = dict(all_parts)
    if isinstance(config.parts, dict):
        inner = _inner_classes(outline, all_parts)
        parts = {name: part for name, part in all_parts.items() if _key(name) not in inner}
    elif not all_parts:
        parts = {name: part for name in top if is_plain_part(name) and (part := part_of(name))}
    if all_parts and "train" in parts.values():
        return {}
    beside = [name for name in top if name not in parts]
    inner = _inner_classes(outline, parts)
    if any(_key(name) in inner for name in beside):
        if config.parts is None:
            raise DataError(_same_classes(outline, beside, parts))
        return parts
    is_flat = not all_parts or (isinstance(config.parts, dict) and not inner)
    is_mixed = len(beside) > 1 or (beside and len(set(parts.values())) > 1)
    if is_flat and is_mixed and config.parts != "none" and set(parts.values()) - {"train"}:
        raise DataError(_part_or_class(outline, beside, [*parts]))
    return {}


def _key(folder: str) -> str:
    return class_name(folder).casefold()


def _inner_classes(outline: Outline, folders: Mapping[str, Part]) -> set[str]:
    return {name.casefold() for outer in folders for name in inner_classes(outline, f"{outer}/")}


def _same_classes(outline: Outline, beside: Sequence[str], parts: Mapping[str, Part]) -> str:
    classes = f"{counted(len(beside), 'class', 'classes')} {listed(beside)}"
    if "train" in parts.values():
        kept = f"only {listed(parts)}, without the folders beside it"
    else:
        kept = f"{listed(parts)} as given, and the folders beside it for training"
    names = (*beside, *parts)
    return (
        f"The folders {listed(parts)} in {outline.root} hold the same folders as are beside them: "
        f"{listed(beside)}.\n"
        f"They can be read in several ways; choose one:\n"
        f"  {classes}, {kept}: --parts {as_option(parts)}\n"
        f"  {classes}, all photos to be divided: --parts none\n"
        f"  {classes}, without {listed(parts)}: {exclude_options(parts)}\n"
        f"  {len(names):,} classes {listed(names)}: --class-level 1"
    )


def _part_or_class(outline: Outline, beside: Sequence[str], parts: Sequence[str]) -> str:
    names = (*beside, *parts)
    return (
        f"Folders in {outline.root} are named as parts: {listed(parts)}; but they hold none of the "
        f"classes beside them: {listed(beside)}.\n"
        f"They can be read in two ways; choose one:\n"
        f"  photos without classes, to be left out: {exclude_options(parts)}\n"
        f"  {len(names):,} classes {listed(names)}: --parts none"
    )
