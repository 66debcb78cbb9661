"""A library of photos, answers for them without a model, and ways to be killed in the middle."""

import builtins
import errno
import os
from dataclasses import dataclass
from pathlib import Path

import pytest

from pawsight.inference.answers import NONE, UNSURE
from pawsight.progress import Silent
from pawsight.records import Prediction
from pawsight.sorting import file_contents
from pawsight.sorting.execution import carry_out, recover_earlier
from pawsight.sorting.sort_plan import Planner, Sorting
from pawsight.sorting.target_names import class_folders
from pawsight.sorting.undoing import undo

FOLDERS = class_folders(["cats", "dogs"])
SILENT = Silent()

# Name, what the model answers, and how sure it is; each photo has bytes of its own.
PHOTOS = (
    ("a/IMG.jpg", "cats", 0.9),
    ("b/IMG.jpg", "cats", 0.9),
    ("b/rex.jpg", "dogs", 0.99),
    ("what.jpg", "dogs", 0.6),
    ("a/dél \n.jpg", "dogs", 0.9),
)


def read_tree(*roots: Path) -> dict[str, bytes | str]:
    """Every file's bytes and every link's target, besides journals."""
    return {
        str(path): str(path.readlink()) if path.is_symlink() else path.read_bytes()
        for root in roots
        for path in sorted(root.rglob("*"))
        if (path.is_symlink() or path.is_file()) and ".pawsight-sort" not in path.parts
    }


@dataclass
class Library:
    """Photos in `home`, to be sorted into `into`."""

    home: Path
    into: Path

    def predictions(self, besides: Path | None = None) -> list[Prediction]:
        """The answers for what is there, by what the files hold: `label probability ...`."""
        besides = besides or self.into
        found = []
        for path in sorted(self.home.rglob("*")):
            if (
                path.suffix == ".jpg"
                and path.is_file()
                and not path.is_relative_to(besides)
                and path.name[0] != "."
            ):
                label, probability = path.read_bytes().split()[:2]
                found.append(Prediction(str(path), label.decode(), float(probability)))
        return found

    def plan(self, how="copy", extra=(), predictions=None) -> Sorting:
        planner = Planner(str(self.into), how, FOLDERS, sure=0.8)
        found = [*(predictions or self.predictions()), *extra]
        places = [place for one in found for place in planner.plan(one, str(self.home))]
        folders = (*FOLDERS.values(), UNSURE, NONE)
        return Sorting(self.into, how, tuple(places), folders, (str(self.home),), "model")

    def sort(self, how="copy") -> Sorting:
        recover_earlier(str(self.into), SILENT)
        return carry_out(self.plan(how), SILENT)

    def undo(self):
        return undo(str(self.into), SILENT)

    def tree(self) -> dict[str, bytes | str]:
        return read_tree(self.home, self.into)

    def sorted_names(self) -> set[str]:
        return {str(Path(path).relative_to(self.into)) for path in read_tree(self.into)}


@pytest.fixture
def make_library(tmp_path):
    """Make libraries that are equal but for the folder they are in."""
    count = 0

    def make(into: Path | None = None, sidecar: str = "", num_photos: int = 5) -> Library:
        nonlocal count
        count += 1
        root = tmp_path / str(count)
        for name, label, probability in PHOTOS[:num_photos]:
            path = root / "home" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(f"{label} {probability} {name}".encode())
            os.utime(path, ns=(10**18, 10**18 + len(name)))
        if sidecar:
            (root / "home" / "b" / sidecar).write_bytes(b"settings")
        return Library(root / "home", into or root / "sorted")

    return make


@pytest.fixture
def library(make_library) -> Library:
    return make_library()


class Killed(BaseException):
    """Stands for a kill: from then on nothing reaches the disk, no clean-up either."""


# All calls by which a sort changes the disk.
CALLS = ("chmod", "fsync", "mkdir", "open", "replace", "rmdir", "symlink", "unlink", "utime")


@pytest.fixture
def intercept():
    """Let a function see each call that changes the disk before it is done; returns an undo."""

    def start(before):
        with_hooks = pytest.MonkeyPatch()
        for name in CALLS:
            real = getattr(os, name)

            def hooked(*arguments, _name=name, _real=real, **options):
                before(_name, arguments)
                return _real(*arguments, **options)

            with_hooks.setattr(os, name, hooked)

        def opened(path, mode="r", *arguments, **options):
            if "x" in mode:
                before("open", (path,))
            return builtins.open(path, mode, *arguments, **options)

        with_hooks.setattr(file_contents, "open", opened, raising=False)
        return with_hooks.undo

    return start


@pytest.fixture
def kill_at(intercept):
    """Run something that is killed before its nth call; says whether it came that far."""

    def run(number, work) -> bool:
        calls = 0

        def before(name, arguments):
            nonlocal calls
            calls += 1
            if calls > number:
                raise Killed

        stop = intercept(before)
        try:
            work()
        except Killed:
            return True
        finally:
            stop()
        return calls > number

    return run


@pytest.fixture
def apart(monkeypatch):
    """Let every folder be a disk of its own, between which nothing can be moved at once."""
    real = os.replace

    def replace(source, target):
        if Path(source).parent != Path(target).parent:
            raise OSError(errno.EXDEV, "Invalid cross-device link")
        real(source, target)

    monkeypatch.setattr(os, "replace", replace)


@pytest.fixture(params=["copy", "link", "move", "carry"])
def how(request):
    """How photos are sorted; `carry` moves them to another disk."""
    if request.param == "carry":
        request.getfixturevalue("apart")
        return "move"
    return request.param
