"""Plan the folder and the name of each sorted photo, without changing files."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

from pawsight.data.file_types import package_of
from pawsight.errors import DataError
from pawsight.inference.answers import answer_of
from pawsight.records import Prediction
from pawsight.sorting.file_contents import reason
from pawsight.sorting.photo_search import is_in
from pawsight.sorting.sidecars import Sidecars, renamed
from pawsight.sorting.target_names import UnusedNames

# os.path, not pathlib: it is faster for 100,000 photos, and names may have any bytes.
# ruff: noqa: PTH112, PTH114, PTH116, PTH118, PTH119, PTH120

How = Literal["copy", "link", "move"]

# planned: will be placed; placed: was placed; there: the target has the same content already;
# failed: stays where it is, for a reason.
Status = Literal["planned", "placed", "there", "failed"]


@dataclass(frozen=True, slots=True)
class Placement:
    """The plan for a photo or one of its sidecar files, and then the outcome."""

    path: str
    label: str = ""  # "" for a photo that cannot be read, and for a sidecar file
    probability: float = 0.0
    target: str = ""  # relative to the sorted folder, such as "cats/IMG.jpg"; "" if it failed
    status: Status = "failed"
    reason: str = ""  # why it failed
    size: int = 0  # in bytes, when it was planned
    mtime_ns: int = 0  # time of last change, when it was planned
    beside: str = ""  # for a sidecar file, the path of its photo

    @property
    def folder(self) -> str:
        """Folder of `target`: that of a class, `unsure`, `none`, or ""."""
        return self.target.partition("/")[0]


@dataclass(frozen=True, slots=True)
class Sorting:
    """The plan of a sort, and then its outcome.

    Attributes:
        into: The sorted folder, absolute.
        how: The operation on each photo.
        placements: The photos in the order they were found, each before its sidecar files.
        folders: The folder of each class, and then `unsure` and `none`.
        sources: The user's sources: absolute paths, and addresses.
        model: The run folder, absolute, or "builtin".
        fetched: The user's names of folders and photos that were fetched into the cache, by path.
    """

    into: Path
    how: How
    placements: tuple[Placement, ...]
    folders: tuple[str, ...]
    sources: tuple[str, ...]
    model: str
    fetched: Mapping[str, str] = field(default_factory=dict)

    def shown(self, path: str) -> str:
        """Return the path of a photo for display: its address or archive if it was fetched."""
        for fetched_path, name in self.fetched.items():
            if path == fetched_path or path.startswith(fetched_path + os.sep):
                return name + path.removeprefix(fetched_path)
        return path

    def count(self, status: Status, folder: str | None = None) -> int:
        """Count the photos with a status, in a folder or in all folders."""
        return sum(
            p.status == status and folder in (None, p.folder) and not p.beside
            for p in self.placements
        )

    def count_sidecars(self, status: Status) -> int:
        """Count the sidecar files with a status."""
        return sum(p.status == status and bool(p.beside) for p in self.placements)


def check_folder(into: str, folders: Iterable[str]) -> None:
    """Check that no file has the name of a folder that is needed.

    Args:
        into: The sorted folder, absolute.
        folders: The folders in it.

    Raises:
        DataError: There is such a file.
    """
    for path in (into, *(os.path.join(into, folder) for folder in folders)):
        if os.path.lexists(path) and not os.path.isdir(path):
            raise DataError(
                f"{path} is a file, but a folder of that name is needed for sorted photos.\n"
                f"Choose another folder with --into."
            )


class Planner:
    """A planner of sorted photos, one photo at a time.

    Args:
        into: The sorted folder, absolute; it need not exist.
        how: The operation on each photo.
        folders: The folder of each class.
        sure: Photos with a lower probability are sorted into `unsure`; None uses the model's
            own answer.
        with_companions: Whether films of Live Photos and raw files are sorted with their photo.
    """

    def __init__(
        self,
        into: str,
        how: How,
        folders: Mapping[str, str],
        sure: float | None,
        with_companions: bool = False,
    ) -> None:
        self._into = into
        self._how = how
        self._folders = folders
        self._sure = sure
        self._names = UnusedNames(into)
        self._sidecars = Sidecars(with_companions)

    def companions_left(self) -> dict[str, int]:
        """Return the numbers of films and of raw files that stay where they are, by kind."""
        return dict(self._sidecars.left)

    def plan(self, prediction: Prediction, root: str) -> list[Placement]:
        """Plan a photo and its sidecar files.

        Args:
            prediction: The photo and the model's answer.
            root: The source in which the photo was found.

        Returns:
            The photo, and then its sidecar files.
        """
        photo = self._plan_photo(prediction, root)
        stays = photo.status == "failed" or (photo.status == "there" and self._how == "move")
        if stays or not photo.size:
            return [photo]
        sidecars = self._sidecars.take(photo.path)
        return [photo, *filter(None, (self._plan_sidecar(path, photo) for path in sidecars))]

    def _plan_sidecar(self, path: str, photo: Placement) -> Placement | None:
        try:
            facts = os.stat(path)
        except OSError:
            return None
        if not facts.st_size:
            return None  # an empty file could not be distinguished from a reserved name
        preferred = renamed(path, photo.path, photo.target)
        target, is_there = self._names.choose(path, facts.st_size, preferred)
        return Placement(
            path,
            target=target,
            status="there" if is_there else "planned",
            size=facts.st_size,
            mtime_ns=facts.st_mtime_ns,
            beside=photo.path,
        )

    def _folder(self, prediction: Prediction) -> str:
        answer = prediction.answer
        if self._sure is not None:
            score, threshold = prediction.ood_score, self._sure
            answer = answer_of(prediction.label, prediction.probability, score, threshold)
        is_class = answer == prediction.label
        return self._folders[prediction.label] if is_class else answer

    def _plan_photo(self, prediction: Prediction, root: str) -> Placement:
        path = prediction.path
        if prediction.error:
            return Placement(path, reason=prediction.error)
        plan = Placement(path, prediction.label, prediction.probability)
        try:
            facts = os.stat(path)
        except OSError as error:
            return replace(plan, reason=reason(error))
        folder = self._folder(prediction)
        real = os.path.join(os.path.realpath(os.path.dirname(path)), os.path.basename(path))
        class_folder = os.path.join(os.path.realpath(os.path.join(self._into, folder)), "")
        if real.startswith(class_folder):
            target = f"{folder}/{real.removeprefix(class_folder)}"
            return replace(plan, target=target, status="there")
        is_linked = os.path.islink(path) or not is_in(real, os.path.realpath(root))
        if self._how == "move" and is_linked:
            return replace(plan, reason="it is reached by a link, and link targets are not moved")
        if self._how == "move" and (package := _package_of(real)):
            return replace(plan, reason=f"it belongs to {package}, which moving it would break")
        preferred = f"{folder}/{os.path.basename(path)}"
        target, is_there = self._names.choose(path, facts.st_size, preferred)
        return replace(
            plan,
            target=target,
            status="there" if is_there else "planned",
            size=facts.st_size,
            mtime_ns=facts.st_mtime_ns,
        )


def _package_of(real: str) -> str:
    """Return the photo library or other package that contains a photo; "" if there is none."""
    for name in Path(real).parts[:-1]:
        if program := package_of(name):
            return f"{name} ({program})"
    return ""
