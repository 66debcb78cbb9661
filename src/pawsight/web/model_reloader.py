"""The model in use, and its replacement without dropping a request.

The path of the run is checked regularly: a symbolic link may point to another
folder, or the files in the folder may be replaced. A change is accepted when two
checks find the same, so that a folder is not loaded while it is being copied.
A new model is first loaded and run in a separate process, with a time limit, so
that a model that crashes or hangs does not affect the service. If that fails, the
error is logged once and the old model stays in use. A request keeps the model
that it began with.
"""

from __future__ import annotations

import asyncio
import logging
import os
import subprocess
import sys
import threading
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from pawsight.errors import PawsightError, RunError
from pawsight.inference.classifier import Classifier
from pawsight.inference.provenance import provenance
from pawsight.models import builtin
from pawsight.runs import Run

logger = logging.getLogger(__name__)

_TEST_SECONDS = 120.0
# The pipe at its standard input is closed when the service ends, for whatever reason.
_TEST_PROGRAM = """
import os, sys, threading
def end_with_service():
    os.read(0, 1)
    os._exit(1)
threading.Thread(target=end_with_service, daemon=True).start()
from pawsight.errors import PawsightError
from pawsight.web.model_reloader import load_model
try:
    load_model(sys.argv[1])
except PawsightError as error:
    sys.exit(str(error))
"""

Signature = tuple[str, tuple[tuple[int, int, int] | None, ...]]


@dataclass(frozen=True, slots=True)
class Model:
    """A model in use, and its card.

    `trained` is what model.json states on the training; `metrics` are the
    headline numbers of each evaluated part, None without an evaluation.
    """

    classifier: Classifier
    name: str
    fingerprint: str
    trained: dict[str, Any]
    metrics: dict[str, Any] | None


def load_model(run_path: str | None) -> Model:
    """Load a model and run it once, so that the first request is not slower.

    Args:
        run_path: The run folder; None is the model that ships.

    Raises:
        RunError: There is no finished run at `run_path`, or it is damaged.
    """
    path = Path(run_path).resolve() if run_path else builtin.folder()
    run = Run.open(path)
    classifier = Classifier.load(run)
    classifier.logits(np.zeros((1, *classifier.image_size, 3), np.uint8))
    facts = provenance(run)
    return Model(classifier, facts.name, classifier.fingerprint, facts.trained, facts.metrics)


class ModelReloader:
    """Keeps the model in use, `now`, and replaces it when its run changes."""

    def __init__(self, run_path: str | None) -> None:
        self._run_path = run_path
        self._loaded = self._seen = self._signature()
        self.now = load_model(run_path)

    def refresh(self) -> bool:
        """Check whether the run has changed, and load it if so, which takes seconds.

        Returns:
            Whether another model is in use now.
        """
        signature = self._signature()
        is_settled = signature == self._seen
        self._seen = signature
        if signature == self._loaded or not is_settled or self._run_path is None:
            return False
        try:
            _test_in_subprocess(self._run_path)
            model = load_model(self._run_path)
        except (PawsightError, OSError, MemoryError) as error:
            self._loaded = signature  # not tried again until it changes
            reason = str(error).replace("\n", " ")
            logger.error(
                "%s has changed but cannot be loaded; the previous model stays in use: %s",
                self._run_path,
                reason or type(error).__name__,
            )
            return False
        if self._signature() != signature:
            return False  # it has changed again
        self._loaded = signature
        is_other = model.fingerprint != self.now.fingerprint or model.name != self.now.name
        self.now = model
        if is_other:
            logger.info("Model replaced: %s (%s).", model.name, model.fingerprint[:12])
        return is_other

    def _signature(self) -> Signature:
        """Return the folder and the stamps of its files, which change when the run does."""
        path = Path(self._run_path).resolve() if self._run_path else builtin.folder()
        run = Run(path)
        return str(path), tuple(_stamp(file) for file in (run.model_path, run.onnx_path))


def _test_in_subprocess(run_path: str) -> None:
    """Load a model and run it once in a separate process; raises RunError."""
    stdin, held_open = os.pipe()
    try:
        done = subprocess.run(
            [sys.executable, "-c", _TEST_PROGRAM, run_path],
            stdin=stdin,
            capture_output=True,
            timeout=_TEST_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise RunError(
            f"it was not loaded and run once within {_TEST_SECONDS:.0f} seconds"
        ) from error
    finally:
        os.close(stdin)
        os.close(held_open)
    if done.returncode:
        reason = done.stderr.decode("utf-8", "replace").strip()
        raise RunError(reason or f"loading it crashed (exit code {done.returncode})")


def _stamp(path: Path) -> tuple[int, int, int] | None:
    """Return the modification time, the size and the inode of a file; None if there is none."""
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_mtime_ns, status.st_size, status.st_ino


async def in_daemon_thread(call: Callable[[], bool]) -> bool:
    """Run a call in a daemon thread, which unlike `to_thread` does not keep the process alive."""
    future: Future[bool] = Future()

    def run() -> None:
        future.set_running_or_notify_cancel()  # the service may end before the call does
        try:
            future.set_result(call())
        except BaseException as error:  # noqa: BLE001 - raised where the future is awaited
            future.set_exception(error)

    threading.Thread(target=run, name="pawsight-reloading", daemon=True).start()
    return await asyncio.wrap_future(future)
