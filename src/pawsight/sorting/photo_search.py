"""List the photos to be sorted, except photos that were sorted before."""

from __future__ import annotations

import io
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from pawsight.data.file_types import is_raw
from pawsight.data.listing.left_out import LeftOut
from pawsight.inference.photo_inputs import expand_one, literal_folder, name_of
from pawsight.records import Prediction

# os.path, not pathlib: it is faster for 100,000 names, and they may have any bytes.
# ruff: noqa: PTH118, PTH122


@dataclass(slots=True)
class FoundPhotos:
    """The photos to be sorted, and what is left out."""

    # Each with the file or folder of the source in which it was found.
    photos: list[tuple[str | Prediction, str]] = field(default_factory=list)
    num_left_out: int = 0  # photos that are in the sorted folder already
    left_out: LeftOut = field(default_factory=LeftOut)  # folders that are not entered


def find_photos(sources: Iterable[str], into: str, folders: Sequence[str]) -> FoundPhotos:
    """List the photos of files, folders and patterns, each once.

    Photos in the sorted folder are left out, unless the source is that folder or
    is in it. In that case, photos in the folder of a class are left out, unless the
    source is in that folder. So a folder can be sorted into itself, and a repeated
    sort finds nothing new.

    Args:
        sources: As for `pawsight predict`.
        into: The sorted folder, absolute.
        folders: The folders in it: of the classes, and `unsure`.

    Raises:
        SourceError: The sources are folders, and no photo is in them.
    """
    found = FoundPhotos()
    seen: set[str] = set()
    real_into = os.path.realpath(into)
    class_folders = [os.path.realpath(os.path.join(into, folder)) for folder in folders]
    real_folders: dict[str, str] = {}  # cached, since a folder has many photos
    for source in sources:
        root = _root(source)
        real_root = os.path.realpath(root)
        candidates = class_folders if is_in(real_root, real_into) else [real_into]
        excluded = [folder for folder in candidates if not is_in(real_root, folder)]
        for photo in expand_one(source, io.BytesIO(), found.left_out):
            folder, name = os.path.split(name_of(photo))
            if folder not in real_folders:
                real_folders[folder] = os.path.realpath(folder)
            real = os.path.join(real_folders[folder], name)
            if real in seen:
                continue
            seen.add(real)
            if any(is_in(real_folders[folder], parent) for parent in excluded):
                found.num_left_out += 1
            else:
                found.photos.append((photo, root))
    if not found.photos and not found.num_left_out:
        found.left_out.check_no_folder_is_empty()
    found.photos = _without_raw_companions(found.photos)
    return found


def _without_raw_companions(
    photos: list[tuple[str | Prediction, str]],
) -> list[tuple[str | Prediction, str]]:
    """Remove raw files that are companions of a photo: `Sidecars` finds them."""
    names = [name_of(photo) for photo, _ in photos]
    stems = {os.path.splitext(name)[0] for name in names if not is_raw(name)}
    return [
        pair
        for pair, name in zip(photos, names, strict=True)
        if not is_raw(name) or os.path.splitext(name)[0] not in stems
    ]


def _root(source: str) -> str:
    """Return the file or folder of a source; of a pattern, the folder before its first wildcard."""
    if os.path.lexists(source):
        return source
    return literal_folder(source) or "."


def is_in(real: str, folder: str) -> bool:
    """Return whether a path is a folder or in it; both must be real paths."""
    return real == folder or real.startswith(os.path.join(folder, ""))
