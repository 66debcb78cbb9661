"""Accuracy by kind of photo: dark, blurred, small, tall, of one camera, of one value of a column.

The columns are those of the user's table that have no other meaning, such as site or patient.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pawsight.evaluation.intervals import Interval, wilson_interval
from pawsight.records import FloatArray, Photo, Predictions
from pawsight.significance import excess_p_value

MIN_PHOTOS = 10  # photos of a slice, and outside it
SIGNIFICANT = 0.05  # of all slices together
_MAX_VALUES = 20  # of one column
_ELONGATED = 1.2  # ratio of the sides from which a photo is wide or tall


@dataclass(frozen=True, slots=True)
class Slice:
    """Some photos of a part that have something in common, and how many were right."""

    title: str  # what they have in common
    num_photos: int  # at least `MIN_PHOTOS`
    num_correct: int  # those that the model was right on
    interval: Interval  # 95 % interval of the accuracy
    rest_accuracy: float  # of all other photos of the part, 0..1
    # How often chance alone makes as many mistakes in such a slice, times the number of slices, at
    # most 1.
    p_value: float

    @property
    def accuracy(self) -> float:
        """Share of its photos that the model was right on."""
        return self.num_correct / self.num_photos

    @property
    def is_worse(self) -> bool:
        """Whether more of its photos are wrong than chance explains."""
        return self.p_value < SIGNIFICANT


def slices(predictions: Predictions, photos: Mapping[str, Photo]) -> list[Slice]:
    """Divide the photos of a part by what their files show, the lowest accuracy first.

    Args:
        predictions: Of the part.
        photos: By their paths; others may be among them.

    Returns:
        Slices of `MIN_PHOTOS` photos or more; thirds of the part by brightness, sharpness and
        number of pixels, the photos that are wide or tall, those of each camera, and those of
        each value of a column of the user's table, or its thirds where it is of numbers.
    """
    some = [photos[path] for path in predictions.paths if path in photos]
    if len(some) < max(len(predictions.paths), 2 * MIN_PHOTOS):
        return []
    facts = np.array(
        [(p.brightness, p.sharpness / max(p.contrast, 1.0), p.width, p.height) for p in some],
        np.float64,
    )
    brightness, sharpness, width, height = facts.T
    ratio = width / np.maximum(height, 1.0)
    masks = {
        **_thirds(brightness, "the darkest third", "the brightest third"),
        **_thirds(sharpness, "the least sharp third", "the sharpest third"),
        **_thirds(
            width * height, "the third with the fewest pixels", "the third with the most pixels"
        ),
        "wide photos": ratio > _ELONGATED,
        "tall photos": ratio < 1 / _ELONGATED,
        **_of_texts("camera", [photo.camera for photo in some]),
        **_of_columns(some),
    }
    decided = predictions.task.decide(predictions.probs)
    is_right = predictions.task.is_right(decided, predictions.labels)
    kept = {title: mask for title, mask in masks.items() if _is_enough(mask)}
    measured = [_measure(title, mask, is_right, len(kept)) for title, mask in kept.items()]
    return sorted(measured, key=lambda one: (one.accuracy, one.title))


def _thirds(values: FloatArray, low: str, high: str) -> dict[str, NDArray[np.bool_]]:
    """Return the lowest and the highest third; ties belong to neither."""
    first, second = np.quantile(values, [1 / 3, 2 / 3]) if len(values) else (0.0, 0.0)
    return {low: values < first, high: values > second}


def _of_columns(photos: Sequence[Photo]) -> dict[str, NDArray[np.bool_]]:
    """Return the photos of each value of each column of the user's table."""
    rows: list[dict[str, str]] = [json.loads(photo.columns or "{}") for photo in photos]
    headings = dict.fromkeys(heading for row in rows for heading in row)
    masks: dict[str, NDArray[np.bool_]] = {}
    for heading in headings:
        texts = [row.get(heading, "") for row in rows]
        numbers = _numbers(texts)
        if numbers is not None and len(set(texts)) > _MAX_VALUES:
            masks |= _thirds(
                numbers,
                f"the third with the lowest {heading}",
                f"the third with the highest {heading}",
            )
        else:
            masks |= _of_texts(heading, texts)
    return masks


def _of_texts(name: str, texts: Sequence[str]) -> dict[str, NDArray[np.bool_]]:
    """Return the photos of each frequent text, where the photos have several texts."""
    values = np.array(texts, dtype=np.object_)
    common = Counter(filter(None, texts)).most_common(_MAX_VALUES)
    return {f"{name}: {text}": values == text for text, count in common if count < len(texts)}


def _numbers(texts: Sequence[str]) -> FloatArray | None:
    """Return texts as numbers; None where one is no number."""
    try:
        numbers = np.array([float(text) for text in texts])
    except ValueError:
        return None
    return numbers if np.isfinite(numbers).all() else None


def _is_enough(mask: NDArray[np.bool_]) -> bool:
    return bool(min(mask.sum(), (~mask).sum()) >= MIN_PHOTOS)


def _measure(
    title: str, mask: NDArray[np.bool_], is_right: NDArray[np.bool_], num_slices: int
) -> Slice:
    inside, outside = is_right[mask], is_right[~mask]
    num_correct = int(inside.sum())
    p_value = excess_p_value(
        *(int((~outside).sum()), len(outside)), *(int((~inside).sum()), len(inside))
    )
    return Slice(
        title=title,
        num_photos=len(inside),
        num_correct=num_correct,
        interval=wilson_interval(num_correct, len(inside)),
        rest_accuracy=float(outside.mean()),
        p_value=min(1.0, num_slices * p_value),
    )
