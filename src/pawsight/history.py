"""The history of a run: one row per validation, as a rule one an epoch, saved as CSV."""

from __future__ import annotations

import csv
import dataclasses
import io
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pawsight.errors import RunError, first_line
from pawsight.formatting import percent
from pawsight.progress_text import rate_text
from pawsight.storage.atomic import write_text


@dataclass(frozen=True, slots=True)
class Epoch:
    """What was done since the row before. Accuracies are fractions 0..1, losses in nats per photo.

    A row is written at the end of each epoch, or of a few, or of a part of one,
    whatever the budget allows to validate. The training figures are averages
    over that time, while the weights moved and with augmented photos; the
    validation figures hold for its end.
    """

    epoch: int | float  # times each photo was shown; a fraction where a row is for part of an epoch
    step: int  # steps taken when it ended
    seconds: float  # training time so far, validation included
    images_per_second: float  # training steps alone
    learning_rate: float  # at its last step
    train_loss: float
    train_accuracy: float
    validation_loss: float
    validation_accuracy: float
    is_best: bool  # whether the model kept at the end is from this epoch
    # Mean over the classes of how many are right; only where classes are imbalanced.
    validation_balanced_accuracy: float | None = None
    # Side of the images it was validated on, relative to the largest of the plan.
    validation_scale: float = 1.0
    own_metrics: dict[str, float] = field(default_factory=dict)  # of the user's, in validation
    is_average: bool = False  # of the initial and the final weights, scored after the last epoch
    is_smaller: bool = False  # scored after the last epoch, at a smaller size for the model

    @property
    def epoch_text(self) -> str:
        """The epoch with at most one digit after the point: "12", "12.8"."""
        return f"{self.epoch:.1f}".removesuffix(".0")

    @property
    def is_extra(self) -> bool:
        """Whether it was scored after training, and is no epoch of it."""
        return self.is_average or self.is_smaller

    @property
    def title(self) -> str:
        """What was scored: "epoch 12.8"."""
        weights = "the average of the initial and the final weights"
        what = weights if self.is_average else f"epoch {self.epoch_text}"
        return f"{what} on smaller images" if self.is_smaller else what

    def image_size(self, largest: tuple[int, int]) -> tuple[int, int]:
        """Return the (height, width) in pixels of its validation, given that of the plan."""
        height, width = (round(side * self.validation_scale) for side in largest)
        return height, width

    def describe(self, accuracy_title: str = "accuracy") -> str:
        """Return the scores of the row as one line of text.

        Args:
            accuracy_title: What the accuracy is the share of, as in `Task`.
        """
        balanced = self.validation_balanced_accuracy
        rate = "" if self.is_extra else rate_text(self.images_per_second, "images")
        in_training = f"{percent(self.train_accuracy)} in training, "
        return (
            f"{self.title.capitalize()}: {accuracy_title} "
            + ("" if self.is_extra else in_training)
            + f"{percent(self.validation_accuracy)} in validation"
            + (f" (balanced {percent(balanced)})" if balanced is not None else "")
            + "".join(f", {name} {value:.4g}" for name, value in self.own_metrics.items())
            + (f", {rate}" if rate else "")
        )

    def facts(self) -> dict[str, float | str]:
        """Return the row as facts for `Progress.advance`; training figures have plain names."""
        found: dict[str, float | str] = {
            "epoch": self.epoch,
            "loss": self.train_loss,
            "accuracy": self.train_accuracy,
            "validation_loss": self.validation_loss,
            "validation_accuracy": self.validation_accuracy,
        }
        if self.validation_balanced_accuracy is not None:
            found["validation_balanced_accuracy"] = self.validation_balanced_accuracy
        return found


def best_epoch(history: list[Epoch]) -> Epoch:
    """Return the row of the highest validation accuracy; ties go to the lower validation loss.

    Where the classes are imbalanced the balanced accuracy decides: by the plain one,
    a model that ignores a rare class could be the best. Only rows at an image size
    that the finished model may take are compared: the largest, and those scored after training.
    """
    largest = max(one.validation_scale for one in history)

    def score(one: Epoch) -> tuple[float, float]:
        balanced = one.validation_balanced_accuracy
        return (one.validation_accuracy if balanced is None else balanced, -one.validation_loss)

    compared = (one for one in history if one.validation_scale == largest or one.is_smaller)
    return max(compared, key=score)


def mark_best(history: list[Epoch]) -> list[Epoch]:
    """Return the rows with `is_best` true for the best one alone."""
    best = best_epoch(history)
    return [dataclasses.replace(one, is_best=one is best) for one in history]


def save_history(history: list[Epoch], path: Path) -> None:
    """Write the rows as CSV, atomically."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    names = [one.name for one in dataclasses.fields(Epoch)]
    if not any(row.own_metrics for row in history):
        names.remove("own_metrics")
    for name in ("is_average", "is_smaller"):
        if not any(getattr(row, name) for row in history):
            names.remove(name)
    writer.writerow(names)
    for row in history:
        writer.writerow([_cell(getattr(row, name)) for name in names])
    write_text(path, text.getvalue())


def _cell(value: Any) -> Any:
    if isinstance(value, dict):
        return json.dumps(value)
    return repr(value) if isinstance(value, float) else value


def _number(text: str) -> int | float:
    number = float(text)
    return int(number) if number == int(number) else number


def _is_needed(one: dataclasses.Field[Any]) -> bool:
    return one.default is dataclasses.MISSING and one.default_factory is dataclasses.MISSING


def load_history(path: Path) -> list[Epoch]:
    """Read the rows back, exactly as they were saved; earlier versions had fewer columns.

    Raises:
        RunError: The file is missing or is no history.
    """
    kinds: dict[str, Callable[[str], Any]] = {
        "int": int,
        "int | float": _number,
        "float": float,
        "bool": lambda text: text == "True",
        "dict[str, float]": json.loads,
        "float | None": lambda text: float(text) if text else None,
    }
    try:
        with path.open(encoding="utf-8", newline="") as file:
            return [
                Epoch(
                    **{
                        one.name: kinds[str(one.type)](row[one.name])
                        for one in dataclasses.fields(Epoch)
                        if one.name in row or _is_needed(one)
                    }
                )
                for row in csv.DictReader(file)
            ]
    except (OSError, KeyError, ValueError, TypeError) as error:
        raise RunError(f"{path} is not the history of a run ({first_line(error)}).") from error
