"""Run a model with a timeout, since a damaged or malicious model may never finish.

ONNX Runtime ends a run before its next operator after `terminate` was set in its options.
"""

from __future__ import annotations

import threading
import time
from typing import Any

_CHECK_SECONDS = 0.5

_changed = threading.Condition()  # for everything below
_deadlines: dict[Any, float] = {}  # of the current runs in this process, by their options
_threads: list[threading.Thread] = []


class RunTimeoutError(Exception):
    """A run took longer than its limit."""


def run_with_timeout(
    seconds: float, session: Any, outputs: list[str], inputs: dict[str, Any]
) -> Any:
    """Run a session and return its outputs.

    Args:
        seconds: The time limit.
        session: An `onnxruntime.InferenceSession`.
        outputs: Names of the outputs.
        inputs: Arrays by name.

    Raises:
        RunTimeoutError: The run took longer, and was ended.
        Exception: An error of ONNX Runtime; its errors share no base class.
    """
    import onnxruntime

    options = onnxruntime.RunOptions()
    with _changed:
        _deadlines[options] = time.monotonic() + seconds
        if not _threads or not _threads[-1].is_alive():  # a fork does not copy the thread
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
