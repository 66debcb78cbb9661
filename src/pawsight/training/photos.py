"""The photos that a run trains and validates on, and the errors of reading them."""

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

_MAX_LOST = 0.5  # share of the training photos; without more, the model would be another


@dataclass(frozen=True, slots=True)
class Subset:
    """The photos of one part: catalog indices and class indices, both of shape [N]."""

    indices: IntArray
    labels: IntArray


def subsets(dataset: Dataset) -> tuple[Subset, Subset]:
    """Return the photos to train and to validate on."""
    catalog = dataset.catalog
    train, validation = catalog.part("train"), catalog.part("validation")
    return Subset(train, catalog.labels(train)), Subset(validation, catalog.labels(validation))


class MonitoredPixels(WrappedPixels):
    """Pixels that keep their errors, and time their reads.

    TensorFlow reads in its own thread and turns every exception into one
    of its own, whose text is a traceback.
    """

    def __init__(self, pixels: Pixels) -> None:
        super().__init__(pixels)
        self._error: PawsightError | None = None
        self.read_seconds = 0.0  # of all reads, which may be several at once
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
        """Raise what `read` raised instead of what TensorFlow made of it."""
        try:
            yield
        except tf.errors.OpError:
            if self._error is None:
                raise
            raise self._error from None

    def check_enough_left(self, portion: Subset, run: Run, most_lost: float = _MAX_LOST) -> None:
        """Check that enough photos are left: a drive may be unplugged, or a folder moved.

        Args:
            portion: The photos that matter.
            run: The run, for the advice in the message.
            most_lost: The share of the photos that may be lost.

        Raises:
            DataError: More of them are lost.
        """
        allowed = most_lost * len(portion.indices)
        if len(self.lost) <= allowed:
            return
        num_lost = int(np.count_nonzero(is_lost(self, portion.indices)))
        if num_lost > allowed:
            why = next(iter(self.lost.values()))
            raise DataError(
                f"{num_lost:,} of {len(portion.indices):,} photos can no longer be read; "
                f"the first: {why}.\n"
                f"Bring the photos back (is their drive still there?), "
                f"then continue with: {resume_command(run.place)}"
            )
