"""Find the photos to be sorted, but not those that a sort has put in place before."""

from __future__ import annotations

import io
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from pawsight.data.file_types import is_raw
from pawsight.data.listing.left_out import LeftOut
from pawsight.inference.photo_inputs import before_magic, expand, name_of
from pawsight.records import Prediction

# os.path, not pathlib: 100,000 names are looked at, and they may hold any bytes.
# ruff: noqa: PTH118, PTH122


@dataclass(slots=True)
class Found:
    """Photos, each with what was named in which it was found.

    `num_left_out` counts photos that lie in the sorted folder already, and `left_out` the folders
    that are not entered.
    """

    photos: list[tuple[str | Prediction, str]] = field(default_factory=list)
    num_left_out: int = 0
    left_out: LeftOut = field(default_factory=LeftOut)


def find_photos(sources: Iterable[str], into: str, folders: Sequence[str]) -> Found:
    """Find the photos of files, folders and patterns, each once.

    What lies in the sorted folder is left out, unless a source is that folder
    or lies in it. Then what lies in the folder of a class is left out, unless
    a source lies in there. So a sort may go on inside the folder it sorts, and
    one that is repeated finds nothing new.

    Args:
        sources: As for `pawsight predict`.
        into: The sorted folder, absolute.
        folders: The folders of classes in it, and `unsure`.
    """
    found = Found()
    seen: set[str] = set()
    real_into = os.path.realpath(into)
    homes = [os.path.realpath(os.path.join(into, folder)) for folder in folders]
    reals: dict[str, str] = {}  # of folders, since a folder holds many photos
    for source in sources:
        root = _root(source)
        real_root = os.path.realpath(root)
        outer = homes if _lies_in(real_root, real_into) else [real_into]
        closed = [home for home in outer if not _lies_in(real_root, home)]
        for photo in expand([source], io.BytesIO(), found.left_out):
            folder, name = os.path.split(name_of(photo))
            if folder not in reals:
                reals[folder] = os.path.realpath(folder)
            real = os.path.join(reals[folder], name)
            if real in seen:
                continue
            seen.add(real)
            if any(_lies_in(reals[folder], home) for home in closed):
                found.num_left_out += 1
            else:
                found.photos.append((photo, root))
    found.photos = _without_raw_companions(found.photos)
    return found


def _without_raw_companions(
    photos: list[tuple[str | Prediction, str]],
) -> list[tuple[str | Prediction, str]]:
    """Drop raw files that belong to a photo of the same name: `Sidecars` knows them."""
    stems = {os.path.splitext(photo)[0] for photo, _ in photos if isinstance(photo, str)}
    return [
        (photo, root)
        for photo, root in photos
        if isinstance(photo, str)
        or not is_raw(photo.path)
        or os.path.splitext(photo.path)[0] not in stems
    ]


def _root(source: str) -> str:
    """Give the file or folder that a source names; of a pattern, the part before its first sign."""
    if os.path.lexists(source):
        return source
    return before_magic(source) or "."


def _lies_in(real: str, folder: str) -> bool:
    return real == folder or real.startswith(os.path.join(folder, ""))
