"""Find and read the photos that a command line names or a program passes.

A command line names files, folders, patterns and lists. A name that does not exist
becomes a result with an error, in its position, and the other photos are predicted.
"""

from __future__ import annotations

import contextlib
import glob
import io
import os
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, BinaryIO, TypeAlias, cast

import numpy as np
import PIL.Image

from pawsight.addresses import public_address
from pawsight.data.decoding.photo_file import MAX_BYTES, TOO_LARGE, read_photo
from pawsight.data.file_types import Kind, kind_of
from pawsight.data.listing.left_out import LeftOut
from pawsight.data.listing.walk import walk_in_order
from pawsight.errors import InputTypeError, PhotoError, ShapeError, first_line
from pawsight.inference.addresses import FetchedPath
from pawsight.records import ImageArray, Prediction

# os.path, not pathlib, which would change paths such as "./a.jpg" and "a//b.jpg".
# ruff: noqa: PTH112, PTH118, PTH119, PTH122, PTH207

if TYPE_CHECKING:
    from PIL.Image import Image

# A path, the bytes of a photo file, an opened file, a Pillow image, or uint8 pixels [H, W, 3].
PhotoLike: TypeAlias = (
    "str | os.PathLike[str] | bytes | bytearray | memoryview | BinaryIO | Image | ImageArray"
)
# A photo; or a result without inference, such as the error of a missing file.
PhotoOrResult: TypeAlias = "PhotoLike | Prediction"
_SINGLE_PHOTO = (str, os.PathLike, bytes, bytearray, memoryview, PIL.Image.Image)
_ACCEPTED = (
    "a path, the bytes of a photo file, a file opened in binary mode (such as io.BytesIO), "
    "a Pillow image or a uint8 array [height, width, 3]"
)

_CHUNK = 1 << 16
# Modes that PNG can store. 32-bit and CMYK images are stored as TIFF, other modes as RGB.
_PNG_MODES = {"1", "L", "LA", "P", "RGB", "RGBA", "I;16"}
_TIFF_MODES = {"CMYK", "I", "F"}


class _NamedBytes(bytes):
    """The bytes of an opened file, with its name as `filename`."""

    filename = ""


def as_photos(photos: PhotoLike | Iterable[PhotoLike]) -> Iterable[PhotoLike]:
    """Return an iterable of photos for one photo or many; raises InputTypeError."""
    is_single = (
        isinstance(photos, _SINGLE_PHOTO)
        or _stream_of(photos) is not None
        or (isinstance(photos, np.ndarray) and photos.dtype.kind in "buif" and photos.ndim < 4)
    )
    if is_single:
        return [cast("PhotoLike", photos)]
    if isinstance(photos, Mapping) or not hasattr(photos, "__iter__"):
        raise _not_a_photo(photos)
    return cast("Iterable[PhotoLike]", photos)


def read_opened(photos: Iterable[PhotoOrResult]) -> Iterator[PhotoOrResult]:
    """Yield photos in order, with opened files replaced by their content.

    A file is read when its item is requested, since its owner may close it afterwards.
    """
    for photo in photos:
        if _stream_of(photo) is None:
            yield photo
            continue
        try:
            yield _read_opened(photo)
        except PhotoError as error:
            yield Prediction(name_of(photo), error=str(error))


def name_of(photo: PhotoOrResult) -> str:
    """Return the path of a photo or a result; an address without secrets; "" if it has no name."""
    if isinstance(photo, Prediction):
        return photo.path
    if isinstance(photo, FetchedPath):
        return photo.shown
    if isinstance(photo, str | os.PathLike):
        path = os.fspath(photo)
        return public_address(path) if isinstance(path, str) else path
    for attribute in ("filename", "name"):  # of Pillow images, and of opened files
        name = getattr(photo, attribute, "")
        if name and isinstance(name, str | os.PathLike):
            return os.fspath(name)
    return ""


def file_bytes(photo: PhotoLike) -> bytes:
    """Return a photo as the bytes of a file, so that the same decoder reads all photos.

    Raises:
        PhotoError: The file cannot be read.
        ShapeError: An array is not an image.
        InputTypeError: The object has another type.
    """
    if isinstance(photo, str | os.PathLike):
        return read_photo(photo)
    if isinstance(photo, bytes | bytearray | memoryview):
        return bytes(photo)
    if _stream_of(photo) is not None:
        return _read_opened(photo)
    if isinstance(photo, np.ndarray):
        if photo.dtype != np.uint8 or photo.ndim != 3 or photo.shape[2] != 3 or not photo.size:
            raise ShapeError(
                f"A photo as an array is uint8 of shape [height, width, 3] with values 0 to 255, "
                f"not {photo.dtype} of shape {list(photo.shape)}."
            )
        return _encoded(PIL.Image.fromarray(photo))
    if isinstance(photo, PIL.Image.Image):
        return _encoded(photo)
    raise _not_a_photo(photo)


def _not_a_photo(photo: object) -> InputTypeError:
    return InputTypeError(f"A photo is {_ACCEPTED}, not {type(photo).__name__}.")


def _stream_of(photo: object) -> Any:
    """Return the stream of an opened file; None if the photo is not an opened file."""
    # Pillow images, paths and arrays have no `read`; uploads of web frameworks have a `file`.
    stream = getattr(photo, "file", photo)
    return stream if callable(getattr(stream, "read", None)) else None


def _read_opened(photo: Any) -> bytes:
    """Read an opened file from its start, even if it was read before, as Pillow does."""
    stream = _stream_of(photo)
    try:
        with contextlib.suppress(AttributeError, io.UnsupportedOperation):
            stream.seek(0)
        data = chunk = stream.read(MAX_BYTES + 1)
        while chunk and len(data) <= MAX_BYTES and (chunk := stream.read(_CHUNK)):
            data += chunk  # a pipe or socket may return less than requested
    except (OSError, ValueError) as error:
        raise PhotoError(f"cannot be read: {first_line(error)}") from error
    if not isinstance(data, bytes):
        raise InputTypeError(
            f"A photo is {_ACCEPTED}; this {type(stream).__name__} returns {type(data).__name__}. "
            f'Open files with mode "rb".'
        )
    if len(data) > MAX_BYTES:
        raise PhotoError(TOO_LARGE)
    named = _NamedBytes(data)
    named.filename = name_of(photo)
    return named


def _encoded(image: Image) -> bytes:
    """Encode a Pillow image without loss, with its orientation and colour profile."""
    if image.mode in ("I", "F") and image.format is None:
        image = image.convert("L")  # not from a file: in these modes, 255 is white for Pillow
    if image.mode not in _PNG_MODES | _TIFF_MODES:
        image = image.convert("RGBA" if image.has_transparency_data else "RGB")
    file = io.BytesIO()
    try:
        kind = "TIFF" if image.mode in _TIFF_MODES else "PNG"
        image.save(file, kind, compress_level=0, exif=image.getexif())
    except Exception as error:
        # Pillow decodes an image at its first use, where it may turn out to be damaged.
        raise PhotoError(f"this image cannot be decoded: {error}") from error
    return file.getvalue()


def expand(
    arguments: Iterable[str], stdin: BinaryIO, left_out: LeftOut | None = None
) -> Iterator[str | Prediction]:
    """Yield every photo that the arguments name, in order.

    Args:
        arguments: Files, with any ending; folders, whose photos are found recursively and
            sorted; patterns such as `photos/**/*.jpg`, unless a file has that name; and `-`
            for a list on standard input.
        stdin: The list of files and folders for `-`, separated by newlines or NUL bytes
            (`find -print0`).
        left_out: Counts the folders that are left out, such as libraries of photo programs, and
            the folders without photos.

    Yields:
        Paths; and a Prediction with an `error` for an argument that names no photo.

    Raises:
        SourceError: The arguments are folders without photos.
    """
    left_out = left_out or LeftOut()
    has_photos = False
    for argument in arguments:
        for photo in expand_one(argument, stdin, left_out):
            has_photos = True
            yield photo
    if not has_photos:
        left_out.check_no_folder_is_empty()


def expand_one(argument: str, stdin: BinaryIO, left_out: LeftOut) -> Iterator[str | Prediction]:
    """Yield every photo that one argument names; see `expand`."""
    if argument == "-":
        for path in read_list(stdin):
            yield from _named(path, left_out)
    elif glob.has_magic(argument) and not os.path.lexists(argument):
        yield from _matching(argument, left_out)
    else:
        yield from _named(argument, left_out)


def read_list(stream: BinaryIO) -> Iterator[str]:
    """Yield paths separated by NUL bytes if the first chunk has a NUL byte, else by newlines."""
    read = getattr(stream, "read1", stream.read)  # read1 does not wait until a pipe fills a chunk
    chunk = read(_CHUNK)
    separator = b"\0" if b"\0" in chunk else b"\n"
    rest = b""
    while chunk:
        *lines, rest = (rest + chunk).split(separator)
        yield from filter(None, map(_path, lines))
        chunk = read(_CHUNK)
    if path := _path(rest):
        yield path


def _path(line: bytes) -> str:
    return os.fsdecode(line.removesuffix(b"\r"))


def _named(path: str, left_out: LeftOut) -> Iterator[str | Prediction]:
    if not os.path.isdir(path):
        yield path  # the decoder reports a missing file
        return
    photo = None
    for photo in walk_in_order(path, left_out):
        if isinstance(path, FetchedPath):
            inside: str = path.inside(photo.path)
        else:
            inside = os.path.normpath(os.path.join(path, photo.path))
        yield Prediction(name_of(inside), error=photo.problem) if photo.problem else inside
    if photo is None:
        left_out.empty.append(name_of(path))


def _matching(pattern: str, left_out: LeftOut) -> Iterator[str | Prediction]:
    paths = sorted(glob.glob(pattern, recursive=True))
    start = len(literal_folder(pattern))
    matches = [match for match in paths if _is_entered(match, start, left_out)]
    # `**` matches files in subfolders, too, so that the folders need not be searched.
    folders = [] if "**" in pattern else [match for match in matches if os.path.isdir(match)]
    files = [match for match in matches if not os.path.isdir(match)]
    # `*.dat` matches all such files; `photos/*` only photos, since it has no ending.
    if glob.has_magic(os.path.splitext(pattern)[1] or "*"):
        files = [file for file in files if kind_of(os.path.basename(file)) is Kind.PHOTO]
    yield from files
    for folder in folders:
        yield from _named(folder, left_out)
    if not files and not folders:
        yield Prediction(pattern, error="no photo matches this pattern")


def literal_folder(pattern: str) -> str:
    """Return the folder of a pattern before its first wildcard; "" for the current folder."""
    while glob.has_magic(pattern):
        pattern = os.path.split(pattern)[0]
    return pattern


def _is_entered(match: str, start: int, left_out: LeftOut) -> bool:
    """Return whether all folders above a match, from index `start` on, are searched."""
    ends = (i for i, character in enumerate(match) if character == os.sep and i > start)
    return all(left_out.takes_folder(match[:end]) for end in ends)
