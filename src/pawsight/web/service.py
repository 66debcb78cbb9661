"""One process of the service: its model, threads and decoders, and the handling of requests."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import math
from collections import Counter
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
from typing import Any

from fastapi import HTTPException, Request
from starlette.requests import ClientDisconnect

from pawsight import machine
from pawsight.data.decoding.decode_cost import is_large
from pawsight.errors import PhotoError
from pawsight.inference.decode_pool import DecodePool, Job
from pawsight.inference.decode_processes import DecodeProcesses, DecodeRequest, NoProcessError
from pawsight.inference.drift import DriftMonitor
from pawsight.inference.heat_map import heat_map
from pawsight.records import ImageArray, Prediction
from pawsight.web import schemas
from pawsight.web.metrics import Metrics
from pawsight.web.model_reloader import Model, ModelReloader, in_daemon_thread
from pawsight.web.settings import ServeSettings
from pawsight.web.uploads import Body, BusyError, MemoryBudget, Upload

logger = logging.getLogger(__name__)

RETRY_SECONDS = 1  # after a refusal
_BATCH_SIZE = 4  # as for a folder: more photos do not fit in a core's cache
_MIN_HELD_BYTES = 256 * 2**20  # for all requests together, even if the limit of each is small
_MAX_CLIENT_SHARE = 0.75  # of the requests that may be active
_DRIFT_PHOTOS = 200  # photos per test for drift
_HEAT_WEIGHT = 16  # a heat map takes as long as 65 photos, and uses all cores


class Service:
    """The state of a process of the service, with a method for each endpoint with photos."""

    def __init__(self, settings: ServeSettings) -> None:
        self.settings = settings
        self.metrics = Metrics()
        self.model = ModelReloader(settings.run)
        self.is_stopping = False
        self.num_active = 0  # accepted requests without an answer
        self._num_active_of: Counter[str] = Counter()  # the same by client address
        self._memory = MemoryBudget(max(8 * settings.max_bytes, _MIN_HELD_BYTES))
        self.draining: asyncio.Task[None] | None = None  # set when the service is stopping
        self._pool: DecodePool | None = None
        # Large photos have separate processes, so that small ones need not wait.
        self._processes = DecodeProcesses(settings.num_threads)
        self._large_processes = DecodeProcesses(1)
        self._drift: tuple[Model, DriftMonitor] | None = None

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Run the worker threads and processes, and reload the model when its run changes."""
        machine.keep_memory()
        self._pool = DecodePool(
            *(self.settings.num_threads, _BATCH_SIZE, self.metrics.batches.observe),
            num_large=self.settings.num_large,
        )
        await asyncio.to_thread(self._start_processes)
        self.metrics.record_model(self.model.now)
        watching = asyncio.create_task(self._watch_run())
        try:
            yield
        finally:
            watching.cancel()
            self._processes.close()
            self._large_processes.close()
            self._pool.close()
            self.metrics.close()

    async def predict(self, request: Request, tta: bool) -> schemas.Answer:
        """Classify the photos of a request.

        Raises:
            HTTPException: 4xx, with the reason.
            BusyError: The queue is full, or the service is stopping.
            ClientDisconnect: The client has disconnected.
        """
        async with self._accepted(request) as (model, uploads):
            jobs = [self._job(model, upload, tta) for upload in uploads]
            results = await self._results(request, jobs)
            self._watch_drift(model, results)
            rows = [
                self._row(upload.name, result)
                for upload, result in zip(uploads, results, strict=True)
            ]
            if all(row.error for row in rows):
                reasons = [f"{row.name}: {row.error}" if row.name else row.error for row in rows]
                raise HTTPException(422, "No photo could be read: " + "; ".join(reasons))
            name = schemas.ModelName(name=model.name, fingerprint=model.fingerprint)
            return schemas.Answer(model=name, predictions=rows)

    async def heat_map(self, request: Request, label: str | None) -> schemas.Heat:
        """Return the heat map of one photo.

        Raises:
            HTTPException: 4xx, with the reason.
            BusyError: The queue is full, or the service is stopping.
            ClientDisconnect: The client has disconnected.
        """
        async with self._accepted(request) as (model, uploads):
            if len(uploads) > 1:
                raise HTTPException(
                    422, "A heat map is of one photo. Send the other photos in separate requests."
                )
            classifier = model.classifier
            if label is not None and label not in classifier.class_names:
                known = ", ".join(classifier.class_names)
                raise HTTPException(422, f"The model has no class '{label}'. Its classes: {known}.")

            def draw(pixels: list[ImageArray]) -> list[schemas.Heat]:
                computed = heat_map(classifier.probs, classifier.class_names, pixels[0], label)
                return [schemas.heat(computed, model)]

            decode = self._decoding(model, uploads[0])
            job = Job(object(), decode, draw, _HEAT_WEIGHT, is_large(uploads[0].data))
            (result,) = await self._results(request, [job])
            if isinstance(result, PhotoError):
                raise HTTPException(422, f"The photo could not be read: {result}")
            assert isinstance(result, schemas.Heat)
            return result

    @contextlib.asynccontextmanager
    async def _accepted(self, request: Request) -> AsyncGenerator[tuple[Model, list[Upload]], None]:
        """Accept a request if the queue has space for it, and read its photos."""
        assert self._pool is not None
        if self.is_stopping:
            raise BusyError("The service is stopping. Try again in a second.")
        client = request.client.host if request.client else ""
        # Requests that are still being received count as well: each has at least one photo.
        max_active = 2 * self.settings.max_waiting
        if (
            self._pool.num_waiting_of(is_large=False) >= self.settings.max_waiting
            or self.num_active >= max_active
            # A single client cannot block all others.
            or self._num_active_of[client] >= math.ceil(_MAX_CLIENT_SHARE * max_active)
        ):
            self.metrics.photos.labels("refused").inc()
            raise BusyError("The queue is full. Try again in a second.")
        self.num_active += 1
        self._num_active_of[client] += 1
        try:
            with Body(request, self.settings, self._memory) as body:
                uploads = await body.photos()
                yield self.model.now, uploads
        finally:
            self.num_active -= 1
            self._num_active_of[client] -= 1
            if not self._num_active_of[client]:
                del self._num_active_of[client]

    def _job(self, model: Model, upload: Upload, tta: bool) -> Job:
        def answer(pixels: list[ImageArray]) -> list[Prediction]:
            return model.classifier.predictions_of([""] * len(pixels), pixels, tta)

        decode = self._decoding(model, upload)
        return Job((id(model), tta), decode, answer, is_large=is_large(upload.data))

    def _decoding(self, model: Model, upload: Upload) -> Callable[[], ImageArray]:
        classifier = model.classifier
        request = DecodeRequest(
            *(upload.data, classifier.image_size, classifier.resize),
            *(self.settings.max_pixels, classifier.pixel_scale),
        )
        processes = self._large_processes if is_large(upload.data) else self._processes
        return lambda: processes.load_pixels(request)

    async def _results(self, request: Request, jobs: Sequence[Job]) -> list[Any]:
        """Run jobs and return their results; a photo that cannot be read has a PhotoError."""
        assert self._pool is not None
        outcomes, max_waiting = self.metrics.photos, self.settings.max_waiting
        for large in (False, True):
            num_new = sum(job.weight for job in jobs if job.is_large == large)
            num_waiting = self._pool.num_waiting_of(large)
            # A request with more photos than may wait is accepted when nothing else waits.
            if num_new and num_waiting and num_waiting + num_new > max_waiting:
                outcomes.labels("refused").inc(len(jobs))
                raise BusyError("The queue is full. Try again in a second.")
        self._pool.submit(jobs)
        self.metrics.waiting.set(self._pool.num_waiting)
        answered: asyncio.Future[list[Any]] = asyncio.gather(
            *(asyncio.wrap_future(job.future) for job in jobs), return_exceptions=True
        )
        disconnected = asyncio.create_task(_disconnected(request))
        awaited: set[asyncio.Future[Any]] = {answered, disconnected}
        try:
            await asyncio.wait(
                awaited,
                timeout=self.settings.timeout,
                return_when=asyncio.FIRST_COMPLETED,
            )
            if not answered.done():
                is_late = not disconnected.done()
                outcomes.labels("late" if is_late else "abandoned").inc(len(jobs))
                if is_late:
                    raise BusyError(
                        f"No result within {self.settings.timeout:g} seconds. "
                        f"Try again, with fewer photos at a time."
                    )
                raise ClientDisconnect
            results = answered.result()
        finally:
            disconnected.cancel()
            self._pool.withdraw(jobs)
            self.metrics.waiting.set(self._pool.num_waiting)
        for result in results:
            if isinstance(result, NoProcessError):
                raise BusyError(f"{result} Try again in a second.") from result
            if isinstance(result, BaseException) and not isinstance(result, PhotoError):
                raise result
        num_unreadable = sum(isinstance(result, PhotoError) for result in results)
        outcomes.labels("unreadable").inc(num_unreadable)
        outcomes.labels("answered").inc(len(jobs) - num_unreadable)
        return results

    def _watch_drift(self, model: Model, results: Sequence[Prediction | PhotoError]) -> None:
        """Test every `_DRIFT_PHOTOS` successive photos for drift, and log a warning if found."""
        if self._drift is None or self._drift[0] is not model:
            self._drift = (model, model.classifier.drift_monitor())
        monitor = self._drift[1]
        for result in results:
            if isinstance(result, Prediction):
                monitor.add(result)
        if monitor.num_photos >= _DRIFT_PHOTOS:
            self._drift = None
            if drift := monitor.result():
                self.metrics.record_drift(drift)
                if drift.has_drifted:
                    logger.warning("The last %s", drift.sentence())

    def _row(self, name: str, result: Prediction | PhotoError) -> schemas.Row:
        if isinstance(result, PhotoError):
            result = Prediction(name, error=str(result))
        return schemas.row(name, result, self.settings.sure)

    def _start_processes(self) -> None:
        try:
            self._processes.start()
        except NoProcessError as error:
            logger.warning("%s", error)

    async def _watch_run(self) -> None:
        while self.settings.run is not None:
            await asyncio.sleep(self.settings.check_seconds)
            try:
                if await in_daemon_thread(self.model.refresh):
                    self.metrics.record_model(self.model.now)
            except Exception:  # after any failure the present model stays in use
                logger.exception("Checking for a new model failed.")


async def _disconnected(request: Request) -> None:
    """Return when the client has disconnected."""
    while (await request.receive())["type"] != "http.disconnect":
        pass
