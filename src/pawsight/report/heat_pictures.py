"""Draw photos with heat maps, which show the regions that an answer depends on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
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
# Red, green, blue and opacity at the lowest and the highest heat; the same as in heat_overlay.js.
_COLD = np.array([6, 10, 40, 0.78])
_HOT = np.array([255, 140, 0, 0.42])


@dataclass(frozen=True, slots=True)
class HeatPicture:
    """A photo and its heat map; both pictures are data: URIs of small JPEGs."""

    path: str
    truth: str
    label: str  # the class that the heat map explains
    probability: float  # of this class
    is_right: bool  # whether the answer is correct
    picture: str = ""
    heat: str = ""  # the pixels that the model receives, under the heat map


def draw_heat_pictures(
    run: Run,
    predictions: Predictions,
    mistakes: Sequence[Mistake | LabelMistake],
    root: Path,
    most: int,
) -> list[HeatPicture]:
    """Draw heat maps of the most confident mistakes and of random correct answers.

    Args:
        run: A run with a finished model.
        predictions: Of one part.
        mistakes: Of the same part, the most confident first.
        root: The folder that the paths are relative to.
        most: The maximal number of mistakes, and of correct answers.

    Returns:
        The mistakes first. Empty if the model cannot be loaded; photos that can no longer be
        read are left out.
    """
    try:
        classifier = Classifier.load(run)
    except PawsightError:
        return []
    chosen = [_of_mistake(mistake) for mistake in mistakes[:most]]
    rng = np.random.default_rng(_SEED)
    answers = predictions.task.decide(predictions.probs)
    right = np.flatnonzero(predictions.task.is_right(answers, predictions.labels))
    truths = predictions.task.texts(predictions.labels, predictions.class_names)
    for index in rng.permutation(right)[:most]:
        best = int(predictions.probs[index].argmax())
        label, probability = predictions.class_names[best], float(predictions.probs[index, best])
        path, truth = predictions.paths[index], truths[index]
        chosen.append(HeatPicture(path, truth, label, probability, is_right=True))
    drawn = (_with_pictures(answer, classifier, root) for answer in chosen)
    return [picture for picture in drawn if picture is not None]


def _of_mistake(mistake: Mistake | LabelMistake) -> HeatPicture:
    label = mistake.label if isinstance(mistake, LabelMistake) else mistake.predicted
    return HeatPicture(
        mistake.path, mistake.truth, label, mistake.probability, False, mistake.picture
    )


def _with_pictures(answer: HeatPicture, classifier: Classifier, root: Path) -> HeatPicture | None:
    """Return an answer with both pictures; None if the photo can no longer be read."""
    path, scale = root / answer.path, classifier.pixel_scale
    try:
        data = read_photo(path)
        pixels = load_pixels(data, classifier.image_size, classifier.resize, True, scale=scale)
    except PhotoError:
        return None
    heat = heat_map(classifier.probs, classifier.class_names, pixels, answer.label)
    picture = answer.picture or draw_thumbnail(path, _SIDE, scale=scale)
    return replace(answer, picture=picture, heat=_overlay(pixels, heat.values))


def _overlay(pixels: ImageArray, values: FloatArray) -> str:
    """Return pixels [H, W, 3] under a heat map [h, w], 0..1, as a data: URI of a JPEG."""
    height, width = pixels.shape[:2]
    small = Image.fromarray(values.astype(np.float32))
    heat = np.asarray(small.resize((width, height), Image.Resampling.BILINEAR))[..., None]
    mixed = _COLD + (_HOT - _COLD) * heat
    colour, opacity = mixed[..., :3], mixed[..., 3:]
    shown = (pixels * (1 - opacity) + colour * opacity).round().astype(np.uint8)
    return data_uri(Image.fromarray(shown), _SIDE)
