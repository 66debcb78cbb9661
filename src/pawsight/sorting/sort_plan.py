"""Plan where each photo goes and under which name, without changing anything."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from pawsight.data.file_types import package_of
from pawsight.errors import DataError
from pawsight.inference.answers import answer_of
from pawsight.records import Prediction
from pawsight.sorting.file_contents import reason
from pawsight.sorting.sidecars import Sidecars, renamed
from pawsight.sorting.target_names import UnusedNames

# os.path, not pathlib: 100,000 photos are planned, and their names may hold any bytes.
# ruff: noqa: PTH112, PTH114, PTH116, PTH118, PTH119, PTH120

How = Literal["copy", "link", "move"]

# planned: to be placed; placed: done; there: its content is in that place already;
# failed: it stays where it is, for a reason.
Status = Literal["planned", "placed", "there", "failed"]


@dataclass(frozen=True, slots=True)
class Placement:
    """The plan, and then the outcome, for one photo.

    `target` is relative to the sorted folder, `cats/IMG.jpg`, and "" where the
    photo failed; then `reason` is why. `label` is "" for a photo that could
    not be read. `beside` is "" for a photo; else this is a file that belongs to
    the photo of that path, and is placed beside it. `size` (bytes) and `mtime_ns`
    are those it was planned with.
    """

    path: str
    label: str = ""
    probability: float = 0.0
    target: str = ""
    status: Status = "failed"
    reason: str = ""
    size: int = 0
    mtime_ns: int = 0
    beside: str = ""

    @property
    def folder(self) -> str:
        """The folder of `target`: a class's, `unsure`, `none`, or ""."""
        return self.target.partition("/")[0]


@dataclass(frozen=True, slots=True)
class Sorting:
    """Where photos go, or went.

    Attributes:
        into: The sorted folder, absolute.
        how: The operation on each photo.
        placements: One per photo, in the order they were found, each before the
            files that belong to it.
        folders: That of each class, and at last `unsure` and `none`.
        sources: The sources that the user named: absolute paths, and addresses.
        model: The run folder, absolute, or "builtin".
        fetched: What the user calls each folder or photo that was fetched into the cache.
    """

    into: Path
    how: How
    placements: tuple[Placement, ...]
    folders: tuple[str, ...]
    sources: tuple[str, ...]
    model: str
    fetched: Mapping[str, str] = field(default_factory=dict)

    def shown(self, path: str) -> str:
        """Return what to call a photo: by its address or archive where it was fetched."""
        for place, name in self.fetched.items():
            if path == place or path.startswith(place + os.sep):
                return name + path.removeprefix(place)
        return path

    def count(self, status: Status, folder: str | None = None) -> int:
        """Count the photos of a status, in one folder or in all."""
        return sum(
            place.status == status and folder in (None, place.folder) and not place.beside
            for place in self.placements
        )

    def count_sidecars(self, status: Status) -> int:
        """Count the files of a status that belong to photos."""
        return sum(place.status == status and bool(place.beside) for place in self.placements)


def check_folder(into: str, folders: Iterable[str]) -> None:
    """Check that no file has the name of a folder that is needed; raises DataError."""
    for path in (into, *(os.path.join(into, folder) for folder in folders)):
        if os.path.lexists(path) and not os.path.isdir(path):
            raise DataError(
                f"{path} is a file, and photos are to be sorted into a folder of that name.\n"
                f"Choose another folder with --into."
            )


class Planner:
    """Plans one photo at a time.

    Args:
        into: The sorted folder, absolute; it need not exist.
        how: The operation on each photo.
        folders: The folder of each class.
        sure: Photos of a lower probability go to `unsure`; None goes by the model's answer.
        with_companions: Whether films of Live Photos and raw files go along with their photo.
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
        """Count the films and raw files that stay where they are, by what they are."""
        return dict(self._sidecars.left)

    def plan(self, prediction: Prediction, root: str) -> list[Placement]:
        """Plan one photo, found in the `root` that was named, and the files that belong to it."""
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
            return None  # an empty file would look like a reserved name
        wanted = renamed(path, photo.path, photo.target)
        target, is_there = self._names.choose(path, facts.st_size, wanted)
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
            return _changed(plan, reason=reason(error))
        folder = self._folder(prediction)
        real = os.path.join(os.path.realpath(os.path.dirname(path)), os.path.basename(path))
        home = os.path.join(os.path.realpath(os.path.join(self._into, folder)), "")
        if real.startswith(home):
            target = f"{folder}/{real.removeprefix(home)}"
            return _changed(plan, target=target, status="there")
        if self._how == "move" and (os.path.islink(path) or not _is_in(real, root)):
            return _changed(plan, reason="it is reached by a link, and link targets are not moved")
        if self._how == "move" and (package := _package_above(real)):
            return _changed(plan, reason=f"it belongs to {package}, which moving it would break")
        wanted = f"{folder}/{os.path.basename(path)}"
        target, is_there = self._names.choose(path, facts.st_size, wanted)
        return Placement(
            *(path, prediction.label, prediction.probability, target),
            status="there" if is_there else "planned",
            size=facts.st_size,
            mtime_ns=facts.st_mtime_ns,
        )


def _changed(
    placement: Placement, target: str = "", status: Status = "failed", reason: str = ""
) -> Placement:
    return Placement(placement.path, placement.label, placement.probability, target, status, reason)


def _package_above(real: str) -> str:
    """Return the photo library or other package that a photo is in; else ""."""
    for name in Path(real).parts[:-1]:
        if program := package_of(name):
            return f"{name} ({program})"
    return ""


def _is_in(real: str, root: str) -> bool:
    above = os.path.realpath(root)
    return real == above or real.startswith(os.path.join(above, ""))
