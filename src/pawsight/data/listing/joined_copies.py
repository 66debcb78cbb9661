"""Photos that are in several class folders: each becomes one photo with all of its labels.

Only files of equal size are read, to compare their bytes.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from pawsight.formatting import counted, printable
from pawsight.progress import Progress
from pawsight.records import Photo
from pawsight.task import MULTI_LABEL


def joined_copies(root: Path, photos: Sequence[Photo], progress: Progress) -> list[Photo]:
    """Join photos of equal bytes and one part: the first stays, with the labels of all.

    Args:
        root: The folder that the paths are relative to.
        photos: Sorted by path; the label of each is that of its folder.
        progress: Receives a note on how many were joined.

    Raises:
        DataError: A label cannot be written together with others.
    """
    joined: dict[int, list[Photo]] = {}
    by_size: dict[tuple[str, int], list[int]] = {}
    for index, photo in enumerate(photos):
        joined[index] = [photo]
        if not photo.problem:
            by_size.setdefault((photo.part, photo.size), []).append(index)
    for indices in by_size.values():
        first_of: dict[bytes, int] = {}
        for index in indices if len({photos[i].label for i in indices}) > 1 else ():
            content = _digest(root / photos[index].path)
            first = first_of.setdefault(content, index) if content else index
            if first != index:
                joined[first] += joined.pop(index)
    merged = [
        replace(copies[0], label=MULTI_LABEL.text_of(p.label for p in copies if p.label))
        for copies in joined.values()
    ]
    several = [copies for copies in joined.values() if len({p.label for p in copies}) > 1]
    if several:
        progress.note(
            f"{counted(len(several), 'photo is', 'photos are')} in several class folders, such as "
            f"{printable(several[0][0].path)}; each is one photo with all of its labels."
        )
    return merged


def _digest(path: Path) -> bytes:
    """Return the hash of a file's bytes; empty where it cannot be read, which is found later."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").digest()
    except OSError:
        return b""
