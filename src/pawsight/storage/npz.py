"""The errors that NumPy raises for a damaged .npz file."""

import tokenize
import zipfile
import zlib

# Of the zip archive, its compression, and the headers of its arrays, which are Python literals.
NPZ_ERRORS = (
    *(OSError, EOFError, ValueError, LookupError, TypeError, MemoryError, RuntimeError),
    *(zipfile.BadZipFile, zlib.error, tokenize.TokenError),
)
