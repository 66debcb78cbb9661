"""Runs at an address: their working folders in the cache, and in which order files are copied.

The address holds a run that can be resumed at any moment. In each copy of changed files checkpoints
come after the plan and the history, which may be of a later step (`resume` expects that of a
process that was killed), then checksums.json, then state.json, which is "complete" only once all
else is there. config.json, which makes a run of a folder, is written once and copied as the last
file of a new run.
"""

from __future__ import annotations

import contextlib
import logging
import os
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, TypeGuard

from pawsight.errors import RunError
from pawsight.formatting import resume_command

if TYPE_CHECKING:
    from pawsight.storage.mirrored_folder import MirroredFolder

LOCK_NAME = "training.json"
_LOG_NAME = "log.txt"
_RECORD_NAME = ".remote.json"
_LAST = ("checksums.json", "state.json", "config.json")
# What a run begins with: left alone, these are of a new run that was interrupted.
_BEGINNING = {"catalog.csv", "split.csv", "labels.csv", "earlier.csv", LOCK_NAME}
_SUMMARY = {"config.json", "catalog.csv", "state.json", "log.txt", "evaluation/metrics.json"}
_MAX_DEPTH = 2  # of a run below the folder that is listed
_ANONYMOUS = "?anonymous"
_RUNS = {"config.json", "model.json", "model/model.json"}

logger = logging.getLogger(__name__)


def is_address(place: str | os.PathLike[str]) -> TypeGuard[str]:
    """Return whether the place of a run is an address, and no path."""
    return isinstance(place, str) and "://" in place


def is_checkpoint(name: str) -> bool:
    """Return whether a file of a run is needed only to train it on."""
    return name.endswith(".npz") and "checkpoints" in name.split("/")


def mirror_at(address: str) -> MirroredFolder:
    """Return the mirror of an address; raises RunError."""
    from pawsight.storage.mirrored_folder import MirroredFolder  # with SQLite and more

    return MirroredFolder(address, _rank)


def mirror_of(folder: Path) -> MirroredFolder | None:
    """Return the mirror whose working folder that is; None for any other folder."""
    if not (folder / _RECORD_NAME).is_file():
        return None
    from pawsight.storage.mirrored_folder import MirroredFolder

    return MirroredFolder.of(folder, _rank)


def holds_run(place: str | os.PathLike[str]) -> bool:
    """Return whether an address is that of a run, and not of photos.

    Raises:
        RunError, ExtraError: The store of the address cannot be reached.
    """
    from pawsight.storage.stores.providers import STORES

    if not is_address(place) or place.partition("://")[0].lower() not in STORES:
        return False
    return mirror_at(place).has("config.json")


def fetched(address: str, is_whole: bool) -> MirroredFolder:
    """Return the mirror of a run, with a working folder that is up to date.

    Args:
        address: Of the run; the folder of one that this machine trains is left as it is.
        is_whole: Whether checkpoints are fetched as well.

    Raises:
        RunError, ExtraError: There is no run, or it cannot be fetched.
    """
    mirrored = mirror_at(address)
    _unless_trained(mirrored, lambda: update(mirrored, is_whole))
    return mirrored


def summaries(address: str) -> list[MirroredFolder]:
    """Fetch what `pawsight runs` lists of each run below an address, or at it.

    Raises:
        RunError, ExtraError: It cannot be listed or fetched.
    """
    plain, anonymous, _ = address.partition(_ANONYMOUS)
    found, runs = mirror_at(address).list_remote(), []
    for name in found:
        folder = name.removesuffix("config.json")
        is_config = name != folder and (not folder or folder.endswith("/"))
        if is_config and f"{folder}catalog.csv" in found and folder.count("/") <= _MAX_DEPTH:
            mirrored = mirror_at(f"{plain.rstrip('/')}/{folder}{anonymous}")
            files = {
                path.removeprefix(folder): version
                for path, version in found.items()
                if path.startswith(folder)
            }
            fetch = partial(mirrored.fetch, _SUMMARY.__contains__, files, logger.warning)
            _unless_trained(mirrored, fetch)
            runs.append(mirrored)
    return runs


class _TrainedHereError(Exception):
    """A process of this machine trains the run."""


def _unless_trained(mirrored: MirroredFolder, fetch: Callable[[], None]) -> None:
    """Fetch, unless a process of this machine trains the run; none can meanwhile."""
    from pawsight.storage.locks import locked

    def refuse(owner: str) -> None:
        raise _TrainedHereError

    with contextlib.suppress(_TrainedHereError), contextlib.ExitStack() as stack:
        if mirrored.path.is_dir():
            stack.enter_context(locked(mirrored.path / ".lock", refuse))
        fetch()


def update(mirrored: MirroredFolder, is_whole: bool) -> None:
    """Bring the working folder of a run that no other process trains here up to date.

    Raises:
        RunError, ExtraError: There is no run, or it cannot be fetched.
    """
    found = mirrored.list_remote()
    found.pop(LOCK_NAME, None)
    if _RUNS.isdisjoint(found):
        if _is_unsent(mirrored):
            return
        raise RunError(
            f"There is no run at {mirrored.address}.\n"
            f"Give the address that was given to `pawsight train --out`."
        )
    mirrored.fetch(lambda name: is_whole or not is_checkpoint(name), found, logger.warning)


def check_new(address: str) -> None:
    """Check that a new run can begin at an address, and clear its working folder.

    Raises:
        RunError, ExtraError: It holds something, or cannot be reached or written.
    """
    mirrored = mirror_at(address)
    if mirrored.address.startswith("hf:"):
        raise RunError(f"{mirrored.address} cannot be written.\nGive --out another address.")
    found = mirrored.list_remote()
    is_interrupted = LOCK_NAME in found and found.keys() <= _BEGINNING
    if found and not is_interrupted:
        text = f"{mirrored.address} is not empty, and a run never overwrites another.\n"
        if "config.json" in found:
            text += f"Continue that one, if it is not complete: {_resume(mirrored)}\n"
        raise RunError(f"{text}Choose another --out address, or remove what is there first.")
    if _is_unsent(mirrored):
        raise RunError(
            f"A run for {mirrored.address} was begun on this machine, and could not be copied "
            f"there.\nContinue it with: {_resume(mirrored)}\n"
            f"Or remove it: {mirrored.path}"
        )
    mirrored.check_writable()  # now, and not only once the photos are read
    with contextlib.suppress(OSError):
        mirrored.set_aside()  # a copy of what is no longer at the address


def unsent_changes(place: Path) -> str:
    """Return why the copy of a run in the cache cannot be removed, "" where it can be."""
    for folder in place.iterdir():
        mirrored = mirror_of(folder)
        if mirrored is not None and mirrored.unsent(lambda name: name != _LOG_NAME):
            return f"not all of it is at {mirrored.address} yet; copy it with: {_resume(mirrored)}"
    return ""


def _rank(name: str) -> int:
    last = name.rpartition("/")[2]
    if last in _LAST:
        return 2 + _LAST.index(last)
    return int(is_checkpoint(name))


def _is_unsent(mirrored: MirroredFolder) -> bool:
    """Return whether the working folder is a new run that the address does not hold yet."""
    return (mirrored.path / "config.json").is_file() and not mirrored.was_sent("config.json")


def _resume(mirrored: MirroredFolder) -> str:
    return resume_command(mirrored.address)
