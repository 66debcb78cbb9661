"""The mistakes that a model was surest of, small enough to travel inside the report."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from pawsight.data.pixel_scale import PixelScale
from pawsight.records import Predictions
from pawsight.report.thumbnails import draw_thumbnail

_THUMBNAIL_SIDE = 224  # pixels; shown at about 160, sharper screens use the rest


@dataclass(frozen=True, slots=True)
class Mistake:
    """A wrongly classified photo.

    `picture` is a data: URI of a small JPEG, or "" where the photo is no
    longer there or can no longer be read.
    """

    path: str
    truth: str
    predicted: str
    probability: float  # of the predicted class
    truth_probability: float
    picture: str


@dataclass(frozen=True, slots=True)
class LabelMistake:
    """A photo with one wrong label of several; `picture` as of `Mistake`."""

    path: str
    truth: str  # all labels that it has
    label: str  # the wrong one
    is_missed: bool  # it has the label, and is not given it; else it is given it without having it
    probability: float  # of the label
    picture: str


def most_confident_label_mistakes(
    predictions: Predictions, root: Path, most: int, scale: PixelScale
) -> list[LabelMistake]:
    """Return wrong labels: of each label those photos whose probability is furthest off.

    Args:
        predictions: Of one part.
        root: The folder that the paths are relative to.
        most: How many to return at most; each label gets the same number, those with the most
            mistakes first where there are more labels.
        scale: How values of more than 8 bits become pixels.
    """
    probs, labels, names = predictions.probs, predictions.labels, predictions.class_names
    is_wrong = predictions.task.decide(probs) != labels
    off = np.where(is_wrong, np.abs(labels - probs), -1.0)
    counts = is_wrong.sum(axis=0)
    chosen = [k for k in np.argsort(-counts, kind="stable") if counts[k]][:most]
    truths = predictions.task.texts(labels, names)
    mistakes = []
    for k in sorted(chosen):
        share = max(1, most // len(chosen))
        for i in np.argsort(-off[:, k], kind="stable")[: min(share, int(counts[k]))]:
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
    """Return the wrong answers, those first that the model was surest of.

    Args:
        predictions: Of one part.
        root: The folder that the paths are relative to.
        most: How many to return at most.
        scale: How values of more than 8 bits become pixels.
    """
    guesses = predictions.probs.argmax(axis=1)
    rows = np.arange(len(predictions.paths))
    true_probs = predictions.probs[rows, predictions.labels]
    wrong = rows[guesses != predictions.labels]
    guessed_probs = predictions.probs[rows, guesses]
    worst = wrong[np.lexsort((true_probs[wrong], -guessed_probs[wrong]))][:most]
    return [
        Mistake(
            path=predictions.paths[i],
            truth=predictions.class_names[predictions.labels[i]],
            predicted=predictions.class_names[guesses[i]],
            probability=float(guessed_probs[i]),
            truth_probability=float(true_probs[i]),
            picture=draw_thumbnail(root / predictions.paths[i], _THUMBNAIL_SIDE, scale=scale),
        )
        for i in worst
    ]
