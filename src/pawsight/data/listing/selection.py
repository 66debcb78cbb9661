"""Which classes are used, and under which names: `merge`, then `classes` of the settings."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from pawsight.config import SourceConfig
from pawsight.data.listing.class_names import class_name, listed
from pawsight.errors import DataError
from pawsight.progress import Progress
from pawsight.records import Photo


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
    return photos


def _check_known(option: str, names: set[str] | dict[str, str], photos: Sequence[Photo]) -> None:
    known = {photo.label for photo in photos if photo.label}
    missing = sorted(set(names) - known)
    if missing:
        raise DataError(
            f"{option} names {listed(missing)}, but there is no such class.\n"
            f"The classes there are: {listed(sorted(known), 50) or 'none'}."
        )
