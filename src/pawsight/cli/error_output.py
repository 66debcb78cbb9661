"""Print errors as plain lines on standard error, and choose the exit code."""

from __future__ import annotations

import contextlib
import errno
import os
import sys
import traceback

from pawsight import __version__
from pawsight.addresses import public_text
from pawsight.errors import ExtraError, PawsightError
from pawsight.formatting import printable_lines

STOPPED = 130  # as a shell reports a program that Ctrl-C ended
BROKEN_PIPE = 141  # as a shell reports a program whose output pipe was closed

# Added to the message of an interrupted command.
_READING = "\nRun the command again to resume: photos that were read are not read again."
_FETCHING = "\nRun the command again to resume: what was fetched is kept."
_RESUME_HINTS = {"train": _READING, "audit": _READING, "evaluate": _READING, "data": _FETCHING}

# Packages that come with the extra "train".
_TRAINING_PACKAGES = {"tensorflow", "keras", "sklearn", "matplotlib", "onnx", "tf2onnx"}


def show(error: BaseException, command: str, with_traceback: bool = False) -> int:
    """Print an error and its notes to standard error.

    Returns:
        The exit code.
    """
    if isinstance(error, BrokenPipeError):
        _discard_output()
        return BROKEN_PIPE
    if with_traceback:
        _write("".join(traceback.format_exception(error)).rstrip())
        error.__notes__ = []  # the traceback has them
    if isinstance(error, KeyboardInterrupt):
        _write("Stopped." + _RESUME_HINTS.get(command, ""))
        return STOPPED
    if isinstance(error, ModuleNotFoundError):
        package = (error.name or "").partition(".")[0]
        if package in _TRAINING_PACKAGES:
            error = ExtraError(f"`pawsight {command}`", "train")
    code = 1
    if isinstance(error, PawsightError):
        text, code = str(error), error.exit_code
    elif _is_out_of_memory(error):
        text = "There is not enough memory.\nTry a smaller --batch-size or --image-size."
    elif isinstance(error, OSError) and error.errno == errno.ENOSPC:
        if error.filename is None:
            _discard_output()
        text = "The disk is full.\nFree some space and try again."
    elif isinstance(error, OSError) and error.filename is not None:
        text = f"{error.strerror}: {os.fsdecode(error.filename)}"
    elif isinstance(error, OSError) and error.errno in (errno.EBADF, errno.EFBIG, errno.EIO):
        _discard_output()
        text = f"Standard output cannot be written: {error.strerror}."
    else:
        text = f"This is a bug in pawsight {__version__}: {type(error).__name__}: {error}"
        error.add_note(f"Please report it with the output of: pawsight --debug {command} ...")
    notes = getattr(error, "__notes__", ())
    _write("\n".join((text if code == STOPPED else f"Error: {text}", *notes)))
    return code


def _is_out_of_memory(error: BaseException) -> bool:
    """Return whether an error means a lack of memory, which libraries report in several ways."""
    if isinstance(error, OSError) and error.errno == errno.ENOMEM:
        return True
    texts = ("failed to map segment", "can't start new thread", "cannot allocate memory")
    return isinstance(error, MemoryError) or (
        isinstance(error, ImportError | RuntimeError)
        and any(text in str(error).lower() for text in texts)
    )


def _discard_output() -> None:
    """Discard the output that Python would flush when it ends."""
    with contextlib.suppress(OSError):  # standard output has no descriptor, as in a test
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _write(text: str) -> None:
    print(printable_lines(public_text(text)), file=sys.stderr, flush=True)
