"""Reserve standard output for results: prints of libraries go to standard error.

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

_Parameters = ParamSpec("_Parameters")

_streams: list[TextIO] = []  # standard output of the running command


def results() -> TextIO:
    """Return the stream for results."""
    return _streams[-1] if _streams else sys.stdout


def print_line(text: object = "") -> None:
    """Print a line of results."""
    print(text, file=results())


def reserve_stdout(command: Callable[_Parameters, None]) -> Callable[_Parameters, None]:
    """Wrap a command: `print` writes to standard error, `results()` is standard output."""

    @functools.wraps(command)
    def run(*args: _Parameters.args, **kwargs: _Parameters.kwargs) -> None:
        _streams.append(sys.stdout)
        sys.stdout = sys.stderr
        try:
            command(*args, **kwargs)
        finally:
            sys.stdout = _streams.pop()

    return run


def prepare_streams() -> None:
    """Move results and messages to new file descriptors; called once, before anything is printed.

    From then on, what C++ code writes to descriptor 1 goes to standard error. Progress
    has a descriptor of its own, so that it is shown while TensorFlow's messages on
    descriptor 2 are discarded. Characters that a terminal cannot show are escaped.
    """
    _open_closed_descriptors()
    sys.stdout.flush()
    sys.stdout = _reopened(sys.stdout)
    os.dup2(2, 1)
    sys.stderr = _reopened(sys.stderr)


class _MessageFile(io.FileIO):
    """Standard error; a message that cannot be written is discarded, so that training continues.

    This happens when a terminal is closed or a disk is full. A closed pipe still ends the command.
    """

    def write(self, data: Any, /) -> int:
        try:
            return super().write(data)
        except OSError as error:
            if error.errno == errno.EPIPE:
                raise
            return len(data)


def _reopened(stream: TextIO) -> TextIO:
    kind = _MessageFile if stream is sys.stderr else io.FileIO
    return io.TextIOWrapper(
        io.BufferedWriter(kind(os.dup(stream.fileno()), "wb", closefd=False)),
        encoding=stream.encoding,
        errors="backslashreplace",
        line_buffering=stream is sys.stderr or stream.isatty(),
    )


def _open_closed_descriptors() -> None:
    """Open closed standard streams again, so that no other file gets their descriptors.

    Standard output is opened for reading only, so that writing to it is an error.
    """
    for name, mode, flags in (
        ("stdin", "r", os.O_RDONLY),
        ("stdout", "w", os.O_RDONLY),
        ("stderr", "w", os.O_WRONLY),
    ):
        if getattr(sys, name) is None:
            handle = os.open(os.devnull, flags)
            setattr(sys, name, open(handle, mode, encoding="utf-8"))  # noqa: SIM115
