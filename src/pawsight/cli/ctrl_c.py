"""Ctrl-C while onnx or protobuf is imported.

Both call Python from C++ during their import and expect no exception there: a
KeyboardInterrupt is lost, or the process ends by an abort or a segmentation fault.
"""

from __future__ import annotations

import os
import signal
import threading
from types import FrameType

_PACKAGES = ("onnx", "google.protobuf")
_WAIT_SECONDS = 0.05


def install() -> None:
    """Raise KeyboardInterrupt on Ctrl-C, but never inside onnx or protobuf."""
    if (
        signal.getsignal(signal.SIGINT) is signal.default_int_handler
    ):  # not ignored by the parent process
        signal.signal(signal.SIGINT, _interrupt)


def _interrupt(number: int, frame: FrameType | None) -> None:
    if _is_in_packages(frame):
        timer = threading.Timer(_WAIT_SECONDS, os.kill, (os.getpid(), number))  # tries again
        timer.daemon = True
        timer.start()
        return
    raise KeyboardInterrupt


def _is_in_packages(frame: FrameType | None) -> bool:
    while frame is not None:
        name = str(frame.f_globals.get("__name__"))
        if any(name == package or name.startswith(f"{package}.") for package in _PACKAGES):
            return True
        frame = frame.f_back
    return False
