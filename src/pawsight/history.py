"""The course of a run: one row per epoch, kept as CSV that any program reads."""

from __future__ import annotations

import csv
import dataclasses
import io
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pawsight.errors import RunError
from pawsight.runs import write_text


@dataclass(frozen=True, slots=True)
class Epoch:
    """What one epoch did. Accuracies are fractions 0..1, losses in nats per photo.

    The training figures are averages over the epoch, while the weights moved
    and with augmented photos; the validation figures hold for its end.
    """

    epoch: int  # counted from 1
    step: int  # steps taken when it ended
    seconds: float  # training time so far, validation included
    images_per_second: float  # training steps alone
    learning_rate: float  # at its last step
    train_loss: float
    train_accuracy: float
    validation_loss: float
    validation_accuracy: float
    is_best: bool  # whether the model kept at the end is from this epoch
    # Mean over the classes of how many are right; only where the classes are uneven.
    validation_balanced_accuracy: float | None = None


def best_epoch(history: list[Epoch]) -> Epoch:
    """The epoch of the highest validation accuracy; ties go to the lower validation loss.

    Where the classes are uneven it is the balanced accuracy that counts: by the
    plain one, a model that ignores a rare class could be the best.
    """

    def worth(one: Epoch) -> tuple[float, float]:
        balanced = one.validation_balanced_accuracy
        return (one.validation_accuracy if balanced is None else balanced, -one.validation_loss)

    return max(history, key=worth)


def mark_best(history: list[Epoch]) -> list[Epoch]:
    """Return the rows with `is_best` true for the best one alone."""
    best = best_epoch(history)
    return [dataclasses.replace(one, is_best=one.epoch == best.epoch) for one in history]


def save_history(history: list[Epoch], path: Path) -> None:
    """Write the rows as CSV, atomically."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(field.name for field in dataclasses.fields(Epoch))
    for one in history:
        writer.writerow([repr(v) if isinstance(v, float) else v for v in dataclasses.astuple(one)])
    write_text(path, text.getvalue())


def load_history(path: Path) -> list[Epoch]:
    """Read the rows back, exactly as they were saved; earlier versions had fewer columns.

    Raises:
        RunError: The file is missing or is no history.
    """
    kinds: dict[str, Callable[[str], Any]] = {
        "int": int,
        "float": float,
        "bool": lambda text: text == "True",
        "float | None": lambda text: float(text) if text else None,
    }
    try:
        with path.open(encoding="utf-8", newline="") as file:
            return [
                Epoch(
                    **{
                        field.name: kinds[str(field.type)](row[field.name])
                        for field in dataclasses.fields(Epoch)
                        if field.name in row or field.default is dataclasses.MISSING
                    }
                )
                for row in csv.DictReader(file)
            ]
    except (OSError, KeyError, ValueError, TypeError) as error:
        raise RunError(f"{path} is no history of a run ({error}).") from error
