"""Batches for training and evaluation, as stateless tf.data datasets.

Training is one endless stream of positions: position p is photo
`order(p // n)[p % n]`, where n is the number of photos and order(e) a
permutation drawn from (seed, e). Step k takes positions k*B .. k*B+B-1 and
augments them with parameters drawn from (seed, k). So every batch is full, each
epoch uses each photo once, and a resumed run starts at its step without any state
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

# Batches that are prefetched. Two even out slow batches; more would only take memory.
_AHEAD = 2
LOST = -1  # the label of a photo that the loss ignores


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
        augment: The random augmentation; None only resizes the photos.
        start_step: The first step, 0 or above.
        num_steps: Number of steps.
        sizes: The (height, width) in pixels that photos are resized to in the course of
            the run; empty keeps the size of `pixels`.
        schedule: Returns the size and the strength of augmentation of a step, the same at
            every call with that step; None is the first size and full strength.
        is_raw: Return uint8 photos as stored, for a caller that applies
            `ScheduledAugment` on a GPU.
        part: The part of each batch to load, where other processes load the other parts; the
            number of parts must divide B.

    Returns:
        A dataset of num_steps pairs (images float32 0..255 [B, H, W, 3],
        labels int32 [B] or [B, K]). The label of a lost photo is LOST (-1); another photo of
        the batch replaces its pixels, because grey images would distort batch statistics.

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
    """Return for how many steps beyond the current one the schedule may have been called."""
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

    Each iteration over the dataset takes the next ceil(N / B) steps of the stream of
    `training_batches`, in a new order and with new augmentation. This dataset counts
    its iterations; for a stateless stream use `training_batches`.

    Args, raises: As `training_batches`.

    Returns:
        A dataset of ceil(N / B) full batches. A lost photo is replaced by another photo of
        its batch, with that photo's label.
    """
    steps_per_epoch = -(-len(indices) // batch_size)
    epochs = itertools.count()

    def begin(_: tf.Tensor) -> tf.data.Dataset:
        # Runs when an iteration starts, not when the dataset is built.
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
    """Build the batches of one pass over photos in order, without augmentation.

    Args:
        pixels: Where the photos are read from.
        indices: The photos, shape [N].
        labels: Their class indices, shape [N], values 0..K-1; or 1 or 0 for each label, [N, K].
        batch_size: Photos per batch B.
        size: The (height, width) in pixels that photos are resized to, as for training;
            None keeps the size of `pixels`.

    Returns:
        A dataset of pairs (images float32 0..255 [b, H, W, 3], labels int32 [b] or
        [b, K]). b is B, or less in the last batch and where lost photos are left
        out. The static batch size is unknown, so that a compiled function is traced
        only once.

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
    """Map step numbers to batches; None as `lost_label` takes the label of the replacement."""
    indices, labels = _checked(indices, labels)
    count = len(indices)
    # A batch may contain the end of one epoch and the start of the next.
    order_of = functools.lru_cache(maxsize=2)(functools.partial(order, seed, count=count))

    def fetch(step: np.int64) -> tuple[ImageArray, np.ndarray]:
        positions = np.arange(step * batch_size, (step + 1) * batch_size)
        epochs, offsets = np.divmod(positions, count)
        rows = np.empty(batch_size, np.int64)
        for epoch in np.unique(epochs):
            rows[epochs == epoch] = order_of(epoch=int(epoch))[offsets[epochs == epoch]]
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
    """Replace the lost photos of a batch by other photos of the batch, in place."""
    lost_rows, sound_rows = np.flatnonzero(lost), np.flatnonzero(~lost)
    if len(sound_rows):
        others = np.resize(sound_rows, len(lost_rows))
        images[lost_rows], labels[lost_rows] = images[others], labels[others]
    if lost_label is not None:
        labels[lost_rows] = lost_label
    return images, labels


def _mapped(
    steps: tf.data.Dataset, load: Callable[..., tuple[tf.Tensor, tf.Tensor]], pixels: Pixels
) -> tf.data.Dataset:
    """Load batches in order, `pixels.batches_at_once` at a time."""
    if pixels.batches_at_once == 1:
        return steps.map(load)
    return steps.map(load, num_parallel_calls=pixels.batches_at_once, deterministic=True)


def _read(
    fetch: Callable[[np.int64], tuple[ImageArray, np.ndarray]],
    step: tf.Tensor,
    shape: tuple[int | None, ...],
    label_shape: tuple[int, ...],
) -> tuple[tf.Tensor, tf.Tensor]:
    """Call `fetch` from the graph, and set the static shapes of its images and labels."""
    images, truth = tf.numpy_function(fetch, [step], (tf.uint8, tf.int32))
    return tf.ensure_shape(images, shape), tf.ensure_shape(truth, (shape[0], *label_shape))


def _checked(indices: IntArray, labels: IntArray) -> tuple[IntArray, np.ndarray]:
    """Return copies, so that later changes of the caller's arrays do not affect the batches."""
    if len(indices) != len(labels):
        raise ShapeError(f"There are {len(indices)} photos but {len(labels)} labels.")
    if len(indices) == 0:
        raise DataError("There are no photos to make batches of.\nCheck the part that was chosen.")
    return np.array(indices, np.int64), np.array(labels, np.int32)


def _in_background(batches: tf.data.Dataset) -> tf.data.Dataset:
    """Prefetch batches while the training step runs."""
    options = tf.data.Options()
    # All parallelism is fixed, and the tuner would occupy a thread.
    options.autotune.enabled = False
    options.deterministic = True
    return batches.prefetch(_AHEAD).with_options(options)
