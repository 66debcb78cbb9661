"""The training and validation photos of a run, and the errors of reading them."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import tensorflow as tf

from pawsight.data.dataset import Dataset
from pawsight.data.reading.stream import is_lost
from pawsight.errors import DataError, PawsightError
from pawsight.formatting import resume_command
from pawsight.records import ImageArray, IntArray, Pixels, WrappedPixels
from pawsight.runs import Run

_MAX_LOST = 0.5  # share of the photos that may be lost before training stops


@dataclass(frozen=True, slots=True)
class Subset:
    """The photos of one part."""

    indices: IntArray  # catalog indices, [N]
    labels: IntArray  # class indices, [N]; of multi-label photos [N, K]


def subsets(dataset: Dataset) -> tuple[Subset, Subset]:
    """Return the training and the validation photos."""
    catalog = dataset.catalog
    train, validation = catalog.part("train"), catalog.part("validation")
    return Subset(train, catalog.labels(train)), Subset(validation, catalog.labels(validation))


class MonitoredPixels(WrappedPixels):
    """Pixels that keep the error of a read, and measure the time of reads.

    TensorFlow reads in its own thread and replaces every exception by its own type,
    whose text is a traceback.
    """

    def __init__(self, pixels: Pixels) -> None:
        super().__init__(pixels)
        self._error: PawsightError | None = None
        self.read_seconds = 0.0  # of all reads, divided by the number of concurrent reads
        self.num_read = 0

    def read(self, indices: IntArray) -> ImageArray:
        """Return photos by their catalog indices; see `Pixels.read`."""
        started = time.perf_counter()
        try:
            images = self._pixels.read(indices)
            self.read_seconds += (time.perf_counter() - started) / self.batches_at_once
            self.num_read += len(indices)
            return images
        except PawsightError as error:
            self._error = error
            raise

    @contextlib.contextmanager
    def plain_errors(self) -> Iterator[None]:
        """Raise the error of `read` in place of TensorFlow's error."""
        try:
            yield
        except tf.errors.OpError:
            if self._error is None:
                raise
            raise self._error from None

    def check_enough_left(self, portion: Subset, run: Run, most_lost: float = _MAX_LOST) -> None:
        """Check that enough photos are still readable: a drive may be unplugged, a folder moved.

        Args:
            portion: The photos to check.
            run: The run, for the advice in the message.
            most_lost: The share of the photos that may be lost, 0..1.

        Raises:
            DataError: More of the photos are lost.
        """
        allowed = most_lost * len(portion.indices)
        if len(self.lost) <= allowed:
            return
        num_lost = int(np.count_nonzero(is_lost(self, portion.indices)))
        if num_lost > allowed:
            reason = next(iter(self.lost.values()))
            raise DataError(
                f"{num_lost:,} of {len(portion.indices):,} photos can no longer be read; "
                f"the first: {reason}.\n"
                f"Bring the photos back (is their drive still there?), "
                f"then continue with: {resume_command(run.place)}"
            )
