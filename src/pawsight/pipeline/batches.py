"""Batches for training and evaluation, as tf.data datasets that hold no state.

Training is one endless stream of positions: position p is photo
`order(p // n)[p % n]`, where n is the number of photos and order(e) a
permutation drawn from (seed, e). Step k takes positions k*B .. k*B+B-1 and
augments them with parameters drawn from (seed, k). So every batch is full, each
epoch shows each photo once, and a resumed run starts at its step with nothing
to restore.

A lost photo (`Pixels.lost`) is grey and must not be trained on: another photo of
its batch replaces it, and its label is LOST.
"""

from __future__ import annotations

import functools
import itertools
from collections.abc import Callable, Sequence

import numpy as np
import tensorflow as tf

from pawsight.data.reading.stream import is_lost
from pawsight.errors import DataError, ShapeError
from pawsight.pipeline.augment import Augment, resized
from pawsight.pipeline.augment_schedule import Schedule, ScheduledAugment
from pawsight.pipeline.batch_part import WHOLE, BatchPart
from pawsight.records import ImageArray, IntArray, Pixels

# Batches made ahead of the training step. Two cover an uneven step; more only cost memory.
_AHEAD = 2
LOST = -1  # the label of a photo with no weight in the loss


def training_batches(
    pixels: Pixels,
    indices: IntArray,
    labels: IntArray,
    batch_size: int,
    seed: int,
    augment: Augment | None,
    start_step: int,
    num_steps: int,
    sizes: Sequence[tuple[int, int]] = (),
    schedule: Schedule | None = None,
    is_raw: bool = False,
    part: BatchPart = WHOLE,
) -> tf.data.Dataset:
    """Build the batches of steps start_step .. start_step + num_steps - 1.

    Args:
        pixels: Where the photos are read from.
        indices: The training photos, shape [N].
        labels: Their class indices, shape [N], values 0..K-1; or 1 or 0 for each label, [N, K].
        batch_size: Photos per batch B; may be larger than N.
        seed: Decides order and augmentation, 0 or above.
        augment: Changes the photos at random; None leaves them as they are.
        start_step: The first step, 0 or above.
        num_steps: How many steps.
        sizes: The (height, width) that photos are brought to in the course of
            the run; none leaves them as they are kept.
        schedule: The size and the strength of augmentation of a step. It must
            return the same at every call with a step.
        is_raw: Leave the photos as they are kept, uint8, for a caller that
            applies `ScheduledAugment` on a GPU.
        part: The photos of each batch to make, where other processes make the others; their
            number divides B.

    Returns:
        A dataset of num_steps pairs (images float32 0..255 [B, H, W, 3],
        labels int32 [B]). The label of a lost photo is LOST (-1); another photo of the
        batch replaces it, so that batch statistics stay sound.

    Raises:
        DataError: There are no photos.
        ShapeError: `indices` and `labels` disagree on N.
    """
    steps = tf.data.Dataset.range(start_step, start_step + num_steps)
    sizes = tuple(sizes) or (pixels.image_size,)
    scheduled = ScheduledAugment(seed, augment, sizes, schedule, part)
    apply = None if is_raw else scheduled.apply
    batches = _loaded(steps, pixels, indices, labels, batch_size, seed, apply, LOST, part)
    return _in_background(batches)


def batches_ahead(pixels: Pixels) -> int:
    """Return how many steps ahead of the one being trained the schedule may have been called."""
    return _AHEAD + pixels.batches_at_once


def epoch_batches(
    pixels: Pixels,
    indices: IntArray,
    labels: IntArray,
    batch_size: int,
    seed: int = 0,
    augment: Augment | None = None,
) -> tf.data.Dataset:
    """Build the batches of one epoch, for plain Keras: `model.fit(dataset, epochs=10)`.

    Each new iteration over the dataset continues where the one before it ends: the
    next ceil(N / B) steps of the stream of `training_batches`, in a new order and
    with new augmentation. Iterations are counted in this process, by this dataset;
    for a stream without state use `training_batches`.

    Args, raises: As `training_batches`.

    Returns:
        A dataset of ceil(N / B) full batches. Another photo of the batch, with its
        label, replaces a lost one.
    """
    steps_per_epoch = -(-len(indices) // batch_size)
    epochs = itertools.count()

    def begin(_: tf.Tensor) -> tf.data.Dataset:
        # Runs when an iteration starts, not when the dataset is made.
        epoch = tf.numpy_function(lambda: np.int64(next(epochs)), [], tf.int64)
        return tf.data.Dataset.range(epoch * steps_per_epoch, (epoch + 1) * steps_per_epoch)

    steps = tf.data.Dataset.range(1).flat_map(begin)
    scheduled = ScheduledAugment(seed, augment, (pixels.image_size,), None)
    batches = _loaded(steps, pixels, indices, labels, batch_size, seed, scheduled.apply)
    batches = batches.apply(tf.data.experimental.assert_cardinality(steps_per_epoch))
    return _in_background(batches)


def evaluation_batches(
    pixels: Pixels,
    indices: IntArray,
    labels: IntArray,
    batch_size: int,
    size: tuple[int, int] | None = None,
) -> tf.data.Dataset:
    """Build the batches of one pass in order, unchanged; the last one may be smaller.

    Args:
        pixels: Where the photos are read from.
        indices: The photos, shape [N].
        labels: Their class indices, shape [N], values 0..K-1; or 1 or 0 for each label, [N, K].
        batch_size: Photos per batch B.
        size: The (height, width) that photos are resized to, as for training; None
            leaves them as they are kept.

    Returns:
        A dataset of pairs (images float32 0..255 [b, H, W, 3], labels int32
        [b]) with b = B except perhaps in the last one, and where lost photos are
        left out. The static batch size is unknown, so a
        compiled function is traced once for all.

    Raises:
        DataError: There are no photos.
        ShapeError: `indices` and `labels` disagree on N.
    """
    indices, labels = _checked(indices, labels)

    def fetch(step: np.int64) -> tuple[ImageArray, np.ndarray]:
        part = slice(step * batch_size, (step + 1) * batch_size)
        images = pixels.read(indices[part])
        lost = is_lost(pixels, indices[part])
        return (images[~lost], labels[part][~lost]) if lost.any() else (images, labels[part])

    def load(step: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        images, truth = _read(fetch, step, (None, *pixels.image_size, 3), labels.shape[1:])
        return resized(images, size or pixels.image_size), truth

    steps = tf.data.Dataset.range(-(-len(indices) // batch_size))
    return _in_background(_mapped(steps, load, pixels))


def order(seed: int, epoch: int, count: int) -> IntArray:
    """Return the order of one epoch: a permutation of 0..count-1, shape [count]."""
    generator = np.random.Generator(np.random.PCG64(np.random.SeedSequence([seed, epoch])))
    return generator.permutation(count)


def _loaded(
    steps: tf.data.Dataset,
    pixels: Pixels,
    indices: IntArray,
    labels: IntArray,
    batch_size: int,
    seed: int,
    apply: Callable[[tf.Tensor, tf.Tensor], tf.Tensor] | None,
    lost_label: int | None = None,
    part: BatchPart = WHOLE,
) -> tf.data.Dataset:
    """Map step numbers to batches; a lost photo gets `lost_label`, or that of its replacement."""
    indices, labels = _checked(indices, labels)
    count = len(indices)
    # A batch may straddle two epochs; the step before it and after it use the same two.
    order_of = functools.lru_cache(maxsize=2)(functools.partial(order, seed, count=count))

    def fetch(step: np.int64) -> tuple[ImageArray, np.ndarray]:
        positions = np.arange(step * batch_size, (step + 1) * batch_size)
        epochs, places = np.divmod(positions, count)
        rows = np.empty(batch_size, np.int64)
        for epoch in np.unique(epochs):
            rows[epochs == epoch] = order_of(epoch=int(epoch))[places[epochs == epoch]]
        rows = rows[part.of(batch_size)]
        images, truth = pixels.read(indices[rows]), labels[rows]
        lost = is_lost(pixels, indices[rows])
        return _replace_lost(images, truth, lost, lost_label) if lost.any() else (images, truth)

    def load(step: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        length = batch_size // part.count
        images, truth = _read(fetch, step, (length, *pixels.image_size, 3), labels.shape[1:])
        return (images if apply is None else apply(images, step)), truth

    return _mapped(steps, load, pixels)


def _replace_lost(
    images: ImageArray, labels: np.ndarray, lost: np.ndarray, lost_label: int | None
) -> tuple[ImageArray, np.ndarray]:
    """Replace the lost photos of a batch by others of it, in place."""
    places, sound = np.flatnonzero(lost), np.flatnonzero(~lost)
    if len(sound):
        others = sound[np.arange(len(places)) % len(sound)]
        images[places], labels[places] = images[others], labels[others]
    if lost_label is not None:
        labels[places] = lost_label
    return images, labels


def _mapped(
    steps: tf.data.Dataset, load: Callable[..., tuple[tf.Tensor, tf.Tensor]], pixels: Pixels
) -> tf.data.Dataset:
    """Load batches in order, as many at a time as suits the pixels."""
    if pixels.batches_at_once == 1:
        return steps.map(load)
    return steps.map(load, num_parallel_calls=pixels.batches_at_once, deterministic=True)


def _read(
    fetch: Callable[[np.int64], tuple[ImageArray, np.ndarray]],
    step: tf.Tensor,
    shape: tuple[int | None, ...],
    label_shape: tuple[int, ...],
) -> tuple[tf.Tensor, tf.Tensor]:
    """Call `fetch` from the graph, and set the shapes of what it returns."""
    images, truth = tf.numpy_function(fetch, [step], (tf.uint8, tf.int32))
    return tf.ensure_shape(images, shape), tf.ensure_shape(truth, (shape[0], *label_shape))


def _checked(indices: IntArray, labels: IntArray) -> tuple[IntArray, np.ndarray]:
    """Return copies of the two arrays, so that a later change by the caller changes no batch."""
    if len(indices) != len(labels):
        raise ShapeError(f"There are {len(indices)} photos but {len(labels)} labels.")
    if len(indices) == 0:
        raise DataError("There are no photos to make batches of.\nCheck the part that was chosen.")
    return np.array(indices, np.int64), np.array(labels, np.int32)


def _in_background(batches: tf.data.Dataset) -> tf.data.Dataset:
    """Prefetch batches, one at a time, while the training step runs."""
    options = tf.data.Options()
    # There is nothing to tune, and the tuner would take a thread.
    options.autotune.enabled = False
    options.deterministic = True
    return batches.prefetch(_AHEAD).with_options(options)
