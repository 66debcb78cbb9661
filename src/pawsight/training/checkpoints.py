"""The whole state of a training run, exact to the bit, in the two last of its checkpoints.

Weights and optimizer slots as arrays, the rest as JSON, in NumPy's own npz
without pickle: loading an untrusted file can fail, it can not execute. After
the npz a file holds its checksum, which those of earlier versions lack.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from pawsight.errors import RunError, first_line
from pawsight.progress import Progress
from pawsight.storage.atomic import replacing
from pawsight.storage.npz import NPZ_ERRORS, arrays_of

_LATEST, _PREVIOUS = "latest.npz", "previous.npz"
_ARRAYS = ("weight", "slot", "best")
_MARK = b"sha256:"  # precedes the checksum, in hexadecimal
_END_BYTES = len(_MARK) + 64


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """Training as it stood after `step` steps."""

    step: int  # steps taken so far
    weights: list[NDArray[Any]]  # the model's variables, in the model's own order
    # The optimizer's variables, in its own order.
    slots: list[NDArray[Any]] = field(default_factory=list)
    # JSON-ready rest: sums of the running epoch, seconds so far.
    facts: dict[str, float] = field(default_factory=dict)
    # The weights of the best validation so far; empty before the first.
    best: list[NDArray[Any]] = field(default_factory=list)

    @property
    def is_finite(self) -> bool:
        """Whether no weight and no variable of the optimizer is NaN or infinite."""
        return all(bool(np.isfinite(one).all()) for one in (*self.weights, *self.slots))


def save_checkpoint(checkpoint: Checkpoint, folder: Path) -> None:
    """Write a checkpoint, and keep the one before it.

    Raises:
        DiskError: It cannot be written; those before it are still whole.
    """
    groups = (checkpoint.weights, checkpoint.slots, checkpoint.best)
    arrays: dict[str, Any] = {
        f"{name}_{i}": array
        for name, group in zip(_ARRAYS, groups, strict=True)
        for i, array in enumerate(group)
    }
    facts = json.dumps({"step": checkpoint.step, "facts": checkpoint.facts})
    path = folder / _LATEST
    with replacing(path) as temporary:
        with temporary.open("w+b") as file:
            np.savez(file, allow_pickle=False, facts=np.array(facts), **arrays)
            file.seek(0)
            checksum = hashlib.file_digest(file, "sha256").hexdigest()
            file.write(_MARK + checksum.encode())
        if path.exists():
            path.replace(folder / _PREVIOUS)


def load_checkpoint(folder: Path, progress: Progress) -> Checkpoint | None:
    """Read the last checkpoint, or the one before it where the last is damaged.

    Args:
        folder: Where `save_checkpoint` writes.
        progress: Receives a note where the older one is taken.

    Returns:
        The checkpoint; None where none was written yet.

    Raises:
        RunError: All that there are, are damaged.
    """
    problems = []
    for path in (folder / _LATEST, folder / _PREVIOUS):
        if not path.exists():
            continue
        try:
            checkpoint = _load(path)
        except NPZ_ERRORS as error:
            problems.append(f"{path} is damaged ({first_line(error)})")
        else:
            if problems:
                progress.note(
                    f"The checkpoint {problems[0]}; resuming from the one before it, "
                    f"after step {checkpoint.step:,}."
                )
            return checkpoint
    if problems:
        raise RunError(
            f"This run cannot continue from its checkpoints: {'; '.join(problems)}.\n"
            f"Remove the folder {folder} to train it again from its first step."
        )
    return None


def _load(path: Path) -> Checkpoint:
    with path.open("rb") as file:
        _verify(file)
        file.seek(0)
        with arrays_of(file) as arrays:
            facts = json.loads(str(arrays["facts"]))
            groups = []
            for name in _ARRAYS:
                count = sum(one.startswith(f"{name}_") for one in arrays.files)
                groups.append([arrays[f"{name}_{i}"] for i in range(count)])
    weights, slots, best = groups
    sums = {str(key): float(value) for key, value in facts["facts"].items()}
    return Checkpoint(int(facts["step"]), weights, slots, sums, best)


def _verify(file: BinaryIO) -> None:
    """Compare a file with its checksum, if it has one."""
    num_bytes = file.seek(0, 2) - _END_BYTES
    file.seek(max(0, num_bytes))
    end = file.read()
    if not end.startswith(_MARK):
        return
    file.seek(0)
    checksum = hashlib.sha256()
    while num_bytes > 0 and (chunk := file.read(min(num_bytes, 2**20))):
        checksum.update(chunk)
        num_bytes -= len(chunk)
    if end[len(_MARK) :] != checksum.hexdigest().encode():
        raise ValueError("its checksum does not match")
