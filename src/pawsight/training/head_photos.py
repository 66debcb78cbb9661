"""Choose the photos that a linear head is fitted to before fine-tuning.

Measurements behind the limits: benchmarks/auto/LOG.md.
"""

from __future__ import annotations

import math
import time

import numpy as np

from pawsight.data.catalog import Catalog
from pawsight.data.dataset import Dataset
from pawsight.machine import elapsed_seconds
from pawsight.records import IntArray
from pawsight.training.features import FeatureReader
from pawsight.training.time_budget import TimeBudget

# Photos that the head is fitted to at first.
FIRST = 2000
# From this validation accuracy on, more photos for the head gain more than short fine-tuning: 0.3
# points on cats and dogs, where 200 steps lost 4. On flowers, at 70 %, 100 steps gained 4.
_MIN_ACCURACY = 0.95
# Seconds after training, besides inference on photos.
FINISH_SECONDS = 19.0
# Share of the remaining time for features: the rate varies, and fitting the head takes time, too.
_SHARE = 0.85
_MEASURED_PHOTOS = 48


def choose(catalog: Catalog, most: int, seed: int) -> IntArray:
    """Return all training photos, or a random, stratified sample of about `most`.

    The sample has at least two photos of each class that has two.

    Returns:
        Catalog indices, ascending.
    """
    indices = catalog.part("train")
    labels = catalog.task.strata(catalog.labels(indices))
    rng = np.random.default_rng(seed)
    kept = []
    for label in np.unique(labels):
        members = indices[labels == label]
        count = min(len(members), max(2, round(len(members) * most / len(indices))))
        kept.append(rng.choice(members, count, replace=False))
    return np.sort(np.concatenate(kept))


def num_affordable(
    dataset: Dataset, reader: FeatureReader, accuracy: float, budget: TimeBudget
) -> int:
    """Return the number of training photos that there is time to fit the head to, at least `FIRST`.

    Args:
        dataset: The photos.
        reader: Extracts their features; its rate is measured on a few photos.
        accuracy: Validation accuracy, 0..1, of the head that was fitted to `FIRST` photos.
        budget: The remaining time.
    """
    catalog = dataset.catalog
    num_train = len(catalog.part("train"))
    if num_train <= FIRST or accuracy < _MIN_ACCURACY:
        return FIRST
    if math.isinf(budget.left_seconds):
        return num_train
    photo_seconds = _photo_seconds(dataset, reader)
    num_evaluated = len(catalog.part("validation")) + len(catalog.part("test"))
    left = budget.left_seconds - FINISH_SECONDS - num_evaluated * photo_seconds
    return min(num_train, FIRST + max(0, int(_SHARE * left / photo_seconds)))


def _photo_seconds(dataset: Dataset, reader: FeatureReader) -> float:
    """Measure the seconds for reading one photo and extracting its features."""
    sample = dataset.catalog.part("train")[:_MEASURED_PHOTOS]
    began = time.perf_counter()
    reader.compute(dataset.pixels.read(sample))
    return elapsed_seconds(began) / len(sample)
