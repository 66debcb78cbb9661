"""Predict many photos in a pool of threads, and return the predictions in order."""

from __future__ import annotations

import contextlib
import functools
import queue
import threading
import time
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import Future, wait
from typing import Any, TypeVar

from pawsight.errors import PhotoError
from pawsight.inference.decode_pool import DecodePool, Job, settle
from pawsight.inference.photo_inputs import PhotoLike, PhotoOrResult, name_of
from pawsight.records import Prediction

_CHECK_SECONDS = 0.5  # between two checks for abandoned photos
_END_SECONDS = 2.0  # for threads to finish their current photos at the end

Decoded = TypeVar("Decoded")


def predict_in_order(
    photos: Iterator[PhotoOrResult],
    decode: Callable[[PhotoLike], Decoded],
    predict: Callable[[list[str], list[Decoded]], list[Prediction]],
    num_threads: int,
    batch_size: int,
) -> Generator[Prediction]:
    """Yield the predictions of photos in order, each as soon as it is ready.

    Exceptions of `photos`, `predict` and `decode` are raised here; a PhotoError of `decode`
    becomes a prediction with an `error`.

    Args:
        photos: The photos. A separate thread reads them, so that a slow source (a pipe) does not
            delay predictions; at most 4 batches per thread ahead.
        decode: Returns the decoded photo for `predict`, or raises PhotoError.
        predict: Returns the predictions for names and decoded photos.
        num_threads: Threads that decode and predict, at least 1.
        batch_size: Photos that a thread takes at a time, at least 1.
    """
    pool = DecodePool(num_threads, batch_size)
    # Two less, because the source holds one job and the consumer another.
    jobs: queue.Queue[tuple[str, Future[Any]] | None] = queue.Queue(
        4 * batch_size * num_threads - 2
    )
    is_closed = threading.Event()

    def decode_named(name: str, photo: PhotoLike) -> tuple[str, Decoded]:
        return name, decode(photo)

    def run(pairs: list[tuple[str, Decoded]]) -> list[Prediction]:
        return predict([name for name, _ in pairs], [value for _, value in pairs])

    def job_of(name: str, photo: PhotoLike) -> Job:
        return Job(None, functools.partial(decode_named, name, photo), run)

    source = threading.Thread(
        target=_submit_all,
        args=(photos, job_of, pool, jobs, is_closed),
        name="pawsight-source",
        daemon=True,
    )
    source.start()
    try:
        while (first := jobs.get()) is not None:
            name, future = first
            while not future.done():
                wait([future], _CHECK_SECONDS)
                pool.replace_stuck()
            yield _result_of(name, future)
    finally:
        is_closed.set()
        with contextlib.suppress(queue.Empty):
            jobs.get_nowait()  # the source may be waiting for space
        deadline = time.monotonic() + _END_SECONDS
        pool.close(_END_SECONDS)
        source.join(max(0.0, deadline - time.monotonic()))


def _submit_all(
    photos: Iterator[PhotoOrResult],
    job_of: Callable[[str, PhotoLike], Job],
    pool: DecodePool,
    jobs: queue.Queue[tuple[str, Future[Any]] | None],
    is_closed: threading.Event,
) -> None:
    """Submit photos in order until there are no more, or the consumer has stopped."""
    try:
        for photo in photos:
            name = name_of(photo)
            job = None if isinstance(photo, Prediction) else job_of(name, photo)
            jobs.put((name, settle(Future(), photo) if job is None else job.future))
            if is_closed.is_set():
                return
            if job is not None:
                pool.submit([job])
        jobs.put(None)
    except BaseException as error:  # noqa: BLE001 - raised again where results are taken
        jobs.put(("", settle(Future(), error=error)))


def _result_of(name: str, future: Future[Prediction]) -> Prediction:
    """Return the prediction of a finished job; a PhotoError becomes its `error`."""
    try:
        return future.result()
    except PhotoError as error:
        return Prediction(name, error=str(error))
