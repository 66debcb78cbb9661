"""Find the folders that are parts: by usual words in their names, and by what they hold."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from itertools import combinations

from pawsight.config import SourceConfig
from pawsight.data.listing.class_names import class_name
from pawsight.data.listing.outline import Outline
from pawsight.data.part_names import is_no_class, is_plain_part, part_of
from pawsight.errors import DataError, SourceError
from pawsight.formatting import listed, printable
from pawsight.records import PARTS, Part


def part_folders(outline: Outline, config: SourceConfig) -> dict[str, Part]:
    """Return the parts among the folders directly inside a source, by name; {} if there are none.

    They are found also where `config.parts` is "none": then their photos are divided again.

    Raises:
        DataError: Two folders are the same part.
        SourceError: One of them cannot be read.
    """
    top = outline.folders()
    if isinstance(config.parts, dict):
        return _given_parts(outline, top, config.parts)
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
        same = [name for name, its_part in with_classes.items() if its_part == part]
        if len(same) > 1 and config.parts is None:
            raise DataError(
                f"The folders {' and '.join(same)} in {outline.root} all mean the {part} "
                f"part.\nRename or move all but one, or state which is which: "
                f"--parts {part}={'+'.join(same)} takes them together."
            )
    for name in top:
        if name not in named and is_like_any(inner[name], with_classes, inner):
            raise DataError(_unknown_part(outline, name, with_classes))
    return named


def flat_parts(outline: Outline, config: SourceConfig) -> dict[str, Part]:
    """Return the parts by name where none has class folders: all folders, or those of the user."""
    top = outline.folders()
    if isinstance(config.parts, dict):
        by_name = _by_name(config.parts)
        given = {name: by_name[class_name(name)] for name in top if class_name(name) in by_name}
        return {} if any(inner_classes(outline, f"{name}/") for name in given) else given
    named = {name: part for name in top if (part := part_of(name))}
    if len(named) < len(top) or len(set(named.values())) < 2:
        return {}
    return {} if any(inner_classes(outline, f"{name}/") for name in top) else named


def parts_inside(outline: Outline, top: tuple[str, ...], config: SourceConfig) -> dict[str, Part]:
    """Return the parts that are inside the class folders, by name; {} if there are none.

    Raises:
        DataError: Beside them is a folder that is no part, or some class folders have none.
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
            f"Divide all class folders in that way; or with --parts none all photos are divided "
            f"again."
        )
    others = names - named.keys()
    if others:
        such = next(f"{c}/{n}" for c, found in inner.items() for n in found if n in others)
        raise DataError(
            f"The class folders in {outline.root} hold the parts {listed(sorted(named))}, but also "
            f"{listed(sorted(others))}, such as {such}.\n"
            f"Leave such folders out with --exclude {min(others)}, or state which part they are: "
            f"--parts {as_option(named)}; with --parts none all photos are divided again."
        )
    if config.class_level is None:
        _check_depth(outline, top, named)
    return named


def _check_depth(outline: Outline, top: tuple[str, ...], parts: Mapping[str, Part]) -> None:
    """Refuse `site/train/cats`, where the classes could be the outer folders or the inner ones."""
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
    """Return the part of each photo by the folders it is in.

    Args:
        paths: Of photos, relative to their source.
        config: Its `parts` name the folders; None takes the usual words, where the folders of all
            photos are so, at the same depth.

    Returns:
        One for each, or [] where the folders are no parts, or all are the same one.
    """
    folders = [tuple(map(class_name, path.split("/")[:-1])) for path in paths]
    if isinstance(config.parts, dict):
        by_name = _by_name(config.parts)
        found = [[by_name[name] for name in names if name in by_name] for names in folders]
        return [parts[0] for parts in found] if all(found) else []
    for names in zip(*folders, strict=False) if config.parts is None else ():
        parts = [part for name in names if (part := part_of(name))]
        if len(parts) == len(paths) and "train" in parts and len(set(parts)) > 1:
            return parts
    return []


def level_parts(outline: Outline, depth: int, config: SourceConfig) -> dict[str, Part]:
    """Return the parts by name where all folders of a level are parts; {} otherwise."""
    prefixes = [""]
    for _ in range(depth - 1):
        prefixes = [f"{p}{name}/" for p in prefixes for name in outline.folders(p)]
    names = {class_name(name) for prefix in prefixes for name in outline.folders(prefix)}
    if isinstance(config.parts, dict):
        by_name = _by_name(config.parts)
        return {name: by_name[name] for name in names if name in by_name}
    found = {name: part for name in names if is_plain_part(name) and (part := part_of(name))}
    is_divided = len(found) == len(names) and len(set(found.values())) > 1
    return found if is_divided and config.parts is None else {}


def class_root(outline: Outline, prefix: str) -> str:
    """Enter a folder that only encloses another one with two or more folders inside."""
    while not outline.has_photos(prefix):
        names = outline.folders(prefix)
        if len(names) != 1 or len(outline.folders(f"{prefix}{names[0]}/")) < 2:
            break
        prefix = f"{prefix}{names[0]}/"
    return prefix


def inner_classes(outline: Outline, prefix: str) -> frozenset[str]:
    """Return the names of the class folders in a part; one that repeats the part's name is none."""
    names = outline.folders(class_root(outline, prefix))
    if len(names) == 1 and (is_no_class(names[0]) or f"{names[0]}/" == prefix):
        return frozenset()
    return frozenset(map(class_name, names))


def _given_parts(
    outline: Outline, top: tuple[str, ...], given: Mapping[Part, tuple[str, ...]]
) -> dict[str, Part]:
    """Find the folders that the user named as parts, unless they are inside the class folders."""
    by_name = _by_name(given)
    parts = {name: by_name[class_name(name)] for name in top if class_name(name) in by_name}
    deeper = {class_name(name) for outer in top for name in outline.folders(f"{outer}/")}
    missing = by_name.keys() - set(map(class_name, parts)) - (deeper if not parts else set())
    if missing:
        raise DataError(
            f"There is no folder {listed(sorted(missing))} with photos in {outline.root}.\n"
            f"The folders there are: {listed(top) or 'none'}. Name some of them with --parts."
        )
    return parts


def _by_name(parts: Mapping[Part, tuple[str, ...]]) -> dict[str, Part]:
    return {class_name(name): part for part, names in parts.items() for name in names}


def _unknown_part(outline: Outline, name: str, parts: Mapping[str, Part]) -> str:
    left = next((part for part in PARTS if part not in parts.values()), "test")
    return (
        f"The folder {printable(name)} in {outline.root} holds the same folders as "
        f"{listed(tuple(parts))}, but its name is not that of a part.\n"
        f"State it: --parts {as_option({**parts, name: left})}; or leave it out: --exclude {name}"
    )


def as_option(parts: Mapping[str, str]) -> str:
    """Return the value of `--parts` for parts by folder, quoted for a shell."""
    by_part: dict[str, list[str]] = {}
    for name, part in parts.items():
        by_part.setdefault(part, []).append(name)
    text = ",".join(
        f"{part}={'+'.join(sorted(by_part[part]))}" for part in PARTS if part in by_part
    )
    return f"'{text}'" if re.search(r"[^\w=+,.-]", text) else text


def is_like_any(
    found: frozenset[str], others: Iterable[str], inner: Mapping[str, frozenset[str]]
) -> bool:
    """Return whether a folder holds the same class folders as one of some others."""
    return any(is_alike(found, inner[other]) for other in others)


def _any_alike(names: Iterable[str], inner: Mapping[str, frozenset[str]]) -> bool:
    return any(is_alike(inner[a], inner[b]) for a, b in combinations(names, 2))


def is_alike(first: frozenset[str], second: frozenset[str]) -> bool:
    """Return whether two folders hold the same folders: two or more, and half of those of one."""
    same = len(first & second)
    return same >= 2 and 2 * same >= min(len(first), len(second))
