"""Find the files that belong to a photo: what an editor, a phone or a person wrote beside it.

IMG.xmp, IMG.jpg.xmp, IMG.jpg.json, IMG.jpg.supplemental-metadata.json, IMG.AAE, IMG.txt ...
"""

from __future__ import annotations

import os
from collections import defaultdict

# os.path, not pathlib: 100,000 names are looked at, and they may hold any bytes.
# ruff: noqa: PTH119, PTH122

# Settings of editors, edits made on a phone, what a photo service knew, and labels drawn on it.
_SUFFIXES = {".aae", ".dop", ".json", ".pp3", ".txt", ".xml", ".xmp"}


class Sidecars:
    """Knows the sidecar files of whole folders, each listed once; no file is given twice."""

    def __init__(self) -> None:
        self._by_folder: dict[str, dict[str, list[str]]] = {}

    def take(self, photo: str) -> list[str]:
        """Give the paths of a photo's sidecar files, sorted, unless another photo has got them."""
        folder, name = os.path.split(photo)
        if folder not in self._by_folder:
            self._by_folder[folder] = _listed(folder or ".")
        by_name = self._by_folder[folder]
        stem = os.path.splitext(name)[0]
        found = sorted({*by_name.pop(name, ()), *by_name.pop(stem, ())})
        return [os.path.join(folder, sidecar) for sidecar in found]  # noqa: PTH118


def renamed(sidecar: str, photo: str, target: str) -> str:
    """Give a sidecar's target, which goes by that of its photo.

    Args:
        sidecar: Path of the file.
        photo: Path of its photo.
        target: Where the photo goes.
    """
    name, old = os.path.basename(sidecar), os.path.basename(photo)
    if name.startswith(f"{old}."):
        return target + name.removeprefix(old)
    return os.path.splitext(target)[0] + name.removeprefix(os.path.splitext(old)[0])


def _listed(folder: str) -> dict[str, list[str]]:
    """List the sidecar files of a folder by what their photo may be called, or its stem."""
    found: defaultdict[str, list[str]] = defaultdict(list)
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                base, suffix = os.path.splitext(entry.name)
                if suffix.lower() not in _SUFFIXES or not entry.is_file(follow_symlinks=False):
                    continue
                found[base].append(entry.name)
                shorter, middle = os.path.splitext(base)
                if middle and os.path.splitext(shorter)[1]:  # IMG.jpg.supplemental-metadata
                    found[shorter].append(entry.name)
    except OSError:
        return {}
    return found
