"""Save and load checkpoints: the whole state of a training run, exact to the bit.

The last two checkpoints are kept. Weights and optimizer slots are arrays, the rest is
JSON, in NumPy's npz format without pickle: loading an untrusted file can fail, but cannot
execute anything. The npz is followed by its checksum, which files of earlier versions lack.
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
    """The state of training after `step` steps."""

    step: int  # steps taken so far
    weights: list[NDArray[Any]]  # the model's variables, in the order of `model.variables`
    # The optimizer's variables, in the order of `optimizer.variables`.
    slots: list[NDArray[Any]] = field(default_factory=list)
    # The fields of `Totals`.
    facts: dict[str, float] = field(default_factory=dict)
    # The weights of the best validation so far; empty before the first validation.
    best: list[NDArray[Any]] = field(default_factory=list)

    @property
    def is_finite(self) -> bool:
        """Whether no weight and no variable of the optimizer is NaN or infinite."""
        return all(bool(np.isfinite(array).all()) for array in (*self.weights, *self.slots))


def save_checkpoint(checkpoint: Checkpoint, folder: Path) -> None:
    """Write a checkpoint, and keep the previous checkpoint.

    Raises:
        DiskError: It cannot be written; the earlier checkpoints are intact.
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
    """Read the last checkpoint, or the previous one if the last is damaged.

    Args:
        folder: The folder that `save_checkpoint` wrote to.
        progress: Receives a note if the previous checkpoint is taken.

    Returns:
        The checkpoint; None if none was written yet.

    Raises:
        RunError: All checkpoints are damaged.
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
                    f"The checkpoint {problems[0]}; resuming from the previous checkpoint, "
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
                count = sum(key.startswith(f"{name}_") for key in arrays.files)
                groups.append([arrays[f"{name}_{i}"] for i in range(count)])
    weights, slots, best = groups
    totals = {str(key): float(value) for key, value in facts["facts"].items()}
    return Checkpoint(int(facts["step"]), weights, slots, totals, best)


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
