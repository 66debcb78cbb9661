"""Runs at an address: their working folders in the cache, and the order in which files are copied.

At any moment the run at the address can be resumed. Whenever changed files are copied, checkpoints
follow the plan and the history, which may then be of a later step than the checkpoint, as after a
killed process. checksums.json is next, and then state.json, which is "complete" only when all other
files are there. config.json, which makes a folder a run, is the last file of a new run.
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
_LAST = ("checksums.json", "state.json", "config.json")  # copied last, in this order
# The first files of a run; an address with no others has a run that was interrupted at its start.
_BEGINNING = {"catalog.csv", "split.csv", "labels.csv", "earlier.csv", LOCK_NAME}
_SUMMARY = {"config.json", "catalog.csv", "state.json", "log.txt", "evaluation/metrics.json"}
_MAX_DEPTH = 2  # of a run below the folder that is listed
_ANONYMOUS = "?anonymous"
_RUN_MARKERS = {"config.json", "model.json", "model/model.json"}  # one of these makes it a run

logger = logging.getLogger(__name__)


def is_address(place: str | os.PathLike[str]) -> TypeGuard[str]:
    """Return whether the place of a run is an address rather than a path."""
    return isinstance(place, str) and "://" in place


def is_checkpoint(name: str) -> bool:
    """Return whether a file of a run is needed only to resume its training."""
    return name.endswith(".npz") and "checkpoints" in name.split("/")


def mirror_at(address: str) -> MirroredFolder:
    """Return the mirror of an address; raises RunError."""
    from pawsight.storage.mirrored_folder import MirroredFolder  # which imports SQLite

    return MirroredFolder(address, _rank)


def mirror_of(folder: Path) -> MirroredFolder | None:
    """Return the mirror of a working folder; None for any other folder."""
    if not (folder / _RECORD_NAME).is_file():
        return None
    from pawsight.storage.mirrored_folder import MirroredFolder

    return MirroredFolder.of(folder, _rank)


def holds_run(place: str | os.PathLike[str]) -> bool:
    """Return whether a place is an address with a run.

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
        address: Of the run. If this machine is training it, its folder is left as it is.
        is_whole: Whether checkpoints are fetched as well.

    Raises:
        RunError, ExtraError: There is no run, or it cannot be fetched.
    """
    mirrored = mirror_at(address)
    _unless_trained(mirrored, lambda: update(mirrored, is_whole))
    return mirrored


def summaries(address: str) -> list[MirroredFolder]:
    """Fetch the files that `pawsight runs` needs, of each run at an address or below it.

    Raises:
        RunError, ExtraError: The address cannot be listed, or a file cannot be fetched.
    """
    plain, anonymous, _ = address.partition(_ANONYMOUS)
    remote, runs = mirror_at(address).list_remote(), []
    for name in remote:
        folder = name.removesuffix("config.json")
        is_config = name != folder and (not folder or folder.endswith("/"))
        if is_config and f"{folder}catalog.csv" in remote and folder.count("/") <= _MAX_DEPTH:
            mirrored = mirror_at(f"{plain.rstrip('/')}/{folder}{anonymous}")
            files = {
                path.removeprefix(folder): version
                for path, version in remote.items()
                if path.startswith(folder)
            }
            fetch = partial(mirrored.fetch, _SUMMARY.__contains__, files, logger.warning)
            _unless_trained(mirrored, fetch)
            runs.append(mirrored)
    return runs


class _TrainedHereError(Exception):
    """A process of this machine is training the run."""


def _unless_trained(mirrored: MirroredFolder, fetch: Callable[[], None]) -> None:
    """Fetch, with the run locked, unless a process of this machine is training it."""
    from pawsight.storage.locks import locked

    def refuse(owner: str) -> None:
        raise _TrainedHereError

    with contextlib.suppress(_TrainedHereError), contextlib.ExitStack() as stack:
        if mirrored.path.is_dir():
            stack.enter_context(locked(mirrored.path / ".lock", refuse))
        fetch()


def update(mirrored: MirroredFolder, is_whole: bool) -> None:
    """Update the working folder of a run, which no other process of this machine may be training.

    Raises:
        RunError, ExtraError: There is no run, or it cannot be fetched.
    """
    remote = mirrored.list_remote()
    remote.pop(LOCK_NAME, None)
    if _RUN_MARKERS.isdisjoint(remote):
        if _is_unsent(mirrored):
            return
        raise RunError(
            f"There is no run at {mirrored.address}.\n"
            f"Give the address that was given to `pawsight train --out`."
        )
    mirrored.fetch(lambda name: is_whole or not is_checkpoint(name), remote, logger.warning)


def check_new(address: str) -> None:
    """Check that a new run can begin at an address, and clear its working folder.

    Raises:
        RunError, ExtraError: The address is not empty, or cannot be reached or written.
    """
    mirrored = mirror_at(address)
    if mirrored.address.startswith("hf:"):
        raise RunError(f"{mirrored.address} cannot be written.\nGive --out another address.")
    remote = mirrored.list_remote()
    is_interrupted = LOCK_NAME in remote and remote.keys() <= _BEGINNING
    if remote and not is_interrupted:
        text = f"{mirrored.address} is not empty, and a run never overwrites another.\n"
        if "config.json" in remote:
            text += f"Continue that one, if it is not complete: {_resume(mirrored)}\n"
        raise RunError(f"{text}Choose another --out address, or remove what is there first.")
    if _is_unsent(mirrored):
        raise RunError(
            f"A run for {mirrored.address} was begun on this machine, and could not be copied "
            f"there.\nContinue it with: {_resume(mirrored)}\n"
            f"Or remove it: {mirrored.path}"
        )
    mirrored.check_writable()  # before the photos are read
    with contextlib.suppress(OSError):
        mirrored.set_aside()  # the working folder of an earlier run at this address


def unsent_changes(place: Path) -> str:
    """Return why the copy of a run in the cache must not be removed; "" if it may be."""
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
    """Return whether the working folder is a new run that was not copied to the address yet."""
    return (mirrored.path / "config.json").is_file() and not mirrored.was_sent("config.json")


def _resume(mirrored: MirroredFolder) -> str:
    return resume_command(mirrored.address)
