"""Prometheus metrics: requests, photos, batches, the queue, and the model in use.

With several worker processes, each writes its metrics to a folder that an
environment variable names, and prometheus_client adds them up.
"""

from __future__ import annotations

import os
import time
from typing import Any

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    disable_created_metrics,
    generate_latest,
    multiprocess,
)
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from pawsight.inference.drift import DriftTest
from pawsight.web.model_reloader import Model
from pawsight.web.settings import METRICS_FOLDER

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_SECONDS = (0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30)
_METHODS = {"GET", "POST", "HEAD", "OPTIONS"}


disable_created_metrics()  # type: ignore[no-untyped-call]  # else there are twice as many lines


class Metrics:
    """The metrics of one process."""

    def __init__(self) -> None:
        self._registry = registry = CollectorRegistry()
        self._requests = Counter(
            "pawsight_requests",
            "Requests answered.",
            ["method", "path", "status"],
            registry=registry,
        )
        self._seconds = Histogram(
            "pawsight_request_seconds",
            "Seconds from the head of a request to its answer.",
            ["path"],
            buckets=_SECONDS,
            registry=registry,
        )
        self.photos = Counter(
            "pawsight_photos",
            "Photos by outcome: answered, unreadable, refused, late or abandoned.",
            ["outcome"],
            registry=registry,
        )
        self.batches = Histogram(
            "pawsight_batch_photos",
            "Photos per run of the model.",
            buckets=(1, 2, 3, 4),
            registry=registry,
        )
        self.waiting = Gauge(
            "pawsight_waiting_photos",
            "Photos in the queue.",
            registry=registry,
            multiprocess_mode="livesum",
        )
        self._drift = Counter(
            "pawsight_drift_tests",
            "Tests of 200 photos in a row: whether they differ from the validation photos.",
            ["result"],
            registry=registry,
        )
        self._drift_p_value = Gauge(
            "pawsight_drift_p_value",
            "P-value of the last of these tests.",
            registry=registry,
            multiprocess_mode="livemin",
        )
        self._drift_p_value.set(1)
        self._model = Gauge(
            "pawsight_model_info",
            "1 for the model in use, 0 for a previous one.",
            ["name", "fingerprint"],
            registry=registry,
            multiprocess_mode="livemax",
        )
        self._recorded: Model | None = None

    def record_model(self, model: Model) -> None:
        """Record which model is in use."""
        if self._recorded is not None:
            self._model.labels(self._recorded.name, self._recorded.fingerprint).set(0)
        self._model.labels(model.name, model.fingerprint).set(1)
        self._recorded = model

    def record_drift(self, drift: DriftTest) -> None:
        """Record the result of a test for drift."""
        self._drift.labels("differs" if drift.has_drifted else "alike").inc()
        self._drift_p_value.set(drift.p_value)

    def record_request(self, method: str, path: str, status: int, seconds: float) -> None:
        """Record a request and the seconds to its answer."""
        method = method if method in _METHODS else "other"
        self._requests.labels(method, path, str(status)).inc()
        self._seconds.labels(path).observe(seconds)

    def text(self) -> bytes:
        """Return the metrics of all worker processes in the Prometheus text format."""
        if METRICS_FOLDER not in os.environ:
            return generate_latest(self._registry)
        registry = CollectorRegistry()
        multiprocess.MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
        return generate_latest(registry)

    @staticmethod
    def close() -> None:
        """Remove the gauges of this process (waiting photos, model) from the sums."""
        if METRICS_FOLDER in os.environ:
            multiprocess.mark_process_dead(os.getpid())  # type: ignore[no-untyped-call]


class MetricsMiddleware:
    """Counts every request by the path of its route; all unknown paths are counted as "other"."""

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self._app, self._metrics = app, metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Process a request, and record it when it is answered."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        start, status = time.monotonic(), 500

        async def send_and_record(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._app(scope, receive, send_and_record)
        finally:
            seconds = time.monotonic() - start
            self._metrics.record_request(scope["method"], _routed(scope), status, seconds)


def _routed(scope: Scope) -> str:
    if scope["path"].startswith("/static/"):
        return "/static"
    route: Any = scope.get("route")
    return getattr(route, "path", None) or "other"
