"""Photos of which one may have ended this command before: tried in a process of its own first.

A decoder that crashes outright takes the whole process with it, and would again each time. Photos
are looked at by threads all the same, since a process for each would cost more than it saves.
"""

from __future__ import annotations

import contextlib
import itertools
import os
from collections.abc import Iterable, Iterator

from pawsight.data.reading.batch import Batch
from pawsight.data.reading.workers import read_all
from pawsight.inference.classifier import Classifier
from pawsight.inference.decode_pool import max_in_flight
from pawsight.inference.photo_inputs import PhotoLike
from pawsight.machine import num_cpus
from pawsight.records import Prediction

_NOT_KEPT = 2  # an answer that was not written yet, and one that was not written to its end


def tried_apart(
    photos: Iterable[PhotoLike], classifier: Classifier, batch_size: int
) -> Iterator[PhotoLike]:
    """Give the photos again, as rows with a reason where decoding one ends the process.

    Args:
        photos: What follows after the last answer that was kept.
        classifier: What will look at them.
        batch_size: As `Classifier.predict_iter` took it: with the number of cores, it says how
            many photos could be under way when the process ended.
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
        yield Prediction(path, error=problems[path]) if problems.get(path) else photo
    yield from waiting
