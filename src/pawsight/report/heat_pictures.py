"""Photos with their heat maps: which parts the answers depend on, right and wrong ones."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from pawsight.data.decoding.decode import load_pixels
from pawsight.data.decoding.photo_file import read_photo
from pawsight.errors import PawsightError, PhotoError
from pawsight.inference.classifier import Classifier
from pawsight.inference.heat_map import heat_map
from pawsight.records import FloatArray, ImageArray, Predictions
from pawsight.report.gallery import LabelMistake, Mistake
from pawsight.report.thumbnails import data_uri, draw_thumbnail
from pawsight.runs import Run

_SIDE = 224  # pixels of a thumbnail
_SEED = 0
# Red, green, blue and opacity where nothing counts and where most does: as heat_overlay.js.
_COLD = np.array([6, 10, 40, 0.78])
_HOT = np.array([255, 140, 0, 0.42])


@dataclass(frozen=True, slots=True)
class HeatPicture:
    """A photo beside its heat map.

    `picture` and `heat` are data: URIs of small JPEGs; `heat` is of the pixels as the model gets
    them.
    """

    path: str
    truth: str
    label: str  # the class that the heat map is of
    probability: float  # of this class
    is_right: bool
    picture: str
    heat: str


def draw_heat_pictures(
    run: Run,
    predictions: Predictions,
    mistakes: Sequence[Mistake | LabelMistake],
    root: Path,
    most: int,
) -> list[HeatPicture]:
    """Draw heat maps of the surest mistakes and of right answers chosen at random.

    Args:
        run: A run with a finished model.
        predictions: Of one part.
        mistakes: Of the same part, the surest first.
        root: The folder that the paths are relative to.
        most: How many of each kind at most.

    Returns:
        The mistakes first. Empty where the model cannot be loaded; photos that can no longer be
        read are left out.
    """
    try:
        classifier = Classifier.load(run)
    except PawsightError:
        return []
    chosen = [_of_mistake(one) for one in mistakes[:most]]
    rng = np.random.default_rng(_SEED)
    answers = predictions.task.decide(predictions.probs)
    right = np.flatnonzero(predictions.task.is_right(answers, predictions.labels))
    truths = predictions.task.texts(predictions.labels, predictions.class_names)
    for index in rng.permutation(right)[:most]:
        best = int(predictions.probs[index].argmax())
        label, probability = predictions.class_names[best], float(predictions.probs[index, best])
        path, truth = predictions.paths[index], truths[index]
        chosen.append(HeatPicture(path, truth, label, probability, True, "", ""))
    return [drawn for one in chosen if (drawn := _drawn(one, classifier, root)) is not None]


def _of_mistake(one: Mistake | LabelMistake) -> HeatPicture:
    label = one.label if isinstance(one, LabelMistake) else one.predicted
    return HeatPicture(one.path, one.truth, label, one.probability, False, one.picture, "")


def _drawn(one: HeatPicture, classifier: Classifier, root: Path) -> HeatPicture | None:
    path, scale = root / one.path, classifier.pixel_scale
    try:
        data = read_photo(path)
        pixels = load_pixels(data, classifier.image_size, classifier.resize, True, scale=scale)
    except PhotoError:
        return None
    found = heat_map(classifier.probs, classifier.class_names, pixels, one.label)
    return HeatPicture(
        path=one.path,
        truth=one.truth,
        label=one.label,
        probability=one.probability,
        is_right=one.is_right,
        picture=one.picture or draw_thumbnail(path, _SIDE, scale=scale),
        heat=_overlay(pixels, found.values),
    )


def _overlay(pixels: ImageArray, values: FloatArray) -> str:
    """Return pixels [H, W, 3] under a heat map as a data: URI of a JPEG."""
    height, width = pixels.shape[:2]
    small = Image.fromarray(values.astype(np.float32))
    heat = np.asarray(small.resize((width, height), Image.Resampling.BILINEAR))[..., None]
    mixed = _COLD + (_HOT - _COLD) * heat
    colour, opacity = mixed[..., :3], mixed[..., 3:]
    shown = (pixels * (1 - opacity) + colour * opacity).round().astype(np.uint8)
    return data_uri(Image.fromarray(shown), _SIDE)
