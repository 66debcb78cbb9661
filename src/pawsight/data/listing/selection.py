"""Select and merge classes, and report them to the user."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace

from pawsight.config import SourceConfig
from pawsight.data.catalog import Catalog
from pawsight.data.listing.class_names import class_name
from pawsight.data.listing.walk import examine
from pawsight.errors import DataError
from pawsight.formatting import counted, exclude_options, listed, shell_quoted
from pawsight.progress import Progress
from pawsight.records import PARTS, Photo
from pawsight.task import Task

_NAMED_CLASSES = 8


def selected(photos: Sequence[Photo], config: SourceConfig, progress: Progress) -> list[Photo]:
    """Merge classes and keep the chosen classes; photos without a label are kept.

    For a multi-label task, other labels are removed from the photos, and all photos are kept.

    Args:
        photos: The listed photos.
        config: The settings; `merge` and `classes` choose the classes.
        progress: Receives notes.

    Raises:
        DataError: A class that the settings name does not exist.
    """
    photos, task = list(photos), config.task
    if config.merge:
        new = _merged(config.merge, known := _classes(photos, task))
        _check_known("--merge", new, known)
        photos = [
            _relabelled(photo, [new.get(name, name) for name in task.names_of(photo.label)], task)
            for photo in photos
        ]
        for name, olds in config.merge.items():
            if olds != (name,):
                existing = (name,) if name in known and name not in new else ()
                progress.note(f"Class {name} is merged from {listed((*existing, *olds))}.")
    if config.classes:
        chosen = {class_name(name) for name in config.classes}
        _check_known("--classes", chosen, classes := _classes(photos, task))
        others = listed(name for name in classes if name not in chosen)
        num_before = len(photos)
        if task.is_multi_label:
            names = [[n for n in task.names_of(p.label) if n in chosen] for p in photos]
            photos = [_relabelled(p, kept, task) for p, kept in zip(photos, names, strict=True)]
        else:
            photos = [photo for photo in photos if not photo.label or photo.label in chosen]
        if others and task.is_multi_label:
            progress.note(f"Other labels are left out: {others}.")
        elif others:
            num_others = num_before - len(photos)
            photos_are = counted(
                num_others, "photo of another class is", "photos of other classes are"
            )
            progress.note(f"{photos_are} left out: {others}.")
    _report_similar_names(_classes(photos, task), progress)
    return photos


def advice_on_few(config: SourceConfig, table: str) -> str:
    """Return what to do if there are too few classes: a line of a message, or "".

    Args:
        config: The settings.
        table: The column and table that give the classes, "" for folders.
    """
    if config.classes:
        return "Name two or more classes with --classes, or leave that option out.\n"
    if config.merge:
        return "Merge fewer classes with --merge, so that two or more are left.\n"
    return f"The classes are read from {table}.\n" if table else ""


def _merged(merge: Mapping[str, Sequence[str]], known: Sequence[str]) -> dict[str, str]:
    """Return the new class of each merged class, also of names with surrounding spaces."""
    new: dict[str, str] = {}
    for name, olds in merge.items():
        for old in map(class_name, olds):
            if new.setdefault(old, class_name(name)) != class_name(name):
                raise DataError(
                    f"--merge puts the class {old} into {new[old]} and into {class_name(name)}.\n"
                    f"Name it once."
                )
    spaced = {old: new[old.strip()] for old in known if old not in new and old.strip() in new}
    return new | spaced


def _relabelled(photo: Photo, names: Sequence[str], task: Task) -> Photo:
    label = task.text_of(names)
    return photo if label == photo.label else replace(photo, label=label)


def _classes(photos: Sequence[Photo], task: Task) -> list[str]:
    return sorted({name for photo in photos for name in task.names_of(photo.label)})


def named_classes(config: SourceConfig) -> set[str]:
    """Return the classes that `classes` and `merge` name."""
    olds = (old for olds in config.merge.values() for old in olds)
    return set(map(class_name, (*config.classes, *config.merge, *olds)))


def option_for(name: str, labels: Collection[str]) -> str:
    """Return the option that makes a class of a name that is no class by default, such as "NA"."""
    if len(labels) <= _NAMED_CLASSES:
        return f"--classes {shell_quoted(','.join(sorted({*labels, name})))}"
    return f"--merge {shell_quoted(f'{name}={name}')}"


def without_none(
    photos: Sequence[Photo], config: SourceConfig, progress: Progress
) -> tuple[list[Photo], tuple[str, ...]]:
    """Separate the photos of classes such as none/ or other/, which are of none of the classes.

    They are not separated if `classes` or `merge` names such a class, or if fewer than two
    classes would be left.

    Returns:
        The photos of the classes, and the paths of the photos of none of the classes.
    """
    named = {name.casefold() for name in named_classes(config)}
    chosen = {name.casefold() for name in config.none} - named
    labels = set(_classes(photos, config.task))
    of_none = {label for label in labels if label.casefold() in chosen}
    if config.task.is_multi_label and not config.classes and of_none:
        others = ",".join(sorted(labels - of_none))
        progress.note(
            f"{listed(sorted(of_none))}: used as a label like the others. If its photos have none "
            f"of the labels, choose the other labels: --classes {shell_quoted(others)}"
        )
    if config.task.is_multi_label or not of_none or len(labels - of_none) < 2:
        return list(photos), ()
    paths = tuple(photo.path for photo in photos if photo.label in of_none and not photo.problem)
    names = sorted(of_none)
    progress.note(
        f"{counted(len(paths), 'photo')} of {listed(names)} "
        f"{'is' if len(paths) == 1 else 'are'} of none of the classes, and used to set and test "
        f"the threshold of the answer none. To train a class of that name: "
        f"{option_for(names[0], labels)}; to leave them out: {exclude_options(names)}"
    )
    return [photo for photo in photos if photo.label not in of_none], paths


def with_none(catalog: Catalog) -> Catalog:
    """Return a catalog with the photos of none of the classes among `photos`, without a label.

    `none_paths` is kept.
    """
    photos = [examine(catalog.root / path, path) for path in catalog.none_paths]
    by_path = sorted((*catalog.photos, *photos), key=lambda photo: photo.path)
    return replace(catalog, photos=tuple(by_path))


def _report_similar_names(classes: Sequence[str], progress: Progress) -> None:
    """Write notes on classes whose names differ only in case or spaces."""
    by_key: dict[str, list[str]] = {}
    for name in classes:
        if len(name) > 1:
            by_key.setdefault(" ".join(name.casefold().split()), []).append(name)
    for first, *others in by_key.values():
        if others:
            merge = shell_quoted(f"{first}={'+'.join(others)}")
            progress.note(
                f"Classes {listed((first, *others))} differ only in upper and lower case or "
                f"spaces. To merge them: --merge {merge}"
            )


def _check_known(option: str, names: set[str] | dict[str, str], known: Sequence[str]) -> None:
    missing = sorted(set(names) - set(known))
    if missing:
        raise DataError(
            f"{option} names {listed(missing)}, but there is no such class.\n"
            f"The classes there are: {listed(known, 50) or 'none'}."
        )


def report_classes(
    photos: Sequence[Photo], task: Task, origin: str, parts_origin: str, progress: Progress
) -> None:
    """Write a note on the classes and parts that were found."""
    classes = _classes(photos, task)
    if not classes:
        progress.note(f"{counted(len(photos), 'photo')} without classes.")
        return
    parts = [part for part in PARTS if any(photo.part == part for photo in photos)]
    named = " and ".join(filter(None, (", ".join(parts[:-1]), *parts[-1:])))
    given = f"; parts {named} {parts_origin}" if parts else ""
    word = "class" if len(classes) == 1 else "classes"
    if task.is_multi_label:
        word = "label" if len(classes) == 1 else "labels"
        numbers = [len(task.names_of(photo.label)) for photo in photos if not photo.problem]
        several, none = sum(number > 1 for number in numbers), numbers.count(0)
        given += f"; {several:,} of {len(numbers):,} photos have several, {none:,} have none"
    progress.note(
        f"{len(classes):,} {word} from {origin}: {listed(classes, _NAMED_CLASSES)}{given}."
    )
