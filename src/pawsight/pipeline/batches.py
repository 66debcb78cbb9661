"""Batches for training and evaluation, as tf.data datasets that hold no state.

Training is one endless stream of positions: position p is photo
`order(p // n)[p % n]`, where n is the number of photos and order(e) a
permutation drawn from (seed, e). Step k takes positions k*B .. k*B+B-1 and
augments them with numbers drawn from (seed, k). So every batch is full, each
epoch shows each photo once, and a resumed run starts at its step with nothing
to restore.

A photo that went bad since it was read (`PixelStream.lost`) must not teach
grey: another photo of its batch stands in for it, and its label says so.
"""

from __future__ import annotations

import functools
import itertools
from collections.abc import Callable, Sequence

import numpy as np
import tensorflow as tf

from pawsight.data.reading.store import is_lost
from pawsight.errors import DataError, ShapeError
from pawsight.pipeline.augment import Augment, resized
from pawsight.pipeline.augment_schedule import Changes, LookAt
from pawsight.records import ImageArray, IntArray, Pixels

# Batches made ahead of the training step. Two ride out an uneven step; more only cost memory.
_AHEAD = 2


LOST = -1  # the label of a photo that counts for nothing


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
    look_at: LookAt | None = None,
    is_raw: bool = False,
) -> tf.data.Dataset:
    """Make the batches of steps start_step .. start_step + num_steps - 1.

    Args:
        pixels: Where the photos are read from.
        indices: The training photos, shape [N].
        labels: Their class indices, shape [N], values 0..K-1.
        batch_size: Photos per batch B; may be larger than N.
        seed: Decides order and augmentation, 0 or above.
        augment: Changes the photos at random; None leaves them as they are.
        start_step: The first step, 0 or above.
        num_steps: How many steps.
        sizes: The (height, width) that photos are brought to in the course of
            the run; none leaves them as they are kept.
        look_at: Which of them, and how strongly changed, in a step. It must
            say the same whenever it is asked for a step.
        is_raw: Leave the photos as they are kept, uint8: whoever trains on
            them has a faster place for `Changes` than this processor.

    Returns:
        A dataset of num_steps pairs (images float32 0..255 [B, H, W, 3],
        labels int32 [B]). The label of a photo that went bad is LOST (-1);
        in its place is another one of its batch, so that batch statistics stay sound.

    Raises:
        DataError: There are no photos.
        ShapeError: `indices` and `labels` disagree on N.
    """
    steps = tf.data.Dataset.range(start_step, start_step + num_steps)
    changes = Changes(seed, augment, tuple(sizes) or (pixels.image_size,), look_at)
    apply = None if is_raw else changes.apply
    batches = _loaded(steps, pixels, indices, labels, batch_size, seed, apply, LOST)
    return _in_background(batches)


def batches_ahead(pixels: Pixels) -> int:
    """How many steps ahead of the one that takes its batch a look may have been asked for."""
    return _AHEAD + pixels.batches_at_once


def epoch_batches(
    pixels: Pixels,
    indices: IntArray,
    labels: IntArray,
    batch_size: int,
    seed: int = 0,
    augment: Augment | None = None,
) -> tf.data.Dataset:
    """Make the batches of one epoch, for plain Keras: `model.fit(dataset, epochs=10)`.

    Each new iteration over the dataset goes on where the one before it was to
    end: the next ceil(N / B) steps of the stream of `training_batches`, in a
    new order and with new changes. Iterations are counted in this process, by
    this dataset; for a stream that does not remember use `training_batches`.

    Args, raises: As `training_batches`.

    Returns:
        A dataset of ceil(N / B) full batches. In the place of a photo that went
        bad is another one of its batch, with that one's label.
    """
    steps_per_epoch = -(-len(indices) // batch_size)
    epochs = itertools.count()

    def begin(_: tf.Tensor) -> tf.data.Dataset:
        # Runs when an iteration starts, not when the dataset is made.
        epoch = tf.numpy_function(lambda: np.int64(next(epochs)), [], tf.int64)
        return tf.data.Dataset.range(epoch * steps_per_epoch, (epoch + 1) * steps_per_epoch)

    steps = tf.data.Dataset.range(1).flat_map(begin)
    changes = Changes(seed, augment, (pixels.image_size,), None)
    batches = _loaded(steps, pixels, indices, labels, batch_size, seed, changes.apply)
    batches = batches.apply(tf.data.experimental.assert_cardinality(steps_per_epoch))
    return _in_background(batches)


def evaluation_batches(
    pixels: Pixels,
    indices: IntArray,
    labels: IntArray,
    batch_size: int,
    size: tuple[int, int] | None = None,
) -> tf.data.Dataset:
    """Make the batches of one pass in order, unchanged; the last one may be smaller.

    Args:
        pixels: Where the photos are read from.
        indices: The photos, shape [N].
        labels: Their class indices, shape [N], values 0..K-1.
        batch_size: Photos per batch B.
        size: The (height, width) that photos are brought to, in the way of the
            training batches; None leaves them as they are kept.

    Returns:
        A dataset of pairs (images float32 0..255 [b, H, W, 3], labels int32
        [b]) with b = B except perhaps in the last one, and where photos went
        bad, which are left out. The static batch size is unknown, so a
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
        images, truth = _read(fetch, step, (None, *pixels.image_size, 3))
        return resized(images, size or pixels.image_size), truth

    steps = tf.data.Dataset.range(-(-len(indices) // batch_size))
    return _in_background(_mapped(steps, load, pixels))


def order(seed: int, epoch: int, count: int) -> IntArray:
    """The order of one epoch: a permutation of 0..count-1, shape [count]."""
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
) -> tf.data.Dataset:
    """Turn step numbers into batches; a lost photo gets `lost_label`, or that of its stand-in."""
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
        images, truth = pixels.read(indices[rows]), labels[rows]
        lost = is_lost(pixels, indices[rows])
        return _with_stand_ins(images, truth, lost, lost_label) if lost.any() else (images, truth)

    def load(step: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        images, truth = _read(fetch, step, (batch_size, *pixels.image_size, 3))
        return (images if apply is None else apply(images, step)), truth

    return _mapped(steps, load, pixels)


def _with_stand_ins(
    images: ImageArray, labels: np.ndarray, lost: np.ndarray, lost_label: int | None
) -> tuple[ImageArray, np.ndarray]:
    """Put sound photos of a batch in the places of those that were lost; the arrays are changed."""
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
    """Load batches in order; pixels that are slow to come may say to load several at once."""
    if pixels.batches_at_once == 1:
        return steps.map(load)
    return steps.map(load, num_parallel_calls=pixels.batches_at_once, deterministic=True)


def _read(
    fetch: Callable[[np.int64], tuple[ImageArray, np.ndarray]],
    step: tf.Tensor,
    shape: tuple[int | None, ...],
) -> tuple[tf.Tensor, tf.Tensor]:
    """Call `fetch` from the graph and tell the graph what shapes come back."""
    images, truth = tf.numpy_function(fetch, [step], (tf.uint8, tf.int32))
    return tf.ensure_shape(images, shape), tf.ensure_shape(truth, shape[:1])


def _checked(indices: IntArray, labels: IntArray) -> tuple[IntArray, np.ndarray]:
    """Own copies of the two arrays, so that a later change by the caller changes no batch."""
    if len(indices) != len(labels):
        raise ShapeError(f"There are {len(indices)} photos but {len(labels)} labels.")
    if len(indices) == 0:
        raise DataError("There are no photos to make batches of.\nCheck the part that was chosen.")
    return np.array(indices, np.int64), np.array(labels, np.int32)


def _in_background(batches: tf.data.Dataset) -> tf.data.Dataset:
    """Make batches ahead, one at a time, while the training step runs."""
    options = tf.data.Options()
    # Nothing here is left to tune, and the tuner would take a thread of its own.
    options.autotune.enabled = False
    options.deterministic = True
    return batches.prefetch(_AHEAD).with_options(options)
