"""Measure the accuracy by kind of photo: dark, blurred, small, tall, by camera, by column value.

Columns are those of the user's table that have no other meaning, such as site or patient.
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

MIN_PHOTOS = 10  # in a slice, and outside it
SIGNIFICANT = 0.05  # for all slices together
_MAX_VALUES = 20  # of a column that are compared
_ELONGATED = 1.2  # ratio of the sides from which a photo is wide or tall


@dataclass(frozen=True, slots=True)
class Slice:
    """Photos of a part that have something in common, and how many are classified correctly."""

    title: str  # what the photos have in common
    num_photos: int  # at least `MIN_PHOTOS`
    num_correct: int  # photos that are classified correctly
    interval: Interval  # 95 % interval of the accuracy
    rest_accuracy: float  # of all other photos of the part, 0..1
    # Probability of as many mistakes in the slice by chance, times the number of slices, at most 1.
    p_value: float

    @property
    def accuracy(self) -> float:
        """Share of the photos that are classified correctly, 0..1."""
        return self.num_correct / self.num_photos

    @property
    def is_worse(self) -> bool:
        """Whether significantly more photos are wrong than in the rest of the part."""
        return self.p_value < SIGNIFICANT


def slices(predictions: Predictions, photos: Mapping[str, Photo]) -> list[Slice]:
    """Measure the accuracy on slices of a part.

    Args:
        predictions: Of the part.
        photos: The photos of the part by their paths; may contain other photos.

    Returns:
        Slices with `MIN_PHOTOS` photos or more, the lowest accuracy first: thirds by
        brightness, sharpness and number of pixels, wide and tall photos, the photos of each
        camera, and of each value of a column of the user's table, or thirds of a numeric
        column. Empty if a photo of the part is not in `photos`.
    """
    part_photos = [photos[path] for path in predictions.paths if path in photos]
    if len(part_photos) < max(len(predictions.paths), 2 * MIN_PHOTOS):
        return []
    facts = np.array(
        [
            (p.brightness, p.sharpness / max(p.contrast, 1.0), p.width, p.height)
            for p in part_photos
        ],
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
        **_of_texts("camera", [photo.camera for photo in part_photos]),
        **_of_columns(part_photos),
    }
    decided = predictions.task.decide(predictions.probs)
    is_right = predictions.task.is_right(decided, predictions.labels)
    masks = {
        title: mask for title, mask in masks.items() if min(mask.sum(), (~mask).sum()) >= MIN_PHOTOS
    }
    measured = [_measure(title, mask, is_right, len(masks)) for title, mask in masks.items()]
    return sorted(measured, key=lambda part_slice: (part_slice.accuracy, part_slice.title))


def _thirds(values: FloatArray, low: str, high: str) -> dict[str, NDArray[np.bool_]]:
    """Return masks of the lowest and the highest third, by title; ties belong to neither."""
    first, second = np.quantile(values, [1 / 3, 2 / 3])
    return {low: values < first, high: values > second}


def _of_columns(photos: Sequence[Photo]) -> dict[str, NDArray[np.bool_]]:
    """Return masks of the slices by the columns of the user's table, by title."""
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
    """Return a mask of each frequent text that not all photos have, by title."""
    values = np.array(texts, dtype=np.object_)
    common = Counter(filter(None, texts)).most_common(_MAX_VALUES)
    return {f"{name}: {text}": values == text for text, count in common if count < len(texts)}


def _numbers(texts: Sequence[str]) -> FloatArray | None:
    """Return texts as numbers; None if any of them is no finite number."""
    try:
        numbers = np.array([float(text) for text in texts])
    except ValueError:
        return None
    return numbers if np.isfinite(numbers).all() else None


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
