"""The whole state of a training run in one file, exact to the bit.

Weights and optimizer slots as arrays, the rest as JSON, in NumPy's own npz
without pickle: loading an untrusted file can fail, it can not execute.
"""

from __future__ import annotations

import json
import zipfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pawsight.errors import RunError
from pawsight.storage.atomic import replacing


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """Training as it stood after `step` steps.

    Attributes:
        step: Steps taken so far.
        weights: The model's variables, in the model's own order.
        slots: The optimizer's variables, in its own order.
        facts: JSON-ready rest: sums of the running epoch, seconds so far.
        best: The weights of the best validation so far; empty before the first.
    """

    step: int
    weights: list[NDArray[Any]]
    slots: list[NDArray[Any]] = field(default_factory=list)
    facts: dict[str, float] = field(default_factory=dict)
    best: list[NDArray[Any]] = field(default_factory=list)


_ARRAYS = ("weight", "slot", "best")


def save_checkpoint(checkpoint: Checkpoint, path: Path) -> None:
    """Write a checkpoint atomically.

    Raises:
        DiskError: It cannot be written; the one before it is still whole.
    """
    groups = (checkpoint.weights, checkpoint.slots, checkpoint.best)
    arrays: dict[str, Any] = {
        f"{name}_{i}": array
        for name, group in zip(_ARRAYS, groups, strict=True)
        for i, array in enumerate(group)
    }
    facts = json.dumps({"step": checkpoint.step, "facts": checkpoint.facts})
    with replacing(path) as temporary, temporary.open("wb") as file:
        np.savez(file, allow_pickle=False, facts=np.array(facts), **arrays)


def load_checkpoint(path: Path) -> Checkpoint:
    """Read a checkpoint.

    Raises:
        RunError: It is missing or damaged.
    """
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as found:
            facts = json.loads(str(found["facts"]))
            groups = []
            for name in _ARRAYS:
                count = sum(one.startswith(f"{name}_") for one in found.files)
                groups.append([found[f"{name}_{i}"] for i in range(count)])
            weights, slots, best = groups
            told = {str(k): float(v) for k, v in facts["facts"].items()}
            return Checkpoint(int(facts["step"]), weights, slots, told, best)
    except FileNotFoundError as error:
        raise RunError(f"There is no checkpoint {path}: training has not got that far.") from error
    except (OSError, EOFError, ValueError, KeyError, TypeError, zipfile.BadZipFile) as error:
        raise RunError(f"The checkpoint {path} is damaged ({error}).") from error
