"""Test whether photos as a whole differ from the photos that a model was validated on.

Error rates and probabilities were measured on validation photos, and hold for similar
photos. Two numbers of each photo change with any kind of drift: its distance from the
training set, and the probability of its label. Both are compared with those of the
validation photos of the same predicted class, so that other proportions of the classes
are not a difference. A third test counts the photos that are out of distribution. The
result is the smallest of the three p-values, multiplied by three.

Sources: arXiv:1810.11953 (univariate tests of a classifier's outputs, Bonferroni);
van Elteren 1960, "On the combination of independent two sample tests of Wilcoxon".
Needs NumPy only.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from pawsight.formatting import counted
from pawsight.records import FloatArray, Prediction
from pawsight.significance import excess_p_value, rank_sum_p_value
from pawsight.storage.npz import opened_npz, save_npz

FALSE_ALARM_RATE = 0.01
MIN_PHOTOS = 30  # for a test, and for a reference
_MAX_PHOTOS = 2000  # random sample of the tested photos
_NUM_TESTS = 3
_DIGITS = 5  # decimal places of the compared numbers


@dataclass(frozen=True, slots=True)
class DriftTest:
    """The result of a test."""

    num_photos: int  # photos that were tested, at least `MIN_PHOTOS`
    # Probability, 0..1, that photos from the distribution of the validation photos differ as much.
    p_value: float

    @property
    def has_drifted(self) -> bool:
        """Whether the photos differ, with a false alarm rate of `FALSE_ALARM_RATE`."""
        return self.p_value < FALSE_ALARM_RATE

    def sentence(self) -> str:
        """Return a sentence on the difference."""
        return (
            f"{counted(self.num_photos, 'photo')} as a whole differ from the photos that the model "
            f"was validated on (p = {self.p_value:.1g}): its error rates and probabilities may not "
            f"hold for them."
        )


@dataclass(frozen=True, slots=True, eq=False)
class DriftReference:
    """Predictions of validation photos."""

    classes: FloatArray  # predicted class indices, shape [N]
    probabilities: FloatArray  # of the predicted class, shape [N], 0..1
    # Out-of-distribution scores, shape [N]; above 1 a photo is out of distribution.
    ood_scores: FloatArray

    def test(self, sample: FloatArray) -> DriftTest | None:
        """Compare photos with the validation photos.

        Args:
            sample: Class index, probability and out-of-distribution score of each photo, shape
                [M, 3].

        Returns:
            The result; None if the sample or the reference has fewer than `MIN_PHOTOS` photos.
        """
        if min(len(sample), len(self.classes)) < MIN_PHOTOS:
            return None
        classes, probabilities, scores = sample.T
        # Rounded, so that equal photos have equal values: the reference is stored in float32, and
        # results depend slightly on the batch.
        pairs = [
            (reference.round(_DIGITS), new.round(_DIGITS))
            for reference, new in ((self.probabilities, probabilities), (self.ood_scores, scores))
        ]
        p_values = [
            *(rank_sum_p_value(self.classes, reference, classes, new) for reference, new in pairs),
            excess_p_value(
                *(int((self.ood_scores > 1).sum()), len(self.ood_scores)),
                *(int((scores > 1).sum()), len(scores)),
            ),
        ]
        return DriftTest(len(sample), min(1.0, _NUM_TESTS * min(p_values)))

    def save(self, path: Path) -> None:
        """Write the predictions as NumPy arrays, whole or not at all; raises DiskError."""
        save_npz(
            path,
            classes=self.classes.astype(np.int32),
            probabilities=self.probabilities.astype(np.float32),
            ood_scores=self.ood_scores.astype(np.float32),
        )

    @classmethod
    def load(cls, path: Path) -> DriftReference:
        """Read the file that `save` wrote, which has only numbers, never code.

        Raises:
            RunError: The file is missing or damaged.
        """
        with opened_npz(path) as file:
            arrays = [
                np.asarray(file[name], np.float64)
                for name in ("classes", "probabilities", "ood_scores")
            ]
            if len({array.shape for array in arrays}) > 1 or arrays[0].ndim != 1:
                raise ValueError("arrays disagree in shape")
            if not all(np.isfinite(array).all() for array in arrays):
                raise ValueError("a number is not finite")
        return cls(*arrays)


class DriftMonitor:
    """Collects a random sample of at most 2,000 predictions, and tests them.

    Args:
        reference: The model's reference; None collects nothing.
        class_names: The model's class names, length K.
    """

    def __init__(self, reference: DriftReference | None, class_names: Iterable[str]) -> None:
        self._reference = reference
        self._indices = {name: i for i, name in enumerate(class_names)}
        self._random = random.Random(0)
        self._rows: list[tuple[float, float, float]] = []
        self._num_seen = 0

    @property
    def num_photos(self) -> int:
        """Number of photos that were added."""
        return self._num_seen

    def add(self, prediction: Prediction) -> None:
        """Add a prediction; photos that were not read, or have no score, are ignored."""
        if self._reference is None or prediction.error or prediction.ood_score is None:
            return
        index = self._indices[prediction.label]
        row = (float(index), prediction.probability, prediction.ood_score)
        self._num_seen += 1
        if len(self._rows) < _MAX_PHOTOS:
            self._rows.append(row)
        elif (position := self._random.randrange(self._num_seen)) < _MAX_PHOTOS:
            self._rows[position] = row  # reservoir sampling

    def watch(self, predictions: Iterable[Prediction]) -> Iterator[Prediction]:
        """Yield predictions unchanged, and add each."""
        for prediction in predictions:
            self.add(prediction)
            yield prediction

    def result(self) -> DriftTest | None:
        """Return the test of the photos so far; None if there are too few photos."""
        if self._reference is None or not self._rows:
            return None
        result = self._reference.test(np.array(self._rows, np.float64))
        return result and replace(result, num_photos=self._num_seen)
