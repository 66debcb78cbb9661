"""Photos in whatever form they are given: typed by a person, or passed by a program.

A person names files, folders, patterns and lists. Nothing of that stops a run:
what cannot be found becomes a row that says so, in its place among the others.
"""

from __future__ import annotations

import glob
import io
import os
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, BinaryIO, TypeAlias

import numpy as np
import PIL.Image

from pawsight.data.decoding.decode import read_photo
from pawsight.data.file_types import Kind, kind_of
from pawsight.data.listing.walk import walk
from pawsight.errors import PhotoError, ShapeError
from pawsight.records import ImageArray, Prediction

# os.path, not pathlib: "./a.jpg" and "a//b.jpg" stay as they were typed.
# ruff: noqa: PTH112, PTH118, PTH119, PTH122, PTH207

if TYPE_CHECKING:
    from PIL.Image import Image

# A path, the bytes of a photo file, an open picture, or uint8 pixels [H, W, 3].
# A Prediction stands for itself: a row decided before the model was asked.
PhotoLike: TypeAlias = "str | os.PathLike[str] | bytes | Image | ImageArray | Prediction"

_CHUNK = 1 << 16
# What PNG can hold as it is; 32-bit and other modes go through TIFF or RGB.
_PNG_MODES = {"1", "L", "LA", "P", "RGB", "RGBA", "I;16"}
_TIFF_MODES = {"CMYK", "I", "F"}


def name_of(photo: PhotoLike) -> str:
    """Give the path of a photo, or of a row that is decided; "" where it has none."""
    if isinstance(photo, Prediction):
        return photo.path
    if isinstance(photo, str | os.PathLike):
        return os.fspath(photo)
    name = getattr(photo, "filename", "")  # of a picture that Pillow opened
    return os.fspath(name) if isinstance(name, str | os.PathLike) else ""


def file_bytes(photo: PhotoLike) -> bytes:
    """Give a photo as the bytes of a file, so that one decoder sees them all.

    Raises:
        PhotoError: The file cannot be read.
        ShapeError: An array is no picture.
        TypeError: It is nothing that can be a photo.
    """
    if isinstance(photo, str | os.PathLike):
        return read_photo(photo)
    if isinstance(photo, bytes):
        return photo
    if isinstance(photo, np.ndarray):
        if photo.dtype != np.uint8 or photo.ndim != 3 or photo.shape[2] != 3 or not photo.size:
            raise ShapeError(
                f"A photo as an array is uint8 of shape [height, width, 3] with values 0 to 255, "
                f"not {photo.dtype} of shape {list(photo.shape)}."
            )
        return _encoded(PIL.Image.fromarray(photo))
    if isinstance(photo, PIL.Image.Image):
        return _encoded(photo)
    raise TypeError(
        f"A photo is a path, bytes, a Pillow image or a uint8 array, not {type(photo).__name__}"
    )


def _encoded(image: Image) -> bytes:
    """Write an open picture without loss, with its orientation and colour profile."""
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


def expand(arguments: Iterable[str], stdin: BinaryIO) -> Iterator[str | Prediction]:
    """Name every photo that the arguments mean, in their order.

    Args:
        arguments: Each is a file, taken whatever its name; a folder, searched
            with all below it for photos, which come sorted; a pattern such as
            `photos/**/*.jpg`, where no file has that very name; or `-` for
            a list on standard input.
        stdin: The list of files and folders for `-`, one a line or separated
            by NUL bytes (`find -print0`).

    Yields:
        Paths, and for what cannot be one a Prediction whose `error` says why.
    """
    for argument in arguments:
        if argument == "-":
            for path in read_list(stdin):
                yield from _named(path)
        elif glob.has_magic(argument) and not os.path.lexists(argument):
            yield from _matching(argument)
        else:
            yield from _named(argument)


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


def _named(path: str) -> Iterator[str | Prediction]:
    if not os.path.isdir(path):
        yield path  # the decoder says so if there is no such file
        return
    photos = sorted(walk(path).photos, key=lambda photo: photo.path)
    for photo in photos:
        inside = os.path.normpath(os.path.join(path, photo.path))
        yield Prediction(inside, error=photo.problem) if photo.problem else inside
    if not photos:
        yield Prediction(path, error="the folder has no photos in it")


def _matching(pattern: str) -> Iterator[str | Prediction]:
    matches = sorted(glob.glob(pattern, recursive=True))
    # `**` names the folders below as well as all that is in them.
    folders = [] if "**" in pattern else [match for match in matches if os.path.isdir(match)]
    files = [match for match in matches if not os.path.isdir(match)]
    # `*.dat` asks for just those files; `photos/*` for the photos among all sorts.
    is_any_name = glob.has_magic(os.path.splitext(pattern)[1] or "*")
    if is_any_name:
        files = [file for file in files if kind_of(os.path.basename(file)) is Kind.PHOTO]
    yield from files
    for folder in folders:
        yield from _named(folder)
    if not files and not folders:
        yield Prediction(pattern, error="no photo matches this pattern")
