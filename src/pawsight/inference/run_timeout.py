"""Run a model with a timeout: a damaged or malicious one may never finish.

ONNX Runtime ends a run between two operators once its options have `terminate` set.
"""

from __future__ import annotations

import threading
import time
from typing import Any

_CHECK_SECONDS = 0.5

_changed = threading.Condition()  # held to read or change what follows
_deadlines: dict[Any, float] = {}  # of the current runs in this process
_threads: list[threading.Thread] = []


class RunTimeoutError(Exception):
    """A run took longer than its limit."""


def run_with_timeout(
    seconds: float, session: Any, outputs: list[str], inputs: dict[str, Any]
) -> Any:
    """Run a session and return its outputs.

    Args:
        seconds: After this time the run is ended.
        session: An `onnxruntime.InferenceSession`.
        outputs: Their names.
        inputs: Arrays by name.

    Raises:
        RunTimeoutError: The run took too long.
        Exception: What ONNX Runtime raises; its errors share no base class.
    """
    import onnxruntime

    options = onnxruntime.RunOptions()
    with _changed:
        _deadlines[options] = time.monotonic() + seconds
        if not _threads or not _threads[-1].is_alive():  # none yet, or left behind by a fork
            _threads[:] = [threading.Thread(target=_end_late_runs, daemon=True)]
            _threads[0].start()
        _changed.notify()
    try:
        return session.run(outputs, inputs, options)
    except Exception as error:
        if options.terminate:
            raise RunTimeoutError from error
        raise
    finally:
        with _changed:
            del _deadlines[options]


def _end_late_runs() -> None:
    while True:
        with _changed:
            _changed.wait_for(lambda: _deadlines)
            for options, deadline in _deadlines.items():
                if time.monotonic() > deadline:
                    options.terminate = True
        time.sleep(_CHECK_SECONDS)
