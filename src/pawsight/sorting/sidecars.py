"""Find the files that belong to a photo.

Sidecar files have metadata of a photo: IMG.xmp, IMG.jpg.xmp, IMG.AAE, IMG.txt, and Google
Takeout's IMG.jpg.supplemental-metadata.json. Companions are the same picture in another file: the
film of a Live Photo (IMG.MOV) and a camera's raw file.
"""

from __future__ import annotations

import os
import re
from bisect import bisect_left
from collections import Counter, defaultdict
from dataclasses import dataclass, field

from pawsight.data.file_types import Kind, is_raw, kind_of

# os.path, not pathlib: it is faster for 100,000 names, and they may have any bytes.
# ruff: noqa: PTH118, PTH119, PTH122

# Settings of editors, edits made on a phone, metadata of photo services, and annotations.
_SUFFIXES = {".aae", ".dop", ".json", ".pp3", ".txt", ".xml", ".xmp"}
_FILMS = {".mov", ".mp4", ".m4v", ".mp"}
_ICLOUD = "_HEVC"  # iCloud names the film of IMG_0100.HEIC IMG_0100_HEVC.MOV
_METADATA = "supplemental-metadata"
# Takeout cuts names to this length, without the suffix .json and a number such as (1).
# Source: names in archives of Google Takeout, 2019 to 2025.
_CUT_LENGTH = 46
_NUMBERED = re.compile(r"(.*)\((\d+)\)")


@dataclass(slots=True)
class _Folder:
    """The files of a folder that belong to photos, by the name or the stem of their photo."""

    sidecars: defaultdict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    companions: defaultdict[str, list[str]] = field(default_factory=lambda: defaultdict(list))


class Sidecars:
    """Finder of sidecar files; each folder is listed once, and no file is returned twice.

    Args:
        with_companions: Whether films and raw files are returned, too; else `left` counts them.
    """

    def __init__(self, with_companions: bool = False) -> None:
        self._with_companions = with_companions
        self._by_folder: dict[str, _Folder] = {}
        self.left: Counter[str] = Counter()  # films and raw files that are not returned

    def take(self, photo: str) -> list[str]:
        """Return the sorted paths of a photo's files, without those that were returned before."""
        folder, name = os.path.split(photo)
        if folder not in self._by_folder:
            self._by_folder[folder] = _list_folder(folder or ".")
        files = self._by_folder[folder]
        stem = os.path.splitext(name)[0]
        taken = {*files.sidecars.pop(name, ()), *files.sidecars.pop(stem, ())}
        companions = [*files.companions.pop(stem, ()), *files.companions.pop(name, ())]
        companions = [other for other in companions if other != name]
        if self._with_companions:
            taken.update(companions)
            for companion in companions:
                taken.update(files.sidecars.pop(companion, ()))
        else:
            self.left.update(
                "raw files" if is_raw(other) else "films of Live Photos" for other in companions
            )
        return [os.path.join(folder, sidecar) for sidecar in sorted(taken)]


def renamed(sidecar: str, photo: str, target: str) -> str:
    """Return the target of a sidecar file, derived from the target of its photo.

    Args:
        sidecar: Path of the sidecar file.
        photo: Path of the photo.
        target: The target of the photo, such as "cats/IMG (2).jpg".
    """
    name, photo_name = os.path.basename(sidecar), os.path.basename(photo)
    if name.startswith(f"{photo_name}."):
        return target + name.removeprefix(photo_name)
    stem = os.path.splitext(photo_name)[0]
    new_stem = os.path.splitext(target)[0]
    if name == stem:
        suffix = os.path.splitext(name)[1]
        return new_stem if new_stem.endswith(suffix) else new_stem + suffix
    if name.startswith((f"{stem}.", f"{stem}{_ICLOUD}.")):
        return new_stem + name.removeprefix(stem)
    if os.path.basename(target) == photo_name:
        return os.path.join(os.path.dirname(target), name)  # noqa: PTH120
    # A cut name of Takeout does not fit the new name of the photo.
    return f"{target}.{_METADATA}.json"


def _list_folder(folder: str) -> _Folder:
    """List the files of a folder that belong to photos, by possible names of their photo."""
    files = _Folder()
    try:
        with os.scandir(folder) as entries:
            names = [entry.name for entry in entries if entry.is_file(follow_symlinks=False)]
    except OSError:
        return files
    takeout = _Takeout(names)
    lower = {name.lower() for name in names}
    for name in sorted(names):
        base, suffix = os.path.splitext(name)
        if suffix.lower() in _FILMS or is_raw(name):
            is_motion = f"{name}.jpg".lower() in lower  # a Pixel's PXL.MP with PXL.MP.jpg
            files.companions[name if is_motion else base.removesuffix(_ICLOUD)].append(name)
        if suffix.lower() not in _SUFFIXES:
            continue
        if suffix.lower() == ".json" and (owner := takeout.owner(base)):
            files.sidecars[owner].append(name)
            continue
        files.sidecars[base].append(name)
        shorter, middle = os.path.splitext(base)
        if middle and os.path.splitext(shorter)[1]:  # IMG.jpg.settings
            files.sidecars[shorter].append(name)
    return files


class _Takeout:
    """Finder of the photo that a .json file of Google Takeout belongs to, in a folder.

    `P.jpg.supplemental-metadata(1).json` and `P.jpg(1).json` belong to `P(1).jpg`. The name
    before the number is cut after 46 characters.
    """

    def __init__(self, names: list[str]) -> None:
        self._photos: dict[tuple[str, str], str] = {}
        for name in names:
            stem, suffix = os.path.splitext(name)
            if kind_of(name) not in (Kind.PHOTO, Kind.FOREIGN) and suffix.lower() not in _FILMS:
                continue
            self._photos[name, ""] = name
            if numbered := _NUMBERED.fullmatch(stem):
                self._photos[numbered[1] + suffix, numbered[2]] = name
        numbered_names = {name for (_, number), name in self._photos.items() if number}
        self._sorted = sorted(
            key for key, name in self._photos.items() if key[1] or name not in numbered_names
        )

    def owner(self, base: str) -> str:
        """Return the photo of a .json file; "" if there is none, or several are possible.

        Args:
            base: The name of the file without .json.
        """
        numbered = _NUMBERED.fullmatch(base)
        title, number = (numbered[1], numbered[2]) if numbered else (base, "")
        shorter, _, rest = title.rpartition(".")
        photo = self._photos.get((title, number), "")
        if not photo and _METADATA.startswith(rest):
            photo = self._photos.get((shorter, number), "")
        if not photo and len(title) >= _CUT_LENGTH - 1:
            photo = self._owner_of_cut_name(title, number)
        return photo

    def _owner_of_cut_name(self, title: str, number: str) -> str:
        photos = set()
        for i in range(bisect_left(self._sorted, (title, "")), len(self._sorted)):
            full_title, photo_number = self._sorted[i]
            if not full_title.startswith(title):
                break
            if photo_number == number:
                photos.add(self._photos[full_title, photo_number])
        return photos.pop() if len(photos) == 1 else ""
