"""Photos in any form: named on a command line, or passed by a program.

Names are of files, folders, patterns and lists. A name that cannot be found does
not end the run: it becomes a row with an error, in its place among the others.
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

# os.path, not pathlib: "./a.jpg" and "a//b.jpg" stay as they were typed.
# ruff: noqa: PTH112, PTH118, PTH119, PTH122, PTH207

if TYPE_CHECKING:
    from PIL.Image import Image

# A path, the bytes of a photo file, such a file opened, a Pillow image, or uint8 pixels [H, W, 3].
PhotoLike: TypeAlias = (
    "str | os.PathLike[str] | bytes | bytearray | memoryview | BinaryIO | Image | ImageArray"
)
# A photo, or the result for one without inference, such as a file that is missing.
PhotoOrResult: TypeAlias = "PhotoLike | Prediction"
_ONE = (str, os.PathLike, bytes, bytearray, memoryview, PIL.Image.Image)
_ACCEPTED = (
    "a path, the bytes of a photo file, a file opened for reading bytes (such as io.BytesIO), "
    "a Pillow image or a uint8 array [height, width, 3]"
)

_CHUNK = 1 << 16
# What PNG can hold as it is; 32-bit and other modes go through TIFF or RGB.
_PNG_MODES = {"1", "L", "LA", "P", "RGB", "RGBA", "I;16"}
_TIFF_MODES = {"CMYK", "I", "F"}


class _NamedBytes(bytes):
    """The bytes of an opened file, with its name as `filename`."""

    filename = ""


def as_photos(photos: PhotoLike | Iterable[PhotoLike]) -> Iterable[PhotoLike]:
    """Return the photos of an argument that is one photo or many; raises InputTypeError."""
    is_one = (
        isinstance(photos, _ONE)
        or _stream_of(photos) is not None
        or (isinstance(photos, np.ndarray) and photos.dtype.kind in "buif" and photos.ndim < 4)
    )
    if is_one:
        return [cast("PhotoLike", photos)]
    if isinstance(photos, Mapping) or not hasattr(photos, "__iter__"):
        raise _not_a_photo(photos)
    return cast("Iterable[PhotoLike]", photos)


def read_opened(photos: Iterable[PhotoOrResult]) -> Iterator[PhotoOrResult]:
    """Yield photos in their order, with the content of opened files in place of the files.

    A file is read when the item is requested, before its owner may close it.
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
    """Return the path of a photo or of a result, an address without its secrets; "" for none."""
    if isinstance(photo, Prediction):
        return photo.path
    if isinstance(photo, FetchedPath):
        return photo.shown
    if isinstance(photo, str | os.PathLike):
        path = os.fspath(photo)
        return public_address(path) if isinstance(path, str) else path
    for attribute in ("filename", "name"):  # of a Pillow image, of an opened file
        name = getattr(photo, attribute, "")
        if name and isinstance(name, str | os.PathLike):
            return os.fspath(name)
    return ""


def file_bytes(photo: PhotoLike) -> bytes:
    """Return a photo as the bytes of a file, so that one decoder reads them all.

    Raises:
        PhotoError: The file cannot be read.
        ShapeError: An array is no picture.
        InputTypeError: It is nothing that can be a photo.
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


def _not_a_photo(found: object) -> InputTypeError:
    return InputTypeError(f"A photo is {_ACCEPTED}, not {type(found).__name__}.")


def _stream_of(photo: object) -> Any:
    """Return what has to be read to obtain a photo; None where it is not an opened file."""
    # Pillow images, paths and arrays have no `read`; web frameworks wrap the file in `file`.
    stream = getattr(photo, "file", photo)
    return stream if callable(getattr(stream, "read", None)) else None


def _read_opened(photo: Any) -> bytes:
    """Read an opened file from its start, as Pillow does, whatever was read of it before."""
    stream = _stream_of(photo)
    try:
        with contextlib.suppress(AttributeError, io.UnsupportedOperation):
            stream.seek(0)
        data = chunk = stream.read(MAX_BYTES + 1)
        while chunk and len(data) <= MAX_BYTES and (chunk := stream.read(_CHUNK)):
            data += chunk  # of a pipe or socket, which gives what it has
    except (OSError, ValueError) as error:
        raise PhotoError(f"cannot be read: {first_line(error)}") from error
    if not isinstance(data, bytes):
        raise InputTypeError(
            f"A photo is {_ACCEPTED}; this {type(stream).__name__} gives {type(data).__name__}. "
            f'Open files with mode "rb".'
        )
    if len(data) > MAX_BYTES:
        raise PhotoError(TOO_LARGE)
    named = _NamedBytes(data)
    named.filename = name_of(photo)
    return named


def _encoded(image: Image) -> bytes:
    """Write an open picture without loss, with its orientation and colour profile."""
    if image.mode in ("I", "F") and image.format is None:
        image = image.convert("L")  # made by Pillow, for which 255 is white in these modes
    if image.mode not in _PNG_MODES | _TIFF_MODES:
        image = image.convert("RGBA" if image.has_transparency_data else "RGB")
    file = io.BytesIO()
    try:
        kind = "TIFF" if image.mode in _TIFF_MODES else "PNG"
        image.save(file, kind, compress_level=0, exif=image.getexif())
    except Exception as error:
        # Pillow decodes a picture when it is first used, and only then finds it damaged.
        raise PhotoError(f"this picture cannot be decoded: {error}") from error
    return file.getvalue()


def expand(
    arguments: Iterable[str], stdin: BinaryIO, left_out: LeftOut | None = None
) -> Iterator[str | Prediction]:
    """Yield every photo that the arguments name, in their order.

    Args:
        arguments: Each is a file, taken whatever its name; a folder, searched
            with all below it for photos, which come sorted; a pattern such as
            `photos/**/*.jpg`, where no file has that very name; or `-` for
            a list on standard input.
        stdin: The list of files and folders for `-`, one a line or separated
            by NUL bytes (`find -print0`).
        left_out: Counts the folders that are left out, such as libraries of photo programs, and
            those without photos.

    Yields:
        Paths, and a Prediction with an `error` for what is not a path.

    Raises:
        SourceError: The arguments are folders, and no photo is in them.
    """
    left_out = left_out or LeftOut()
    is_any = False
    for argument in arguments:
        for photo in expand_one(argument, stdin, left_out):
            is_any = True
            yield photo
    if not is_any:
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
    """Read paths that are separated by NUL bytes if the first chunk has one, else by newlines."""
    read = getattr(stream, "read1", stream.read)  # a pipe gives what it has, without waiting
    chunk = read(_CHUNK)
    separator = b"\0" if b"\0" in chunk else b"\n"
    left = b""
    while chunk:
        *whole, left = (left + chunk).split(separator)
        yield from filter(None, map(_path, whole))
        chunk = read(_CHUNK)
    if path := _path(left):
        yield path


def _path(line: bytes) -> str:
    return os.fsdecode(line.removesuffix(b"\r"))


def _named(path: str, left_out: LeftOut) -> Iterator[str | Prediction]:
    if not os.path.isdir(path):
        yield path  # if there is no such file, the decoder reports it
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
    # `**` names the folders below as well as all that is in them.
    folders = [] if "**" in pattern else [match for match in matches if os.path.isdir(match)]
    files = [match for match in matches if not os.path.isdir(match)]
    # `*.dat` means just those files; `photos/*` the photos among files of all kinds.
    is_any_name = glob.has_magic(os.path.splitext(pattern)[1] or "*")
    if is_any_name:
        files = [file for file in files if kind_of(os.path.basename(file)) is Kind.PHOTO]
    yield from files
    for folder in folders:
        yield from _named(folder, left_out)
    if not files and not folders:
        yield Prediction(pattern, error="no photo matches this pattern")


def literal_folder(pattern: str) -> str:
    """Return the folder of a pattern before its first sign, "" for the current one."""
    while glob.has_magic(pattern):
        pattern = os.path.split(pattern)[0]
    return pattern


def _is_entered(match: str, start: int, left_out: LeftOut) -> bool:
    """Return whether no folder above a match, from index `start` on, is left out."""
    ends = (place for place, letter in enumerate(match) if letter == os.sep and place > start)
    return all(left_out.takes_folder(match[:end]) for end in ends)
