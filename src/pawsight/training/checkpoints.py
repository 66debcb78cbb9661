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
from pawsight.runs import replacing


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """Training as it stood after `step` steps.

    Attributes:
        step: Steps taken so far.
        weights: The model's variables, in the model's own order.
        slots: The optimizer's variables, in its own order; empty in a
            checkpoint that only keeps the best weights.
        facts: JSON-ready rest: sums of the running epoch, seconds so far.
    """

    step: int
    weights: list[NDArray[Any]]
    slots: list[NDArray[Any]] = field(default_factory=list)
    facts: dict[str, float] = field(default_factory=dict)


def save_checkpoint(checkpoint: Checkpoint, path: Path) -> None:
    """Write a checkpoint atomically.

    Raises:
        DiskError: It cannot be written; the one before it is still whole.
    """
    arrays: dict[str, Any] = {f"weight_{i}": array for i, array in enumerate(checkpoint.weights)}
    arrays |= {f"slot_{i}": array for i, array in enumerate(checkpoint.slots)}
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
            num_weights = sum(name.startswith("weight_") for name in found.files)
            num_slots = sum(name.startswith("slot_") for name in found.files)
            return Checkpoint(
                step=int(facts["step"]),
                weights=[found[f"weight_{i}"] for i in range(num_weights)],
                slots=[found[f"slot_{i}"] for i in range(num_slots)],
                facts={str(k): float(v) for k, v in facts["facts"].items()},
            )
    except FileNotFoundError as error:
        raise RunError(f"There is no checkpoint {path}: training has not got that far.") from error
    except (OSError, EOFError, ValueError, KeyError, TypeError, zipfile.BadZipFile) as error:
        raise RunError(f"The checkpoint {path} is damaged ({error}).") from error
