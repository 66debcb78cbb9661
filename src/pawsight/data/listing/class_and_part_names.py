"""Interpret names of a class and a part: `cats_train` and `cats_test`, or `cats` and `cats_val`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from pawsight.config import SourceConfig
from pawsight.data.listing.class_names import class_name
from pawsight.data.listing.outline import Outline
from pawsight.data.listing.part_folders import as_option
from pawsight.data.part_names import is_plain_part, part_of, without_part
from pawsight.errors import DataError
from pawsight.formatting import counted, listed, shell_quoted
from pawsight.records import Part


def classes_and_parts(
    outline: Outline, top: tuple[str, ...], config: SourceConfig
) -> dict[str, tuple[str, Part]]:
    """Return the class and part of each folder, if the names of folders state both.

    If no name states the training part, folders that are named by a class alone are for training.

    Args:
        outline: The folders.
        top: The folders directly inside the source.
        config: The settings; `parts` assigns folders to parts, and with "none" each folder is a
            class.

    Returns:
        Class and part by folder. {} unless a class has two folders, one of them for validation
        or test, and no folder holds folders.

    Raises:
        DataError: A class has such folders, but another folder has no part, or a class has no
            folder for training.
    """
    assigned: dict[str, Part] = {}
    if isinstance(config.parts, dict):
        assigned = {class_name(n): part for part, names in config.parts.items() for n in names}
    are_deeper = not assigned.keys() <= set(map(class_name, top))
    if config.parts == "none" or are_deeper or any(map(is_plain_part, top)):
        return {}
    labels = {name: without_part(class_name(name)) or class_name(name) for name in top}
    parts = {name: assigned.get(class_name(name)) or part_of(name) for name in top}
    sizes = Counter(labels.values())
    if not any(sizes[labels[n]] > 1 and parts[n] not in ("", "train") for n in top):
        return {}
    if any(outline.folders(f"{name}/") for name in top):
        return {}
    if "train" not in parts.values():
        parts = {name: part or "train" for name, part in parts.items()}
    classes = {name: (labels[name], part) for name, part in parts.items() if part}
    trained = {label for label, part in classes.values() if part == "train"}
    if len(classes) < len(top) or len(trained) < 2 or trained != set(labels.values()):
        raise DataError(_ambiguous(outline, labels, parts))
    return classes


def _ambiguous(outline: Outline, labels: Mapping[str, str], parts: Mapping[str, str]) -> str:
    named = [name for name, part in parts.items() if part]
    without = [name for name, part in parts.items() if not part]
    trained = {labels[name] for name, part in parts.items() if part in ("", "train")}
    untrained = sorted(set(labels.values()) - trained)
    if without:
        problem = (
            f"{counted(len(without), 'folder has', 'folders have')} no part: {listed(without)}"
        )
    else:
        problem = f"no folder is for training of {listed(untrained)}"
    classes = sorted(set(labels.values()))
    by_class = {c: "+".join(sorted(n for n in labels if labels[n] == c)) for c in classes}
    merge = " ".join(
        f"--merge {shell_quoted(f'{c}={names}')}" for c, names in by_class.items() if names != c
    )
    kept = as_option({name: part or "train" for name, part in parts.items()})
    in_parts = f"  {len(classes):,} classes {listed(classes)}, in parts: --parts {kept}\n"
    return (
        f"Folders in {outline.root} are named by a class and a part: {listed(named)}; {problem}.\n"
        f"They can be read in several ways; choose one:\n"
        f"{'' if untrained else in_parts}"
        f"  {len(classes):,} classes {listed(classes)}, to be divided: --parts none {merge}\n"
        f"  {len(labels):,} classes {listed(labels)}: --parts none"
    )
