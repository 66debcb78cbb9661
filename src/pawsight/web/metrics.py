"""Figures for Prometheus: requests, photos, batches, waiting, and which model answers.

With several worker processes each keeps its figures in files of a folder that
prometheus_client finds by its environment variable, and whichever process is asked
adds them up.
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

from pawsight.web.model_reloader import Model

FOLDER_VARIABLE = "PROMETHEUS_MULTIPROC_DIR"
CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_SECONDS = (0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30)
_METHODS = {"GET", "POST", "HEAD", "OPTIONS"}


disable_created_metrics()  # type: ignore[no-untyped-call]  # twice the lines, for no use


class Measures:
    """All figures of one process."""

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
            "Photos by what became of them: answered, unreadable, refused, late or abandoned.",
            ["outcome"],
            registry=registry,
        )
        self.batches = Histogram(
            "pawsight_batch_photos",
            "Photos that one call of the model was given.",
            buckets=(1, 2, 3, 4),
            registry=registry,
        )
        self.waiting = Gauge(
            "pawsight_waiting_photos",
            "Photos that wait for the model.",
            registry=registry,
            multiprocess_mode="livesum",
        )
        self._model = Gauge(
            "pawsight_model_info",
            "1 for the model that answers now, 0 for one before it.",
            ["name", "fingerprint"],
            registry=registry,
            multiprocess_mode="livemax",
        )
        self._shown: Model | None = None

    def show(self, model: Model) -> None:
        """Say which model answers from now on."""
        if self._shown is not None:
            self._model.labels(self._shown.name, self._shown.fingerprint).set(0)
        self._model.labels(model.name, model.fingerprint).set(1)
        self._shown = model

    def counted(self, method: str, path: str, status: int, seconds: float) -> None:
        """Count a request."""
        known = method if method in _METHODS else "other"
        self._requests.labels(known, path, str(status)).inc()
        self._seconds.labels(path).observe(seconds)

    def text(self) -> bytes:
        """Give the figures of all worker processes, in the format that Prometheus reads."""
        if FOLDER_VARIABLE not in os.environ:
            return generate_latest(self._registry)
        registry = CollectorRegistry()
        multiprocess.MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
        return generate_latest(registry)

    @staticmethod
    def close() -> None:
        """Take what only a living process has (what waits, its model) out of the sums."""
        if FOLDER_VARIABLE in os.environ:
            multiprocess.mark_process_dead(os.getpid())  # type: ignore[no-untyped-call]


class Counting:
    """Counts every request by the path it was routed to; what leads nowhere is one of them."""

    def __init__(self, app: ASGIApp, measures: Measures) -> None:
        self._app, self._measures = app, measures

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, and count it when it is answered."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        start, status = time.monotonic(), 500

        async def note(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._app(scope, receive, note)
        finally:
            seconds = time.monotonic() - start
            self._measures.counted(scope["method"], _routed(scope), status, seconds)


def _routed(scope: Scope) -> str:
    if scope["path"].startswith("/static/"):
        return "/static"
    route: Any = scope.get("route")
    return getattr(route, "path", None) or "other"
