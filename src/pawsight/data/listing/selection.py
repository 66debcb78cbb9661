"""Which classes are used and under which names, and what the user reads of them."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import replace

from pawsight.config import SourceConfig
from pawsight.data.listing.class_names import class_name, listed
from pawsight.errors import DataError
from pawsight.progress import Progress
from pawsight.records import PARTS, Photo

_NAMED_CLASSES = 8


def selected(photos: Sequence[Photo], config: SourceConfig, progress: Progress) -> list[Photo]:
    """Join classes and keep those that are wanted; photos without a label stay.

    Raises:
        DataError: A class that is named does not exist.
    """
    photos = list(photos)
    if config.merge:
        new = {
            class_name(old): class_name(name) for name, olds in config.merge.items() for old in olds
        }
        _check_known("--merge", new, photos)
        photos = [
            replace(photo, label=new[photo.label]) if photo.label in new else photo
            for photo in photos
        ]
        for name, olds in config.merge.items():
            progress.note(f"Class {name} is made of {listed(olds)}.")
    if config.classes:
        wanted = {class_name(name) for name in config.classes}
        _check_known("--classes", wanted, photos)
        kept = [photo for photo in photos if not photo.label or photo.label in wanted]
        others = {photo.label for photo in photos if photo.label} - wanted
        if others:
            progress.note(
                f"{len(photos) - len(kept):,} photos of other classes are left out: "
                f"{listed(sorted(others))}."
            )
        photos = kept
    _tell_of_capitals(sorted({photo.label for photo in photos if photo.label}), progress)
    return photos


def _tell_of_capitals(classes: Sequence[str], progress: Progress) -> None:
    """Write a note on classes that may be one."""
    by_key: dict[str, list[str]] = {}
    for name in classes:
        if len(name) > 1:
            by_key.setdefault(" ".join(name.casefold().split()), []).append(name)
    for first, *others in by_key.values():
        if others:
            merge = shlex.quote(f"{first}={'+'.join(others)}")
            progress.note(
                f"Classes {listed((first, *others))} differ in capitals or spaces only; "
                f"--merge {merge} makes them one."
            )


def _check_known(option: str, names: set[str] | dict[str, str], photos: Sequence[Photo]) -> None:
    known = {photo.label for photo in photos if photo.label}
    missing = sorted(set(names) - known)
    if missing:
        raise DataError(
            f"{option} names {listed(missing)}, but there is no such class.\n"
            f"The classes there are: {listed(sorted(known), 50) or 'none'}."
        )


def report_classes(
    photos: Sequence[Photo], origin: str, parts_origin: str, progress: Progress
) -> None:
    """Write a note on what was understood."""
    classes = sorted({photo.label for photo in photos if photo.label})
    if not classes:
        progress.note(f"{len(photos):,} photos without classes.")
        return
    parts = [part for part in PARTS if any(photo.part == part for photo in photos)]
    named = " and ".join(filter(None, (", ".join(parts[:-1]), *parts[-1:])))
    given = f"; parts {named} {parts_origin}" if parts else ""
    word = "class" if len(classes) == 1 else "classes"
    progress.note(
        f"{len(classes):,} {word} from {origin}: {listed(classes, _NAMED_CLASSES)}{given}."
    )
