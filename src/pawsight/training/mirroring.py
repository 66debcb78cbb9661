"""Decide whether a model averages the logits of each photo and of its mirror image.

Networks that learnt from photos and their mirror images give slightly different logits for both;
the mean has a lower log loss, and inference takes twice as long. So it becomes the model only where
validation shows a gain. Needs no TensorFlow: the exported file is what is compared.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from pawsight.config import TrainConfig
from pawsight.data.catalog import Catalog
from pawsight.data.dataset import Dataset
from pawsight.data.reading.stream import is_lost
from pawsight.models.network import Network
from pawsight.progress import Progress
from pawsight.records import FloatArray, ImageArray, IntArray
from pawsight.task import Task
from pawsight.training.mirror_choice import MirrorChoice
from pawsight.training.ood_features import sample_photos
from pawsight.training.paired_scores import (
    accuracy_title,
    is_less_accurate,
    is_lower_loss,
    scores_of,
    temperature_of,
)
from pawsight.training.plan import Plan

_MAX_PHOTOS = 1000  # that are compared
# Twice the time for a photo is worth a log loss that is lower by this share, at least.
_MIN_GAIN = 0.02
# ... and by more than its standard error. A mean of two logits is hardly ever worse, so a stricter
# test would mostly leave out gains that a sample of photos does not prove.
_CRITICAL = 1.0
# Comparing and evaluating twice as long takes too much of a shorter budget.
_MIN_MINUTES = 3.0
_BATCH_SIZE = 64


def is_considered(config: TrainConfig, network: Network, plan: Plan) -> bool:
    """Return whether a run compares its model with the average, so that its budget covers that.

    Args:
        config: The settings.
        network: What is trained.
        plan: Its plan; mirror images are equivalent only if training flips photos at random.
    """
    is_long = plan.minutes is None or plan.minutes >= _MIN_MINUTES
    is_flipped = plan.augment.horizontal_flip
    is_allowed = config.average_mirrored == "auto" and network.can_mirror
    return is_allowed and is_flipped and is_long


def num_evaluated(config: TrainConfig, network: Network, plan: Plan, catalog: Catalog) -> int:
    """Return how many images the exported model runs on at the end of a run, for its budget."""
    num_validation = len(catalog.part("validation"))
    count = num_validation + len(catalog.part("test"))
    if not is_considered(config, network, plan):
        return count
    return 2 * count + 2 * min(num_validation, _MAX_PHOTOS)


def compare_mirrored(
    logits_of: Callable[[ImageArray], FloatArray], dataset: Dataset, progress: Progress
) -> MirrorChoice:
    """Compare a model with the average on a sample of the validation photos.

    Args:
        logits_of: Runs the model on images, uint8 [N, H, W, 3]: logits [N, K].
        dataset: Its photos at the model's size; lost photos are left out.
        progress: Receives the number of photos.

    Raises:
        DiskError: The pixels are gone.
        RunError: The model failed.
    """
    catalog, pixels = dataset.catalog, dataset.pixels
    indices = sample_photos(catalog.part("validation"), _MAX_PHOTOS)
    progress.start("Comparing with mirror images averaged in", len(indices), "photos")
    rows = []
    for start in range(0, len(indices), _BATCH_SIZE):
        images = pixels.read(indices[start : start + _BATCH_SIZE])
        rows.append((logits_of(images), logits_of(np.ascontiguousarray(images[:, :, ::-1]))))
        progress.advance(len(images))
    is_there = ~is_lost(pixels, indices)
    plain, flipped = (np.concatenate(batches)[is_there] for batches in zip(*rows, strict=True))
    return choose(plain, (plain + flipped) / 2, catalog.labels(indices)[is_there], catalog.task)


def choose(plain: FloatArray, mirrored: FloatArray, labels: IntArray, task: Task) -> MirrorChoice:
    """Choose between a model and the average, by logits of the same photos.

    Args:
        plain: Logits of the model, shape [N, K].
        mirrored: The means of the logits of photos and mirror images, shape [N, K].
        labels: The true labels, shape [N].
        task: One class or several labels a photo.
    """
    plain, mirrored = (each / temperature_of(each, labels, task) for each in (plain, mirrored))
    before, after = scores_of(plain, labels, task), scores_of(mirrored, labels, task)
    return MirrorChoice(
        plain=before,
        mirrored=after,
        num_photos=len(labels),
        accuracy_title=accuracy_title(labels, task),
        is_kept=after.log_loss <= (1 - _MIN_GAIN) * before.log_loss
        and is_lower_loss(plain, mirrored, labels, task, _CRITICAL)
        and not is_less_accurate(plain, mirrored, labels, task),
    )
