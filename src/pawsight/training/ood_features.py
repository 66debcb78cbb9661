"""Fit a run's detector of photos unlike its training set, on features of the built-in network.

The built-in network is used whatever network was trained: one trained on a few
classes alone keeps what distinguishes these, and little of what other things
look like.
"""

from __future__ import annotations

import numpy as np

from pawsight.data.dataset import Dataset
from pawsight.evaluation.ood_fit import fit_detector
from pawsight.models import builtin
from pawsight.models.description import ModelDescription
from pawsight.models.registry import find_network
from pawsight.progress import Progress
from pawsight.records import IntArray
from pawsight.runs import Run
from pawsight.training.features import FeatureReader

_LEAST_SIDE = 32  # pixels; the built-in network takes no smaller images
_MOST_PHOTOS = 512  # whose features may have to be computed for this alone


def fit_out_of_distribution(run: Run, dataset: Dataset, progress: Progress) -> None:
    """Fit the detector to the training photos of a run and save it beside the model.

    Models of images below 32 pixels a side, those of several labels a photo, for
    which "none of them" is an answer like others, and runs with fewer than two
    training photos that can be read, get none.

    Args:
        run: A run with its model.
        dataset: Its photos at the model's size.
        progress: Receives the number of photos.

    Raises:
        DiskError: The cache or the run folder cannot be written.
    """
    description = ModelDescription.load(run)
    if min(description.image_size) < _LEAST_SIDE or description.labelling.is_multi_label:
        return
    network = find_network(builtin.NAME)
    backbone = network.open_backbone(description.image_size, None, progress)
    reader = FeatureReader(backbone, description.resize)
    catalog = dataset.catalog
    chosen = _sample(catalog.part("train"))
    found = reader.read(catalog, dataset.pixels, chosen, progress)
    if len(found.indices) < 2:
        return
    detector = fit_detector(found.rows, catalog.labels(found.indices))
    detector.save(run.out_of_distribution_path)


def _sample(indices: IntArray) -> IntArray:
    """Return at most `_MOST_PHOTOS` of the indices, ascending; always the same ones."""
    if len(indices) <= _MOST_PHOTOS:
        return indices
    return np.sort(np.random.default_rng(0).choice(indices, _MOST_PHOTOS, replace=False))
