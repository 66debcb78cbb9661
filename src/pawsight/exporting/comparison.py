"""Compare an export with its model on the same photos: agreement and speed."""

from __future__ import annotations

import statistics
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from pawsight.errors import DataError, ModelError
from pawsight.exporting.format import Runner
from pawsight.records import ImageArray, Predictions

# Allows for the other order and other algorithms of other engines; a wrong weight, layout or
# scaling gives 0.01 and more.
TOLERANCE = 1e-3
_TIMED_CALLS = 30
_WARM_UPS = 3


@dataclass(frozen=True, slots=True)
class Exported:
    """An export, and its comparison with the model on photos.

    Attributes:
        path: The folder; its README.md describes how to use the files in it.
        format: The name of the format.
        num_photos: Number of photos that the export and the model were compared on.
        largest_difference: The largest difference of any probability, 0..1.
        agreement: The share of photos with the same predicted class, 0..1.
        size: Size of the folder in bytes.
        seconds_per_photo: Median time of single, decoded photos; on one core, but on all cores
            for the formats that run in TensorFlow (`keras` and `savedmodel`).
        model_seconds_per_photo: The same for the run's model.onnx, measured alternately.
        accuracy: The export's accuracy on these photos.
        model_accuracy: The model's accuracy on these photos.
    """

    path: Path
    format: str
    num_photos: int
    largest_difference: float
    agreement: float
    size: int
    seconds_per_photo: float
    model_seconds_per_photo: float
    accuracy: float
    model_accuracy: float


def accuracy(predictions: Predictions) -> float:
    """Return the share of correctly classified photos; multi-label photos need all labels right.

    Args:
        predictions: Predictions of labelled photos.
    """
    task = predictions.task
    return float(task.is_right(task.decide(predictions.probs), predictions.labels).mean())


def compare(export: Predictions, model: Predictions) -> tuple[float, float]:
    """Compare the predictions of two models for the same photos.

    Returns:
        The largest difference of any probability, and the share of photos with the same predicted
        class (or labels).

    Raises:
        DataError: Photos became unreadable between the two predictions.
    """
    if export.paths != model.paths:
        raise DataError(
            "Photos became unreadable while the export was compared with the model.\nExport again."
        )
    difference = float(np.abs(export.probs - model.probs).max())
    task = model.task
    is_same = task.is_right(task.decide(export.probs), task.decide(model.probs))
    return difference, float(is_same.mean())


def check_difference(difference: float, num_photos: int, name: str) -> None:
    """Refuse an export whose probabilities differ from the model's.

    Args:
        difference: The largest difference of any probability.
        num_photos: Number of compared photos, for the message.
        name: Name of the format, for the message.

    Raises:
        ModelError: A probability differs by more than `TOLERANCE`, or is NaN.
    """
    if not difference <= TOLERANCE:
        raise ModelError(
            f"The {name} export does not compute what the model computes, so it was removed: "
            f"probabilities differ by up to {difference:.2g} on {num_photos} photos, where "
            f"{TOLERANCE:g} is allowed.\nUse another --format, and please report this."
        )


def time_alternately(first: Runner, second: Runner, images: ImageArray) -> tuple[float, float]:
    """Measure the median seconds per photo of two models, called alternately with single photos."""
    times: tuple[list[float], list[float]] = ([], [])
    for number in range(_WARM_UPS + _TIMED_CALLS):
        image = images[number % len(images)][None]
        for run, seconds in zip((first, second), times, strict=True):
            started = time.perf_counter()
            run(image)
            if number >= _WARM_UPS:
                seconds.append(time.perf_counter() - started)
    return statistics.median(times[0]), statistics.median(times[1])
