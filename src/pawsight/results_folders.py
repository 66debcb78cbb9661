"""Choose the folders of results, which are never among the photos."""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path, PurePosixPath
from urllib.parse import urlsplit

from pawsight.addresses import public_address
from pawsight.errors import RunError
from pawsight.run_addresses import is_address
from pawsight.storage.atomic import check_writable, plain_name


def results_dir(kind: str, source: str | os.PathLike[str]) -> Path:
    """Return the default folder for results, such as `runs`, in the current folder.

    If the current folder is among the photos, it is beside them instead.
    """
    photos = Path(source)
    if photos.is_dir() and Path.cwd().is_relative_to(photos.resolve()):
        return photos.resolve().parent / kind
    return Path(kind)


def default_dirs(source_name: str, parent: Path) -> Iterator[Path]:
    """Yield new folders for a run: `<parent>/<date>-<time>-<source>`, and numbered names."""
    name = f"{datetime.now():%Y-%m-%d-%H%M%S}-{plain_name(source_name)}"
    folders = (parent / (name if n == 1 else f"{name}-{n}") for n in range(1, 1000))
    yield from (folder for folder in folders if not folder.exists())


def default_results_dir(kind: str, source: str | os.PathLike[str], suffix: str = "") -> Path:
    """Return a new default folder for results: `<kind>/<date>-<time>-<source><suffix>`."""
    return next(default_dirs(f"{_name_of(source)}{suffix}", results_dir(kind, source)))


def _name_of(source: str | os.PathLike[str]) -> str:
    """Return the name of a source without its ending; of an address without a path, its host."""
    text = public_address(str(source))
    if "://" in text:
        address = urlsplit(text, allow_fragments=False)
        return PurePosixPath(address.path).stem or address.netloc
    path = Path(text).absolute()
    return path.name if path.is_dir() else path.stem


def check_outside(
    folder: str | os.PathLike[str], source: str | os.PathLike[str], option: str = "--out"
) -> None:
    """Check that results can be written, and are not written among the photos.

    Args:
        folder: Where the results are written.
        source: The photos.
        option: The option that chooses the folder, for the message.

    Raises:
        RunError: `source` is a folder and `folder` is in it.
        DiskError: `folder` cannot be written.
    """
    if is_address(folder):
        return
    photos = Path(source)
    if photos.is_dir() and Path(folder).resolve().is_relative_to(photos.resolve()):
        raise RunError(
            f"{folder} is in {photos}, and nothing is ever written among the photos.\n"
            f"Choose another {option} folder."
        )
    check_writable(Path(folder), f"Choose another {option} folder.")


def folder_of_runs(
    source: str | os.PathLike[str], out: str | os.PathLike[str] | None, suffix: str
) -> Path:
    """Return the folder for several runs: `out`, or a new default folder with the suffix.

    Raises:
        RunError: `out` is an address, or is among the photos.
    """
    if out is None:
        out = default_results_dir("runs", source, suffix)
    check_outside(out, source)
    if is_address(out):
        raise RunError(
            f"{public_address(out)} is an address, which can only hold a single run.\n"
            f"Give --out a folder."
        )
    return Path(out)
