"""Interpret the folders of a source: which folders are classes, and which are parts.

The rules, for the folders of a source that contain photos:

1. Folders with names of parts (`part_names`) that hold folders are parts, if one of them is for
   training or they hold the same folders. The folders in them are classes.
2. Class folders that all hold folders with names of parts (`cat/train`, `cat/val`) are divided
   into these parts. Names of a class and a part (`cats_train`, `cats_test`; or `cats`,
   `cats_test`) state both.
3. Ambiguous folders are refused; the message states the interpretations and their options.
   These are: folders without photos directly inside that hold the same two or more folders;
   folders with names of parts that hold photos but no folders; two folders of which one holds
   folders and the other photos; folders named as validation or test beside class folders.
4. Otherwise each folder is a class, and its subfolders belong to it.

A folder that only encloses another folder is skipped, also in a part.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

from pawsight.config import SourceConfig
from pawsight.data.listing.ambiguity import (
    check_annotations,
    check_depth_of_two,
    check_flat_parts,
    check_same_folders,
    is_portion,
)
from pawsight.data.listing.class_and_part_names import classes_and_parts
from pawsight.data.listing.class_names import class_name
from pawsight.data.listing.outline import Outline
from pawsight.data.listing.part_folders import (
    class_root,
    inner_classes,
    level_parts,
    part_folders,
    parts_inside,
)
from pawsight.data.listing.parts_beside_classes import parts_beside_classes
from pawsight.data.part_names import is_plain_part
from pawsight.errors import DataError
from pawsight.formatting import counted, exclude_options, listed
from pawsight.records import Part

SomePart = Part | Literal[""]


@dataclass(frozen=True, slots=True)
class ClassFolder:
    """A folder whose photos, at any depth, have one label and one part."""

    prefix: str  # relative to the source, ending in "/"
    label: str
    part: SomePart = ""


@dataclass(frozen=True, slots=True)
class Structure:
    """The interpretation of the folders of a source."""

    classes: tuple[ClassFolder, ...]
    # Folders that hold class folders; photos directly inside have no class.
    enclosing: tuple[str, ...] = ("",)
    left_out: Mapping[str, str] = field(default_factory=dict)  # reason by unused folder
    empty: tuple[str, ...] = ()  # folders without photos beside class folders
    hints: tuple[str, ...] = ()  # notes on other interpretations and their options

    @property
    def notes(self) -> tuple[str, ...]:
        """The hints, after a note on empty folders if there are any."""
        if not self.empty:
            return self.hints
        count = counted(len(self.empty), "folder holds", "folders hold")
        empty = f"{count} no photos, so no class: {listed(self.empty)}"
        return (empty, *self.hints)


def read_structure(
    outline: Outline, config: SourceConfig, has_groups: bool = False
) -> Structure | None:
    """Interpret folders by the rules of this module, or by the settings.

    Args:
        outline: The folders.
        config: The settings.
        has_groups: Whether folders inside class folders are groups, so they are no classes.

    Returns:
        The structure; None if the photos have no classes.

    Raises:
        DataError: The folders are ambiguous, or two folders are the same part.
        SourceError: A part folder cannot be read.
    """
    if config.class_level is not None:
        return _by_level(outline, config, config.class_level)
    structure = _by_rule(outline, config, has_groups)
    if structure is not None:
        check_annotations(outline, [folder.prefix for folder in structure.classes])
    return structure


def _by_rule(outline: Outline, config: SourceConfig, has_groups: bool) -> Structure | None:
    top = outline.folders()
    if both := classes_and_parts(outline, top, config):
        folders = (ClassFolder(f"{name}/", *names) for name, names in both.items())
        return Structure(tuple(folders), empty=outline.empty_folders())
    if beside := parts_beside_classes(outline, config):
        return _beside_parts(outline, beside, config)
    parts = part_folders(outline, config)
    if parts:
        check_flat_parts(outline, config)
        return _in_parts(outline, parts, config)
    if len(top) < 2 and (not top or outline.has_photos()):
        return None
    if inside := parts_inside(outline, top, config):
        return _parts_in_classes(outline, top, inside)
    if config.parts != "none" and not has_groups:
        check_flat_parts(outline, config)
        check_annotations(outline, [f"{name}/" for name in top])
        check_same_folders(outline, top)
        check_depth_of_two(outline, top)
    return _classes(outline, top)


def _in_parts(outline: Outline, parts: Mapping[str, Part], config: SourceConfig) -> Structure:
    classes, enclosing, left_out, empty = [], [""], {}, []
    for name, part in parts.items():
        root = class_root(outline, f"{name}/")
        inner = outline.folders(root)
        if not inner_classes(outline, f"{name}/"):
            left_out[name] = "it has no class folders"
            continue
        enclosing.append(root)
        used_part: SomePart = "" if config.parts == "none" else part
        classes += [
            ClassFolder(f"{root}{inside}/", class_name(inside), used_part) for inside in inner
        ]
        empty += [root + inside for inside in outline.empty_folders(root)]
    for name in outline.folders():
        if name not in parts:
            left_out[name] = f"it is beside the part folders {', '.join(parts)}, and is no part"
    return Structure(tuple(classes), tuple(enclosing), left_out, tuple(empty))


def _beside_parts(outline: Outline, parts: Mapping[str, Part], config: SourceConfig) -> Structure:
    inside = _in_parts(outline, parts, config)
    train: SomePart = "" if config.parts == "none" else "train"
    beside = (
        ClassFolder(f"{name}/", class_name(name), train)
        for name in outline.folders()
        if name not in parts
    )
    return replace(
        inside,
        classes=(*beside, *inside.classes),
        left_out={name: reason for name, reason in inside.left_out.items() if name in parts},
        empty=(*outline.empty_folders(), *inside.empty),
    )


def _parts_in_classes(
    outline: Outline, top: tuple[str, ...], parts: Mapping[str, Part]
) -> Structure:
    classes, left_out = [], {}
    for name in top:
        for inside in outline.folders(f"{name}/"):
            if class_name(inside) in parts:
                prefix = f"{name}/{inside}/"
                classes.append(ClassFolder(prefix, class_name(name), parts[class_name(inside)]))
            else:
                left_out[f"{name}/{inside}"] = "it is not a part folder"
    enclosing = ("", *(f"{name}/" for name in top))
    return Structure(tuple(classes), enclosing, left_out, outline.empty_folders())


def _classes(outline: Outline, top: tuple[str, ...]) -> Structure:
    classes = tuple(ClassFolder(f"{name}/", class_name(name)) for name in top)
    inner = [outline.folders(f"{name}/") for name in top if not outline.has_photos(f"{name}/")]
    deeper = {class_name(name) for names in inner for name in names if len(names) > 1}
    hints = []
    if deeper and not all(map(is_portion, deeper)):
        hints.append(
            f"The subfolders {listed(sorted(deeper))} belong to the class that they are in. To "
            f"use them as classes: --class-level 2"
        )
    if named := [name for name in top if is_plain_part(name)]:
        hints.append(
            f"{listed(named)}: named as a part, read as a class. To leave it out: "
            f"{exclude_options(named)}"
        )
    if portions := [name for name in top if is_portion(name)]:
        hints.append(
            f"{listed(portions)}: named by a date or number, read as "
            f"{'a class' if len(portions) == 1 else 'classes'}. If the photos inside have no "
            f"classes, leave them out: {exclude_options(portions)}"
        )
    return Structure(classes, empty=outline.empty_folders(), hints=tuple(hints))


def _by_level(outline: Outline, config: SourceConfig, level: int) -> Structure:
    """Use the folders of a level as classes; the folders of an outer level may be parts."""
    if level == 1 and (inside := parts_inside(outline, outline.folders(), config)):
        return _parts_in_classes(outline, outline.folders(), inside)
    parts = [level_parts(outline, depth, config) for depth in range(1, level)]
    if level > 1 and config.parts is None:
        parts[0] = {class_name(n): part for n, part in part_folders(outline, config).items()}
    classes: list[ClassFolder] = []
    enclosing: list[str] = []
    empty: list[str] = []
    left_out: dict[str, str] = {}

    def descend(prefix: str, depth: int, part: SomePart) -> None:
        enclosing.append(prefix)
        for name in outline.folders(prefix):
            inner = f"{prefix}{name}/"
            if depth == level:
                classes.append(ClassFolder(inner, class_name(name), part))
            elif parts[depth - 1] and class_name(name) not in parts[depth - 1]:
                left_out[inner.rstrip("/")] = "it is not a part folder"
            else:
                descend(inner, depth + 1, parts[depth - 1].get(class_name(name), part))
        empty.extend(prefix + name for name in outline.empty_folders(prefix))

    descend("", 1, "")
    if not classes:
        raise DataError(
            f"--class-level {level}: no folder with photos is that deep in {outline.root}.\n"
            f"The folders of level 1 are: {listed(outline.folders())}."
        )
    return Structure(tuple(classes), tuple(enclosing), left_out, tuple(empty))
