"""Read and write NumPy arrays in .npz files, without pickle: a file cannot run code."""

from __future__ import annotations

import contextlib
import tokenize
import warnings
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from pawsight.errors import RunError, first_line
from pawsight.storage.atomic import replacing

# What NumPy raises for a damaged file. The errors concern the zip archive, its compression, and the
# headers of its arrays, which are Python literals.
NPZ_ERRORS = (
    *(OSError, EOFError, ValueError, LookupError, TypeError, MemoryError, RuntimeError),
    *(zipfile.BadZipFile, zlib.error, tokenize.TokenError, SyntaxError, ArithmeticError),
)

_MAGIC = b"PK\x03\x04"


def save_npz(path: Path, **arrays: np.ndarray) -> None:
    """Write named arrays atomically; raises DiskError."""
    with replacing(path) as temporary, temporary.open("wb") as file:
        np.savez(file, allow_pickle=False, **arrays)


@contextlib.contextmanager
def arrays_of(file: BinaryIO) -> Iterator[Any]:
    """Open the arrays of a file, by name, without the warnings that damaged files cause.

    Raises:
        NPZ_ERRORS: The file is damaged.
    """
    if file.read(len(_MAGIC)) != _MAGIC:  # NumPy's own message advises to unpickle the file
        raise ValueError("it is no .npz file")
    file.seek(0)
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        with np.load(file, allow_pickle=False) as arrays:
            yield arrays


@contextlib.contextmanager
def opened_npz(path: Path) -> Iterator[Any]:
    """Open the arrays in a file of a run, by name.

    The block may raise ValueError for invalid arrays, which becomes a RunError.

    Raises:
        RunError: The file is missing or damaged.
    """
    try:
        with path.open("rb") as file, arrays_of(file) as arrays:
            yield arrays
    except NPZ_ERRORS as error:
        raise RunError(
            f"{path} cannot be read, or it is damaged ({first_line(error)}).\n"
            f"Train again, or copy the run folder again."
        ) from error
