"""Join copies of a photo in several class folders into one photo with all of its labels.

Only files of equal size are read, to compare their content.
"""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from pawsight.formatting import counted, printable
from pawsight.progress import Progress
from pawsight.records import Photo
from pawsight.storage.checksum import file_digest
from pawsight.task import MULTI_LABEL


def joined_copies(root: Path, photos: Sequence[Photo], progress: Progress) -> list[Photo]:
    """Join photos of equal content in the same part: the first is kept, with the labels of all.

    Args:
        root: The folder that the paths are relative to.
        photos: The photos, sorted by path; each has the label of its folder.
        progress: Receives a note on the number of joined photos.

    Raises:
        DataError: A label contains the separator of labels.
    """
    joined: dict[int, list[Photo]] = {}
    by_size: dict[tuple[str, int], list[int]] = {}
    for index, photo in enumerate(photos):
        joined[index] = [photo]
        if not photo.problem:
            by_size.setdefault((photo.part, photo.size), []).append(index)
    for indices in by_size.values():
        first_of: dict[str, int] = {}
        for index in indices if len({photos[i].label for i in indices}) > 1 else ():
            with contextlib.suppress(OSError):  # ingest reports a file that cannot be read
                digest = file_digest(root / photos[index].path)
                first = first_of.setdefault(digest, index)
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
