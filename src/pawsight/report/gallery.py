"""Collect the most confident mistakes of a model, with thumbnails for the report."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from pawsight.data.pixel_scale import PixelScale
from pawsight.records import Predictions
from pawsight.report.thumbnails import draw_thumbnail

_THUMBNAIL_SIDE = 224  # pixels; it is shown at about 160, and sharper on high-resolution screens


@dataclass(frozen=True, slots=True)
class Mistake:
    """A wrongly classified photo."""

    path: str
    truth: str  # the true class
    predicted: str
    probability: float  # of the predicted class
    truth_probability: float  # of the true class
    picture: str  # data: URI of a small JPEG, or "" if the photo can no longer be read


@dataclass(frozen=True, slots=True)
class LabelMistake:
    """A wrong decision on a label of a photo with several labels."""

    path: str
    truth: str  # all true labels of the photo
    label: str  # the label with the wrong decision
    is_missed: bool  # whether a true label was not predicted; else, a wrong label was predicted
    probability: float  # of the label
    picture: str  # as in `Mistake`


def most_confident_label_mistakes(
    predictions: Predictions, root: Path, most: int, scale: PixelScale
) -> list[LabelMistake]:
    """Return the wrong decisions on each label whose probabilities are farthest from the truth.

    Args:
        predictions: Of one part.
        root: The folder that the paths are relative to.
        most: The maximal number of mistakes. Each label has the same number of them; of too
            many labels, those with the most mistakes are taken.
        scale: Scales values of more than 8 bits to 0..255.

    Returns:
        The mistakes by label, the most confident first.
    """
    probs, labels, names = predictions.probs, predictions.labels, predictions.class_names
    is_wrong = predictions.task.decide(probs) != labels
    error = np.where(is_wrong, np.abs(labels - probs), -1.0)
    counts = is_wrong.sum(axis=0)
    chosen = [k for k in np.argsort(-counts, kind="stable") if counts[k]][:most]
    truths = predictions.task.texts(labels, names)
    mistakes = []
    for k in sorted(chosen):
        most_of_label = min(max(1, most // len(chosen)), int(counts[k]))
        for i in np.argsort(-error[:, k], kind="stable")[:most_of_label]:
            path = root / predictions.paths[i]
            mistakes.append(
                LabelMistake(
                    path=predictions.paths[i],
                    truth=truths[i],
                    label=names[k],
                    is_missed=bool(labels[i, k]),
                    probability=float(probs[i, k]),
                    picture=draw_thumbnail(path, _THUMBNAIL_SIDE, scale=scale),
                )
            )
    return mistakes


def most_confident_mistakes(
    predictions: Predictions, root: Path, most: int, scale: PixelScale
) -> list[Mistake]:
    """Return the wrong answers, the most confident first.

    Args:
        predictions: Of one part.
        root: The folder that the paths are relative to.
        most: The maximal number of mistakes.
        scale: Scales values of more than 8 bits to 0..255.
    """
    predicted = predictions.probs.argmax(axis=1)
    rows = np.arange(len(predictions.paths))
    true_probs = predictions.probs[rows, predictions.labels]
    wrong = rows[predicted != predictions.labels]
    predicted_probs = predictions.probs[rows, predicted]
    worst = wrong[np.lexsort((true_probs[wrong], -predicted_probs[wrong]))][:most]
    return [
        Mistake(
            path=predictions.paths[i],
            truth=predictions.class_names[predictions.labels[i]],
            predicted=predictions.class_names[predicted[i]],
            probability=float(predicted_probs[i]),
            truth_probability=float(true_probs[i]),
            picture=draw_thumbnail(root / predictions.paths[i], _THUMBNAIL_SIDE, scale=scale),
        )
        for i in worst
    ]
