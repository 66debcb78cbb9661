"""Start the service: settings checked, port free, model sound, and then uvicorn."""

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
from pathlib import Path
from types import FrameType
from typing import Any

from pawsight.errors import ConfigError, ExtraError
from pawsight.runs import Run
from pawsight.web.settings import ENVIRONMENT, ServeSettings
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
    """Answer over HTTP until SIGTERM or Ctrl-C; see `pawsight serve --help`.

    Args:
        run_path: A finished run, by path or opened; another model that comes to
            lie there takes over. None is the model that ships with pawsight.
        options: `host`, `port`, `workers`, `api_key`, `cors`, `max_bytes`,
            `max_pixels`, `max_photos`, `timeout`, `max_waiting`, `sure`: as the
            options of the command.

    Raises:
        ConfigError: A setting makes no sense, or the port is taken.
        ExtraError: The extra "serve" is not installed.
        RunError: There is no finished run.
    """
    path = str(run_path.path if isinstance(run_path, Run) else os.fspath(run_path or "")) or None
    settings = ServeSettings.checked(run=path, **options)
    for package in _PACKAGES:
        try:
            importlib.import_module(package)
        except ModuleNotFoundError as error:
            raise ExtraError("`pawsight serve`", "serve") from error
    _check_port(settings)
    _tell(settings)
    _run(settings)


def _run(settings: ServeSettings) -> None:
    import uvicorn

    with _told(settings), _unharmed():
        uvicorn.run(
            "pawsight.web.app:from_environment",
            factory=True,
            host=settings.host,
            port=settings.port,
            workers=settings.workers,
            http="pawsight.web.request_timeout:HeadInTime",
            ws="none",
            log_config=_LOGGING,
            server_header=False,
            timeout_graceful_shutdown=math.ceil(settings.timeout),
        )


def _check_port(settings: ServeSettings) -> None:
    """Say in plain words what uvicorn would say with a number.

    Raises:
        ConfigError: It cannot be listened to.
    """
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


def _tell(settings: ServeSettings) -> None:
    """Load the model once, so that an error of it is told before anything starts."""
    from pawsight.web.model_reloader import load_model

    model = load_model(settings.run)
    logging.config.dictConfig(_LOGGING)
    classes = ", ".join(model.classifier.class_names)
    logger.info("Model %s (%s), which knows: %s.", model.name, model.fingerprint[:12], classes)
    if not settings.is_local and settings.api_key is None:
        logger.warning(
            "Whoever reaches %s, port %d, may use this service: it has no API key. "
            "Give it one in the environment variable PAWSIGHT_API_KEY.",
            settings.host,
            settings.port,
        )
    logger.info("The page is at %s, the endpoints at %s/docs.", *[settings.address] * 2)
    logger.info("Ctrl-C stops it, when all that it took is answered.")


@contextlib.contextmanager
def _told(settings: ServeSettings) -> Iterator[None]:
    """Set the environment from which the processes learn their settings."""
    told = {ENVIRONMENT: settings.as_text()}
    with contextlib.ExitStack() as stack:
        if settings.workers > 1:
            folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="pawsight-serve-"))
            told["PROMETHEUS_MULTIPROC_DIR"] = str(Path(folder))
        before = {name: os.environ.get(name) for name in told}
        os.environ.update(told)
        try:
            yield
        finally:
            for name, value in before.items():
                if value is None:
                    del os.environ[name]
                else:
                    os.environ[name] = value


@contextlib.contextmanager
def _unharmed() -> Iterator[None]:
    """Survive the signal that uvicorn raises again when it has stopped; a later one ends us."""
    if threading.current_thread() is not threading.main_thread():
        yield  # no signal comes here
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
