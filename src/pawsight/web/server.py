"""Start the service: check the settings, the port and the model, then run uvicorn."""

from __future__ import annotations

import contextlib
import errno
import importlib
import logging
import logging.config
import math
import os
import signal
import socket
import tempfile
import threading
from collections.abc import Iterator
from types import FrameType
from typing import Any

from pawsight.errors import ConfigError, ExtraError
from pawsight.run_addresses import is_address
from pawsight.runs import Run
from pawsight.web.settings import ENVIRONMENT, METRICS_FOLDER, ServeSettings
from pawsight.web.shutdown import STOPPED

logger = logging.getLogger(__name__)

_PACKAGES = ("fastapi", "python_multipart", "prometheus_client", "uvicorn")
_LOGGING: dict[str, Any] = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"plain": {"format": "%(asctime)s  %(message)s", "datefmt": "%Y-%m-%d %H:%M:%S"}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "plain"}},
    "loggers": {
        "uvicorn.access": {"handlers": ["stderr"], "level": "INFO", "propagate": False},
        "uvicorn.error": {"handlers": ["stderr"], "level": "WARNING", "propagate": False},
        "pawsight": {"handlers": ["stderr"], "level": "INFO", "propagate": False},
    },
}


def serve(run_path: str | os.PathLike[str] | Run | None = None, **options: Any) -> None:
    """Serve a model over HTTP until SIGTERM or Ctrl-C; see `pawsight serve --help`.

    Args:
        run_path: A finished run, by path or opened; it is reloaded when it
            changes, except at an address. None is the model that ships with pawsight.
        **options: `host`, `port`, `workers`, `api_key`, `cors`, `max_bytes`,
            `max_pixels`, `max_photos`, `timeout`, `max_waiting`, `sure`, with the
            meaning of the options of the command.

    Raises:
        ConfigError: A setting is invalid, or the port is taken.
        ExtraError: The extra "serve" is not installed.
        RunError: There is no finished run at `run_path`.
    """
    run = Run.open(run_path) if run_path and is_address(run_path) else run_path
    path = str(run.path if isinstance(run, Run) else os.fspath(run or "")) or None
    settings = ServeSettings.checked(run=path, **options)
    for package in _PACKAGES:
        try:
            importlib.import_module(package)
        except ModuleNotFoundError as error:
            raise ExtraError("`pawsight serve`", "serve") from error
    _check_port(settings)
    _log_start(settings)
    _run(settings)


def _run(settings: ServeSettings) -> None:
    import uvicorn

    with _environment(settings), _ignore_first_signal():
        uvicorn.run(
            "pawsight.web.app:from_environment",
            factory=True,
            host=settings.host,
            port=settings.port,
            workers=settings.workers,
            http="pawsight.web.request_timeout:HeadTimeoutProtocol",
            ws="none",
            log_config=_LOGGING,
            server_header=False,
            timeout_graceful_shutdown=math.ceil(settings.timeout),
        )


def _check_port(settings: ServeSettings) -> None:
    """Check that the port is free, for a clearer error than uvicorn's."""
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((settings.host, settings.port))
            probe.listen()
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                raise ConfigError(
                    f"Port {settings.port} of {settings.host} is taken by another program.\n"
                    f"Choose another one with --port, or stop that program."
                ) from error
            raise ConfigError(
                f"Cannot listen at {settings.host}, port {settings.port}: "
                f"{error.strerror or error}.\n"
                f"Give an address of this machine with --host, and a port above 1023 with --port."
            ) from error


def _log_start(settings: ServeSettings) -> None:
    """Load the model once, so that its errors come first, and log how the service starts."""
    from pawsight.web.model_reloader import load_model

    model = load_model(settings.run)
    logging.config.dictConfig(_LOGGING)
    classes = ", ".join(model.classifier.class_names)
    logger.info("Model %s (%s), classes: %s.", model.name, model.fingerprint[:12], classes)
    if not settings.is_local and settings.api_key is None:
        logger.warning(
            "No API key: everyone who can connect to %s, port %d, can use this service. "
            "Set one in the environment variable PAWSIGHT_API_KEY.",
            settings.host,
            settings.port,
        )
    logger.info("Page: %s, endpoints: %s/docs.", settings.address, settings.address)
    logger.info("Stop with Ctrl-C; accepted requests are answered first.")


@contextlib.contextmanager
def _environment(settings: ServeSettings) -> Iterator[None]:
    """Set the environment variables that pass the settings to the worker processes."""
    values = {ENVIRONMENT: settings.as_text()}
    with contextlib.ExitStack() as stack:
        if settings.workers > 1:
            folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="pawsight-serve-"))
            values[METRICS_FOLDER] = folder
        before = {name: os.environ.get(name) for name in values}
        os.environ.update(values)
        try:
            yield
        finally:
            for name, value in before.items():
                if value is None:
                    del os.environ[name]
                else:
                    os.environ[name] = value


@contextlib.contextmanager
def _ignore_first_signal() -> Iterator[None]:
    """Ignore the signal that uvicorn raises again after stopping; the next one ends the process."""
    if threading.current_thread() is not threading.main_thread():
        yield  # other threads receive no signals
        return

    raised: set[int] = set()

    def ignore_first(number: int, frame: FrameType | None) -> None:
        if number in raised:
            os._exit(STOPPED)
        raised.add(number)

    before = {
        number: signal.signal(number, ignore_first) for number in (signal.SIGINT, signal.SIGTERM)
    }
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
