"""Decide whether a model averages the logits of each photo and of its mirror image.

A network that was trained on photos and their mirror images computes slightly different logits for
both. The mean usually has a lower log loss, but inference takes twice as long, so it becomes the
model only if validation shows a gain. The comparison runs the exported file, without TensorFlow.
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
from pawsight.training.average_choice import MirrorChoice
from pawsight.training.ood_features import sample_photos
from pawsight.training.paired_scores import (
    accuracy_title,
    is_less_accurate,
    is_lower_loss,
    scores_of,
    temperature_of,
)
from pawsight.training.plan import Plan

_MAX_PHOTOS = 1000  # of the validation part, for the comparison
# The least gain that is worth twice the inference time, as a share of the log loss.
_MIN_GAIN = 0.02
# The gain must exceed this many standard errors. The mean is rarely worse, so a stricter test on a
# sample would mostly reject real gains: benchmarks/auto/LOG.md.
_CRITICAL = 1.0
# In a shorter budget, the comparison and the slower evaluation would take too much training time.
_MIN_MINUTES = 3.0
_BATCH_SIZE = 64


def is_considered(config: TrainConfig, network: Network, plan: Plan) -> bool:
    """Return whether a run compares its network with the mean over mirror images.

    Args:
        config: The settings.
        network: The network that is trained.
        plan: Its plan. The comparison needs an augmentation that flips photos at random, since
            otherwise a mirror image may show something else.
    """
    is_long = plan.minutes is None or plan.minutes >= _MIN_MINUTES
    is_flipped = plan.augment.horizontal_flip
    is_allowed = config.average_mirrored == "auto" and network.can_mirror
    return is_allowed and is_flipped and is_long


def num_evaluated(config: TrainConfig, network: Network, plan: Plan, catalog: Catalog) -> int:
    """Return the number of images that the exported model processes at the end of a run."""
    num_validation = len(catalog.part("validation"))
    count = num_validation + len(catalog.part("test"))
    if not is_considered(config, network, plan):
        return count
    return 2 * count + 2 * min(num_validation, _MAX_PHOTOS)


def compare_mirrored(
    logits_of: Callable[[ImageArray], FloatArray], dataset: Dataset, progress: Progress
) -> MirrorChoice:
    """Compare a network with the mean over mirror images on a sample of the validation photos.

    Args:
        logits_of: Computes logits [N, K] of images, uint8 [N, H, W, 3].
        dataset: The photos at the image size of the network; lost photos are left out.
        progress: Receives the number of photos.

    Returns:
        The comparison, with the decision.

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
    is_readable = ~is_lost(pixels, indices)
    plain, flipped = (np.concatenate(batches)[is_readable] for batches in zip(*rows, strict=True))
    return choose(plain, (plain + flipped) / 2, catalog.labels(indices)[is_readable], catalog.task)


def choose(plain: FloatArray, mirrored: FloatArray, labels: IntArray, task: Task) -> MirrorChoice:
    """Choose between a network and the mean over mirror images.

    Args:
        plain: Logits of the network, shape [N, K].
        mirrored: Means of the logits of the same photos and their mirror images, shape [N, K].
        labels: The true class indices, shape [N]; with several labels 0 or 1, shape [N, K].
        task: Whether photos have one class or several labels.
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
