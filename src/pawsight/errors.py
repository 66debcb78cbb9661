"""Every error pawsight raises on purpose.

All descend from PawsightError, so that a caller catches one class and the
command line shows a plain message instead of a traceback. A message states what
happened, where, and what to do.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pawsight.formatting import printable

if TYPE_CHECKING:
    from pydantic import ValidationError


class PawsightError(Exception):
    """Base class of all errors raised on purpose; the message is for the user."""

    exit_code = 1


class SourceError(PawsightError):
    """The source cannot be used."""


class DataError(PawsightError):
    """The photos or labels themselves are unsuitable for the operation."""


class PhotoError(PawsightError):
    """One photo cannot be used; the text is its reason, in a few words."""


class ConfigError(PawsightError):
    """A setting, or a combination of settings, is invalid."""

    exit_code = 2  # wrong usage


class RunError(PawsightError):
    """A run folder is missing, incomplete, or of another format."""


class ModelError(PawsightError):
    """A model name, its options or its weights cannot be used."""


class TrainingError(PawsightError):
    """Training failed, for example because the loss is NaN."""


class InputTypeError(PawsightError, TypeError):
    """An argument has a type that cannot be a photo."""


class ShapeError(PawsightError):
    """Arrays that belong together disagree in shape."""


class DiskError(PawsightError):
    """A file or folder cannot be written, or the disk is too full for it."""


class ExtraError(PawsightError):
    """A feature needs packages that are not installed."""

    def __init__(self, feature: str, extra: str) -> None:
        super().__init__(f'{feature} needs an extra: pip install "pawsight[{extra}]"')


class StoppedError(PawsightError):
    """The user pressed Ctrl-C; the message names what is kept and how to resume."""

    exit_code = 130


def first_problem(error: ValidationError) -> str:
    """Return the first mistake and its place: "parts.test.n: Input should be 0 or more"."""
    first = error.errors()[0]
    where = printable(
        ".".join(map(str, first["loc"]))
    )  # its keys may be from a file of unknown origin
    return f"{where}: {first['msg']}" if where else first["msg"]


def first_line(error: BaseException) -> str:
    """Return the first line of an error's message, at most 200 characters; its type if empty.

    For an OSError it is the reason alone, such as "Permission denied".
    """
    text = getattr(error, "strerror", None) or str(error)
    return str(text).strip().split("\n", 1)[0][:200] or type(error).__name__
