"""Test whether photos as a whole differ from the photos that a model was validated on.

Error rates and probabilities were measured on validation photos; they hold for
photos like these. Each photo has two numbers that any change of the photos moves:
its distance from the training set and the probability of its label. Both are
compared with those of the validation photos, among photos of the same predicted
class, so that another mix of classes is no difference. A third test counts the
photos that are unlike all training photos. The smallest of the three p-values
counts, times three.

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
MIN_PHOTOS = 30  # tested at a time, and needed as a reference
_MAX_PHOTOS = 2000  # kept of those tested, chosen at random
_NUM_TESTS = 3
_DIGITS = 5  # after the point, of what is compared


@dataclass(frozen=True, slots=True)
class DriftTest:
    """The result of a test."""

    num_photos: int  # photos that were tested, at least `MIN_PHOTOS`
    # How often photos of the same kind as the validation photos would differ at least as much,
    # 0..1.
    p_value: float

    @property
    def has_drifted(self) -> bool:
        """Whether they differ; wrongly so for one of 100 sets of photos of the same kind."""
        return self.p_value < FALSE_ALARM_RATE

    def sentence(self) -> str:
        """Describe a difference in one sentence."""
        return (
            f"{counted(self.num_photos, 'photo')} as a whole differ from those that the model was "
            f"validated on (p = {self.p_value:.1g}): its error rates and probabilities may not "
            f"hold for them."
        )


@dataclass(frozen=True, slots=True, eq=False)
class DriftReference:
    """Predictions of validation photos."""

    classes: FloatArray  # predicted class indices, shape [N]
    probabilities: FloatArray  # of the predicted class, shape [N], 0..1
    # Distances from the training set, shape [N]; above 1 a photo is unlike it.
    ood_scores: FloatArray

    def test(self, sample: FloatArray) -> DriftTest | None:
        """Compare photos with the validation photos.

        Args:
            sample: Class index, probability and ood score of each photo, shape [M, 3].

        Returns:
            None for fewer than `MIN_PHOTOS`.
        """
        if min(len(sample), len(self.classes)) < MIN_PHOTOS:
            return None
        classes, probabilities, scores = sample.T
        # Equal values stay equal: the reference is kept in float32, and batches round differently.
        pairs = [
            (own.round(_DIGITS), new.round(_DIGITS))
            for own, new in ((self.probabilities, probabilities), (self.ood_scores, scores))
        ]
        p_values = [
            *(rank_sum_p_value(self.classes, own, classes, new) for own, new in pairs),
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
        """Read what `save` wrote; holds numbers only, never code.

        Raises:
            RunError: The file is missing or damaged.
        """
        with opened_npz(path) as found:
            arrays = [
                np.asarray(found[name], np.float64)
                for name in ("classes", "probabilities", "ood_scores")
            ]
            if len({array.shape for array in arrays}) > 1 or arrays[0].ndim != 1:
                raise ValueError("arrays disagree in shape")
            if not all(np.isfinite(array).all() for array in arrays):
                raise ValueError("a number is not finite")
        return cls(*arrays)


class DriftMonitor:
    """Collects predictions, at most 2,000 of them chosen at random, and tests them.

    Args:
        reference: Of the model; None collects nothing.
        class_names: Of the model.
    """

    def __init__(self, reference: DriftReference | None, class_names: Iterable[str]) -> None:
        self._reference = reference
        self._indices = {name: i for i, name in enumerate(class_names)}
        self._random = random.Random(0)
        self._rows: list[tuple[float, float, float]] = []
        self._num_seen = 0

    @property
    def num_photos(self) -> int:
        """How many photos were added."""
        return self._num_seen

    def add(self, prediction: Prediction) -> None:
        """Add a photo; one that could not be read, or was not scored, is left out."""
        if self._reference is None or prediction.error or prediction.ood_score is None:
            return
        index = self._indices[prediction.label]
        row = (float(index), prediction.probability, prediction.ood_score)
        self._num_seen += 1
        if len(self._rows) < _MAX_PHOTOS:
            self._rows.append(row)
        elif (place := self._random.randrange(self._num_seen)) < _MAX_PHOTOS:
            self._rows[place] = row

    def watch(self, predictions: Iterable[Prediction]) -> Iterator[Prediction]:
        """Yield predictions as they come, and add each."""
        for prediction in predictions:
            self.add(prediction)
            yield prediction

    def result(self) -> DriftTest | None:
        """Return the test of the photos so far; None where it cannot be made."""
        if self._reference is None or not self._rows:
            return None
        found = self._reference.test(np.array(self._rows, np.float64))
        return found and replace(found, num_photos=self._num_seen)
