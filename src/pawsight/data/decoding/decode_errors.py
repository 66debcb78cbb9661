"""Translate the errors of decoders into plain reasons.

The messages of decoding libraries are written for programmers ("broken data stream
when reading image file") and differ from version to version.
"""

from __future__ import annotations

import contextlib
import functools
import logging
import struct
import threading
import warnings
from types import TracebackType
from typing import Literal

from PIL import Image, UnidentifiedImageError

from pawsight.data.decoding.limits import MAX_PIXELS, TOO_MUCH_TEXT, too_many_pixels
from pawsight.data.file_contents import content_of
from pawsight.data.file_types import SNIFF_BYTES, Kind, sniff

ENDS_TOO_EARLY = "file ends too early"
NO_MEMORY = "needs more memory than there is"

# Without a handler, Pillow's messages on damaged files would be printed if logging is not set up.
logging.getLogger("PIL").addHandler(logging.NullHandler())

_STARTS = {
    b"\xff\xd8": "JPEG",
    b"\x89PNG": "PNG",
    b"GIF8": "GIF",
    b"RIFF": "WebP",
    b"BM": "BMP",
    b"II*\x00": "TIFF",
    b"MM\x00*": "TIFF",
    b"\x00\x00\x00\x0cjP": "JPEG 2000",
    b"\xff\x4f\xff\x51": "JPEG 2000",
    b"\x00\x00\x01\x00": "icon",
    b"qoif": "QOI",
}
_SHORT = ("truncated", "unexpected end", "premature", "end of file", "end of data", "not enough")
# JPEGs of 12 bits, TIFFs of 64-bit numbers: Pillow's messages on formats it cannot decode.
_UNREAD = ("cannot handle", "unknown pixel mode", "unknown data organization")
_TOO_MUCH_TEXT = ("max_text_chunk", "max_text_memory", "text chunk")


def reason_for(error: Exception, data: bytes, format_name: str = "") -> str:
    """Return the reason for `Photo.problem` that corresponds to an error of a decoder.

    Args:
        error: What the decoder raised.
        data: The bytes that it received, at least one.
        format_name: Pillow's name of the format; "" if Pillow did not recognise it.
    """
    message = str(error).lower()
    if isinstance(error, Image.DecompressionBombError):
        return str(too_many_pixels(MAX_PIXELS))
    if isinstance(error, MemoryError):
        return NO_MEMORY
    if any(word in message for word in _TOO_MUCH_TEXT):
        return TOO_MUCH_TEXT
    kind = _named_format(data) or format_name
    file_kind, reason = sniff(data[:SNIFF_BYTES])
    if file_kind is Kind.FOREIGN:
        return reason
    if isinstance(error, UnidentifiedImageError):
        return f"damaged {kind} data" if kind else f"not a photo: {content_of(data)}"
    if kind and any(word in message for word in _UNREAD):
        return f"damaged, or a kind of {kind} that pawsight does not read"
    if isinstance(error, EOFError | struct.error) or any(word in message for word in _SHORT):
        return ENDS_TOO_EARLY
    return f"damaged {kind} data" if kind else "damaged data"


def _named_format(data: bytes) -> str:
    if data[4:8] == b"ftyp":
        kind, _ = sniff(data[:SNIFF_BYTES])
        return ("AVIF" if data[8:11] == b"avi" else "HEIF") if kind is Kind.PHOTO else ""
    if data[:4] == b"RIFF" and data[8:12] != b"WEBP":
        return ""
    return next((name for start, name in _STARTS.items() if data.startswith(start)), "")


@functools.cache
def silence_libtiff() -> None:
    """Keep libtiff from writing its errors to standard error."""
    import ctypes  # here, since few photos are TIFFs

    with contextlib.suppress(AttributeError, OSError):  # where it is built into Pillow
        ctypes.CDLL(Image.core.__file__).TIFFSetErrorHandler(None)  # type: ignore[attr-defined]


class WarningsSuppressed:
    """A context manager that suppresses the warnings of decoders while any thread is inside.

    `warnings.catch_warnings` changes state that all threads share: if two threads enter
    and leave it in the same order, the filters stay changed permanently. So the first
    thread that enters sets the filter, and the last thread that leaves removes it.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._num_inside = 0
        self._filters = warnings.catch_warnings()

    def __enter__(self) -> None:
        with self._lock:
            if self._num_inside == 0:
                self._filters = warnings.catch_warnings()
                self._filters.__enter__()
                warnings.filterwarnings("ignore", module=r"(PIL|pillow_heif|pawsight\.data)\b")
            self._num_inside += 1

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> Literal[False]:
        with self._lock:
            self._num_inside -= 1
            if self._num_inside == 0:
                self._filters.__exit__(kind, error, trace)
        return False
