"""Try photos in a separate process first, if one may have crashed the process before.

A decoder that crashes ends the whole process, each time again. Normally photos are decoded in
threads, which is faster.
"""

from __future__ import annotations

import contextlib
import itertools
import os
from collections.abc import Iterable, Iterator

from pawsight.data.reading.batch import Batch
from pawsight.data.reading.workers import read_all
from pawsight.inference.classifier import Classifier
from pawsight.inference.ordered_predictions import max_in_flight
from pawsight.inference.photo_inputs import PhotoOrResult, name_of
from pawsight.machine import num_cpus
from pawsight.records import Prediction

_NOT_KEPT = 2  # a prediction not written yet, and one written in part


def guard_crashes(
    photos: Iterable[PhotoOrResult], classifier: Classifier, batch_size: int
) -> Iterator[PhotoOrResult]:
    """Yield the photos, those that crash the decoder replaced by rows with the reason.

    Args:
        photos: The photos after the last kept prediction.
        classifier: The classifier.
        batch_size: As `Classifier.predict_iter` took it: with the number of cores, it determines
            how many photos could be in flight when the process ended.
    """
    waiting = iter(photos)
    first = list(itertools.islice(waiting, max_in_flight(num_cpus(), batch_size) + _NOT_KEPT))
    paths = tuple(os.fspath(one) for one in first if isinstance(one, str | os.PathLike))
    problems: dict[str, str] = {}
    if paths:
        batch = Batch("", paths, 0, classifier.image_size, classifier.resize, store_path=None)
        with contextlib.closing(read_all([batch], num_workers=1)) as read:
            for part, findings in read:
                found = zip(part.paths, findings, strict=True)
                problems.update((path, one.problem) for path, one in found)
    for photo in first:
        path = os.fspath(photo) if isinstance(photo, str | os.PathLike) else ""
        yield Prediction(name_of(photo), error=problems[path]) if problems.get(path) else photo
    yield from waiting
