"""Find the folders that are parts: by usual words in their names, and by their content."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from itertools import combinations

from pawsight.config import SourceConfig
from pawsight.data.listing.class_names import class_name
from pawsight.data.listing.outline import Outline
from pawsight.data.part_names import is_no_class, is_plain_part, part_of
from pawsight.errors import DataError, SourceError
from pawsight.formatting import exclude_options, listed, printable
from pawsight.records import PARTS, Part


def part_folders(outline: Outline, config: SourceConfig) -> dict[str, Part]:
    """Return the folders directly inside a source that are parts, by name; {} if there are none.

    They are also found if `config.parts` is "none": then their photos are divided again.

    Raises:
        DataError: Two folders are the same part, or a folder beside the parts has no part.
        SourceError: A part folder cannot be read.
    """
    top = outline.folders()
    if isinstance(config.parts, dict):
        return _assigned_parts(outline, top, config.parts)
    named = {name: part for name in top if (part := part_of(name))}
    inner = {name: inner_classes(outline, f"{name}/") for name in top}
    named = {
        name: part
        for name, part in named.items()
        if is_plain_part(name)
        or not inner[name]
        or any(is_alike(inner[name], inner[other]) for other in named if other != name)
    }
    if len(set(named.values())) < 2:
        return {}
    for name in named:
        if error := outline.error(f"{name}/"):
            folder = outline.root / name
            raise SourceError(f"The folder {folder} cannot be read: {error.strerror or error}.")
    with_classes = {name: part for name, part in named.items() if inner[name]}
    if "train" not in with_classes.values() and not _any_alike(with_classes, inner):
        return {}
    for part in PARTS:
        same = [name for name in with_classes if with_classes[name] == part]
        if len(same) > 1 and config.parts is None:
            raise DataError(
                f"The folders {' and '.join(same)} in {outline.root} are all named as the {part} "
                f"part.\nRename or move all except one; or to use them together: "
                f"--parts {part}={'+'.join(same)}"
            )
    for name in top:
        if name not in named and any(is_alike(inner[name], inner[n]) for n in with_classes):
            raise DataError(_unknown_part(outline, name, with_classes))
    return named


def flat_parts(outline: Outline, config: SourceConfig) -> dict[str, Part]:
    """Return the part folders, by name, if none of them has class folders.

    They are the folders that the user names, or all folders if all have names of parts.
    """
    top = outline.folders()
    if isinstance(config.parts, dict):
        by_name = _by_name(config.parts)
        assigned = {name: by_name[class_name(name)] for name in top if class_name(name) in by_name}
        return {} if any(inner_classes(outline, f"{name}/") for name in assigned) else assigned
    named = {name: part for name in top if (part := part_of(name))}
    if len(named) < len(top) or len(set(named.values())) < 2:
        return {}
    return {} if any(inner_classes(outline, f"{name}/") for name in top) else named


def parts_inside(outline: Outline, top: tuple[str, ...], config: SourceConfig) -> dict[str, Part]:
    """Return the part folders inside the class folders, by name; {} if there are none.

    Args:
        outline: The folders.
        top: The class folders.
        config: The settings.

    Raises:
        DataError: Only some class folders hold parts, or a folder beside the parts is no part.
    """
    inner = {name: outline.folders(f"{name}/") for name in top}
    names = {class_name(inside) for folders in inner.values() for inside in folders}
    if config.parts == "none":
        return {}
    if config.parts:
        by_name = _by_name(config.parts)
        return {name: by_name[name] for name in names if name in by_name}
    if any(map(is_plain_part, top)):
        return {}
    named: dict[str, Part] = {}
    for name in names:
        if is_plain_part(name) and (part := part_of(name)):
            named[name] = part
    divided = [c for c, folders in inner.items() if any(class_name(n) in named for n in folders)]
    if not divided or "train" not in named.values() or len(set(named.values())) < 2:
        return {}
    if len(divided) < len(top):
        raise DataError(
            f"In {outline.root} {listed(divided)} hold the parts {listed(sorted(named))}, but "
            f"{listed(name for name in top if name not in divided)} do not.\n"
            f"Divide all class folders in the same way; or to divide all photos again: --parts none"
        )
    others = names - named.keys()
    if others:
        example = next(f"{c}/{n}" for c, folders in inner.items() for n in folders if n in others)
        raise DataError(
            f"The class folders in {outline.root} hold the parts {listed(sorted(named))}, but also "
            f"{listed(sorted(others))}, such as {example}.\n"
            f"Leave such folders out: {exclude_options(sorted(others))}; or state their part: "
            f"--parts {as_option(named)}; or divide all photos again: --parts none"
        )
    if config.class_level is None:
        _check_depth(outline, top, named)
    return named


def _check_depth(outline: Outline, top: tuple[str, ...], parts: Mapping[str, Part]) -> None:
    """Refuse `site/train/cats`, where the outer or the inner folders could be the classes."""
    inner = {
        outer: frozenset[str]().union(
            *(
                inner_classes(outline, f"{outer}/{name}/")
                for name in outline.folders(f"{outer}/")
                if class_name(name) in parts
            )
        )
        for outer in top
    }
    if _any_alike(top, inner):
        deeper = sorted(frozenset[str]().union(*inner.values()))
        raise DataError(
            f"The folders {listed(top)} in {outline.root} hold the parts {listed(sorted(parts))}, "
            f"and these hold the same folders: {listed(deeper)}.\n"
            f"They can be read in two ways; choose one:\n"
            f"  {len(top):,} classes {listed(top)}: --class-level 1\n"
            f"  {len(deeper):,} classes {listed(deeper)}: --class-level 3"
        )


def parts_of_paths(paths: Sequence[str], config: SourceConfig) -> list[Part]:
    """Return the part of each photo by the folders in its path.

    Args:
        paths: The paths of photos, relative to their source.
        config: The settings; `parts` assigns folders to parts. None uses the usual words, if at
            one depth the folders of all photos are named as parts.

    Returns:
        A part for each photo; [] if the folders are no parts, or all are the same part.
    """
    folders = [tuple(map(class_name, path.split("/")[:-1])) for path in paths]
    if isinstance(config.parts, dict):
        by_name = _by_name(config.parts)
        matches = [[by_name[name] for name in names if name in by_name] for names in folders]
        return [parts[0] for parts in matches] if all(matches) else []
    for names in zip(*folders, strict=False) if config.parts is None else ():
        parts = [part for name in names if (part := part_of(name))]
        if len(parts) == len(paths) and "train" in parts and len(set(parts)) > 1:
            return parts
    return []


def level_parts(outline: Outline, depth: int, config: SourceConfig) -> dict[str, Part]:
    """Return the part folders of a level by name; {} unless all folders of the level are parts.

    If the user names parts, other folders may be beside them.

    Args:
        outline: The folders.
        depth: The level; 1 for the folders directly inside the source.
        config: The settings.
    """
    prefixes = [""]
    for _ in range(depth - 1):
        prefixes = [f"{p}{name}/" for p in prefixes for name in outline.folders(p)]
    names = {class_name(name) for prefix in prefixes for name in outline.folders(prefix)}
    if isinstance(config.parts, dict):
        by_name = _by_name(config.parts)
        return {name: by_name[name] for name in names if name in by_name}
    parts = {name: part for name in names if is_plain_part(name) and (part := part_of(name))}
    is_divided = len(parts) == len(names) and len(set(parts.values())) > 1
    return parts if is_divided and config.parts is None else {}


def class_root(outline: Outline, prefix: str) -> str:
    """Return the folder that holds the class folders: `prefix`, or the only subfolder in it."""
    while not outline.has_photos(prefix):
        names = outline.folders(prefix)
        if len(names) != 1 or len(outline.folders(f"{prefix}{names[0]}/")) < 2:
            break
        prefix = f"{prefix}{names[0]}/"
    return prefix


def inner_classes(outline: Outline, prefix: str) -> frozenset[str]:
    """Return the names of the class folders in a part; a repeated name of the part is no class."""
    names = outline.folders(class_root(outline, prefix))
    if len(names) == 1 and (is_no_class(names[0]) or f"{names[0]}/" == prefix):
        return frozenset()
    return frozenset(map(class_name, names))


def _assigned_parts(
    outline: Outline, top: tuple[str, ...], assigned: Mapping[Part, tuple[str, ...]]
) -> dict[str, Part]:
    """Return the folders that the user assigned to parts; {} if these are inside class folders."""
    by_name = _by_name(assigned)
    parts = {name: by_name[class_name(name)] for name in top if class_name(name) in by_name}
    deeper = {class_name(name) for outer in top for name in outline.folders(f"{outer}/")}
    missing = by_name.keys() - set(map(class_name, parts)) - (deeper if not parts else set())
    if missing:
        raise DataError(
            f"There is no folder {listed(sorted(missing))} with photos in {outline.root}.\n"
            f"Its folders are: {listed(top) or 'none'}. Name some of them with --parts."
        )
    return parts


def _by_name(parts: Mapping[Part, tuple[str, ...]]) -> dict[str, Part]:
    return {class_name(name): part for part, names in parts.items() for name in names}


def _unknown_part(outline: Outline, name: str, parts: Mapping[str, Part]) -> str:
    unused = next((part for part in PARTS if part not in parts.values()), "test")
    return (
        f"The folder {printable(name)} in {outline.root} holds the same folders as "
        f"{listed(tuple(parts))}, but its name is not the name of a part.\n"
        f"State its part: --parts {as_option({**parts, name: unused})}; or leave it out: "
        f"{exclude_options([name])}"
    )


def as_option(parts: Mapping[str, str]) -> str:
    """Return the value of `--parts` for a mapping of folders to parts, quoted for a shell."""
    by_part: dict[str, list[str]] = {}
    for name, part in parts.items():
        by_part.setdefault(part, []).append(name)
    text = ",".join(
        f"{part}={'+'.join(sorted(by_part[part]))}" for part in PARTS if part in by_part
    )
    return f"'{text}'" if re.search(r"[^\w=+,.-]", text) else text


def _any_alike(names: Iterable[str], inner: Mapping[str, frozenset[str]]) -> bool:
    return any(is_alike(inner[a], inner[b]) for a, b in combinations(names, 2))


def is_alike(first: frozenset[str], second: frozenset[str]) -> bool:
    """Return whether two folders share two or more subfolders, and at least half of either's."""
    same = len(first & second)
    return same >= 2 and 2 * same >= min(len(first), len(second))
