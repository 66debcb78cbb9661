"""Print errors as plain lines on standard error, and choose the exit code."""

from __future__ import annotations

import contextlib
import errno
import os
import sys

from pawsight import __version__
from pawsight.addresses import public_text
from pawsight.errors import ExtraError, PawsightError
from pawsight.formatting import printable_lines

STOPPED = 130  # as a shell reports a program that Ctrl-C ended
BROKEN_PIPE = 141  # as a shell reports a program whose reader went away

# Added to the message of an interrupted command.
_READING = "\nRun the command again to resume: photos that were read are not read again."
_FETCHING = "\nRun the command again to resume: what was fetched is kept."
_ON = {"train": _READING, "audit": _READING, "evaluate": _READING, "data": _FETCHING}

# Packages that come with the extra "train".
_TRAINING_PACKAGES = {"tensorflow", "keras", "sklearn", "matplotlib", "onnx", "tf2onnx"}


def show(error: BaseException, command: str) -> int:
    """Print an error to standard error.

    Args:
        error: What the command raised.
        command: The command's name.

    Returns:
        The exit code.
    """
    if isinstance(error, BrokenPipeError):
        _discard_output()
        return BROKEN_PIPE
    if isinstance(error, KeyboardInterrupt):
        _write("Stopped." + _ON.get(command, ""))
        return STOPPED
    if isinstance(error, ModuleNotFoundError):
        package = (error.name or "").partition(".")[0]
        if package in _TRAINING_PACKAGES:
            error = ExtraError(f"`pawsight {command}`", "train")
    if isinstance(error, PawsightError):
        _write(str(error) if error.exit_code == STOPPED else f"Error: {error}")
        return error.exit_code
    if isinstance(error, MemoryError):
        _write("Error: There is not enough memory.\nTry a smaller --batch-size or --image-size.")
        return 1
    if isinstance(error, OSError) and error.errno == errno.ENOSPC:
        if error.filename is None:
            _discard_output()
        _write("Error: The disk is full.\nFree some space and try again.")
        return 1
    if isinstance(error, OSError) and error.filename is not None:
        _write(f"Error: {error.strerror}: {os.fsdecode(error.filename)}")
        return 1
    if isinstance(error, OSError) and error.errno in (errno.EBADF, errno.EFBIG, errno.EIO):
        _discard_output()
        _write(f"Error: Standard output cannot be written: {error.strerror}.")
        return 1
    kind = type(error).__name__
    _write(
        f"Error: This is a bug in pawsight {__version__}: {kind}: {error}\n"
        f"Please report it with the output of: pawsight --debug {command} ..."
    )
    return 1


def _discard_output() -> None:
    """Discard what Python still flushes at its end."""
    with contextlib.suppress(OSError):  # it has no descriptor, as in a test
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _write(text: str) -> None:
    print(printable_lines(public_text(text)), file=sys.stderr, flush=True)
