"""The history of a run, saved as CSV: one row per validation, usually one per epoch."""

from __future__ import annotations

import csv
import dataclasses
import io
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pawsight.errors import RunError, first_line
from pawsight.formatting import percent
from pawsight.progress_text import rate_text
from pawsight.storage.atomic import write_text


@dataclass(frozen=True, slots=True)
class Epoch:
    """A row of the history. Accuracies are fractions 0..1, losses in nats per photo.

    A row may be for several epochs or for a part of one, as often as the budget
    allows a validation. The training figures are averages since the previous row,
    over changing weights and augmented photos; the validation figures are of
    the weights at the end.
    """

    epoch: int | float  # how often each photo was shown, on average; may be a fraction
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
    own_metrics: dict[str, float] = dataclasses.field(
        default_factory=dict
    )  # the user's, in validation
    is_average: bool = False  # the average of initial and final weights, scored at the end
    is_smaller: bool = False  # scored at the end, at a smaller image size

    @property
    def main_accuracy(self) -> float:
        """The validation accuracy that compares rows: balanced where classes are imbalanced."""
        balanced = self.validation_balanced_accuracy
        return self.validation_accuracy if balanced is None else balanced

    @property
    def epoch_text(self) -> str:
        """The epoch with at most one decimal: "12", "12.8"."""
        return f"{self.epoch:.1f}".removesuffix(".0")

    @property
    def is_extra(self) -> bool:
        """Whether the row was scored after training, and is not an epoch."""
        return self.is_average or self.is_smaller

    @property
    def title(self) -> str:
        """What was scored: "epoch 12.8"."""
        weights = "the average of the initial and the final weights"
        what = weights if self.is_average else f"epoch {self.epoch_text}"
        return f"{what} on smaller images" if self.is_smaller else what

    def image_size(self, largest: tuple[int, int]) -> tuple[int, int]:
        """Return the (height, width) in pixels of the validation; `largest` is that of the plan."""
        height, width = (round(side * self.validation_scale) for side in largest)
        return height, width

    def describe(self, largest: tuple[int, int], accuracy_title: str = "accuracy") -> str:
        """Return the scores of the row as one line of text.

        Args:
            largest: The image size of the plan, (height, width) in pixels.
            accuracy_title: The name of the accuracy, as in `Task`.
        """
        balanced = self.validation_balanced_accuracy
        rate = "" if self.is_extra else rate_text(self.images_per_second, "images")
        in_training = f"{percent(self.train_accuracy)} in training, "
        title = self.title.capitalize()
        if self.is_smaller:  # at several sizes, as a rule
            height, width = self.image_size(largest)
            title = title.replace("smaller images", f"images of {width} x {height} pixels")
        return (
            f"{title}: {accuracy_title} "
            + ("" if self.is_extra else in_training)
            + f"{percent(self.validation_accuracy)} in validation"
            + (f" (balanced {percent(balanced)})" if balanced is not None else "")
            + "".join(f", {name} {value:.4g}" for name, value in self.own_metrics.items())
            + (f", {rate}" if rate else "")
        )

    def facts(self) -> dict[str, float | str]:
        """Return the row as facts for `Progress.advance`; training figures have plain names."""
        facts: dict[str, float | str] = {
            "epoch": self.epoch,
            "loss": self.train_loss,
            "accuracy": self.train_accuracy,
            "validation_loss": self.validation_loss,
            "validation_accuracy": self.validation_accuracy,
        }
        if self.validation_balanced_accuracy is not None:
            facts["validation_balanced_accuracy"] = self.validation_balanced_accuracy
        return facts


def best_epoch(history: list[Epoch]) -> Epoch:
    """Return the row of the highest validation accuracy; ties go to the lower validation loss.

    Where the classes are imbalanced the balanced accuracy decides; otherwise a model that
    ignores a rare class could be the best. Only rows at an image size that the finished
    model may take are compared: the largest, and those scored after training.
    """
    largest = max(row.validation_scale for row in history)
    compared = (row for row in history if row.validation_scale == largest or row.is_smaller)
    return max(compared, key=lambda row: (row.main_accuracy, -row.validation_loss))


def mark_best(history: list[Epoch]) -> list[Epoch]:
    """Return the rows with `is_best` true for the best one alone."""
    best = best_epoch(history)
    return [dataclasses.replace(row, is_best=row is best) for row in history]


def save_history(history: list[Epoch], path: Path) -> None:
    """Write the rows as CSV, atomically."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    names = [field.name for field in dataclasses.fields(Epoch)]
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


def _is_required(field: dataclasses.Field[Any]) -> bool:
    return field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING


def load_history(path: Path) -> list[Epoch]:
    """Read the rows back, exactly as they were saved; earlier versions had fewer columns.

    Raises:
        RunError: The file is missing or is no history.
    """
    parsers: dict[str, Callable[[str], Any]] = {
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
                        field.name: parsers[str(field.type)](row[field.name])
                        for field in dataclasses.fields(Epoch)
                        if field.name in row or _is_required(field)
                    }
                )
                for row in csv.DictReader(file)
            ]
    except (OSError, KeyError, ValueError, TypeError) as error:
        raise RunError(f"{path} is not the history of a run ({first_line(error)}).") from error
