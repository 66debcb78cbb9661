"""List the photos to be sorted, without those that an earlier sort placed."""

from __future__ import annotations

import io
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from pawsight.data.file_types import is_raw
from pawsight.data.listing.left_out import LeftOut
from pawsight.inference.photo_inputs import expand_one, literal_folder, name_of
from pawsight.records import Prediction

# os.path, not pathlib: 100,000 names are checked, and they may hold any bytes.
# ruff: noqa: PTH118, PTH122


@dataclass(slots=True)
class FoundPhotos:
    """Photos, each with the source in which it was found.

    `num_left_out` counts photos that are in the sorted folder already, and `left_out` the folders
    that are not entered.
    """

    photos: list[tuple[str | Prediction, str]] = field(default_factory=list)
    num_left_out: int = 0
    left_out: LeftOut = field(default_factory=LeftOut)


def find_photos(sources: Iterable[str], into: str, folders: Sequence[str]) -> FoundPhotos:
    """List the photos of files, folders and patterns, each once.

    Photos in the sorted folder are left out, unless a source is that folder or
    is in it. Then those in the folder of a class are left out, unless a source
    is in there. So a folder can be sorted into itself, and a repeated sort
    finds nothing new.

    Args:
        sources: As for `pawsight predict`.
        into: The sorted folder, absolute.
        folders: The folders of classes in it, and `unsure`.

    Raises:
        SourceError: The sources are folders, and no photo is in them.
    """
    photos = FoundPhotos()
    seen: set[str] = set()
    real_into = os.path.realpath(into)
    homes = [os.path.realpath(os.path.join(into, folder)) for folder in folders]
    reals: dict[str, str] = {}  # of folders, since a folder holds many photos
    for source in sources:
        root = _root(source)
        real_root = os.path.realpath(root)
        outer = homes if _lies_in(real_root, real_into) else [real_into]
        closed = [home for home in outer if not _lies_in(real_root, home)]
        for photo in expand_one(source, io.BytesIO(), photos.left_out):
            folder, name = os.path.split(name_of(photo))
            if folder not in reals:
                reals[folder] = os.path.realpath(folder)
            real = os.path.join(reals[folder], name)
            if real in seen:
                continue
            seen.add(real)
            if any(_lies_in(reals[folder], home) for home in closed):
                photos.num_left_out += 1
            else:
                photos.photos.append((photo, root))
    if not photos.photos and not photos.num_left_out:
        photos.left_out.check_no_folder_is_empty()
    photos.photos = _without_raw_companions(photos.photos)
    return photos


def _without_raw_companions(
    photos: list[tuple[str | Prediction, str]],
) -> list[tuple[str | Prediction, str]]:
    """Drop raw files that belong to a photo of the same name: `Sidecars` finds them."""
    names = [name_of(photo) for photo, _ in photos]
    stems = {os.path.splitext(name)[0] for name in names if not is_raw(name)}
    return [
        pair
        for pair, name in zip(photos, names, strict=True)
        if not is_raw(name) or os.path.splitext(name)[0] not in stems
    ]


def _root(source: str) -> str:
    """Return the file or folder of a source; of a pattern, the part before the first wildcard."""
    if os.path.lexists(source):
        return source
    return literal_folder(source) or "."


def _lies_in(real: str, folder: str) -> bool:
    return real == folder or real.startswith(os.path.join(folder, ""))
