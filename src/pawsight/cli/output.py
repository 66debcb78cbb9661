"""Standard output, for results alone: what a library prints goes to standard error.

`pawsight predict > rows.csv` must hold rows and nothing else, whatever TensorFlow
or ONNX Runtime print, from Python or from C++ straight to file descriptor 1.
"""

from __future__ import annotations

import errno
import functools
import io
import os
import sys
from collections.abc import Callable
from typing import Any, ParamSpec, TextIO

Takes = ParamSpec("Takes")

_streams: list[TextIO] = []  # of the command that is running


def results() -> TextIO:
    """Return the stream for results."""
    return _streams[-1] if _streams else sys.stdout


def print_line(text: object = "") -> None:
    """Print a line of results."""
    print(text, file=results())


def reserve_stdout(command: Callable[Takes, None]) -> Callable[Takes, None]:
    """Wrap a command so that `print` means standard error, and `results()` standard output."""

    @functools.wraps(command)
    def run(*args: Takes.args, **kwargs: Takes.kwargs) -> None:
        _streams.append(sys.stdout)
        sys.stdout = sys.stderr
        try:
            command(*args, **kwargs)
        finally:
            sys.stdout = _streams.pop()

    return run


def prepare_streams() -> None:
    """Redirect results and messages to file descriptors of their own; called once, first of all.

    What C++ code writes to descriptor 1 goes to standard error from then on. On
    its own descriptor, progress is shown while descriptor 2 is closed to
    TensorFlow's messages. A name that a terminal cannot show is escaped.
    """
    _open_closed_descriptors()
    sys.stdout.flush()
    sys.stdout = _own(sys.stdout)
    os.dup2(2, 1)
    sys.stderr = _own(sys.stderr)


class _MessageFile(io.FileIO):
    """Standard error; discards what cannot be written, since no message is worth hours of training.

    A terminal that was closed and a full disk are like that. A closed pipe still ends the command.
    """

    def write(self, data: Any, /) -> int:
        try:
            return super().write(data)
        except OSError as error:
            if error.errno == errno.EPIPE:
                raise
            return len(data)


def _own(stream: TextIO) -> TextIO:
    kind = _MessageFile if stream is sys.stderr else io.FileIO
    return io.TextIOWrapper(
        io.BufferedWriter(kind(os.dup(stream.fileno()), "wb", closefd=False)),
        encoding=stream.encoding,
        errors="backslashreplace",
        line_buffering=stream is sys.stderr or stream.isatty(),
    )


def _open_closed_descriptors() -> None:
    """Reopen closed standard streams, so that no file gets their descriptors.

    Standard output then refuses to be written to, as it would in C.
    """
    for name, mode, flags in (
        ("stdin", "r", os.O_RDONLY),
        ("stdout", "w", os.O_RDONLY),
        ("stderr", "w", os.O_WRONLY),
    ):
        if getattr(sys, name) is None:
            handle = os.open(os.devnull, flags)
            setattr(sys, name, open(handle, mode, encoding="utf-8"))  # noqa: SIM115
