"""Where results are written: never among the photos."""

from __future__ import annotations

import os
from pathlib import Path

from pawsight.addresses import public_address
from pawsight.errors import RunError
from pawsight.runs import default_dirs


def results_dir(kind: str, source: str | os.PathLike[str]) -> Path:
    """Return the folder for results without --out: `kind` here, or beside the photos if in them."""
    photos = Path(source)
    if photos.is_dir() and Path.cwd().is_relative_to(photos.resolve()):
        return photos.resolve().parent / kind
    return Path(kind)


def default_results_dir(kind: str, source: str | os.PathLike[str], suffix: str = "") -> Path:
    """Return a free folder for results without --out: `<kind>/<date>-<time>-<source><suffix>`."""
    name = f"{Path(public_address(str(source))).absolute().stem}{suffix}"
    return next(default_dirs(name, results_dir(kind, source)))


def check_outside(
    folder: str | os.PathLike[str], source: str | os.PathLike[str], option: str = "--out"
) -> None:
    """Check that results are not written among the photos.

    Args:
        folder: Where they are written.
        source: The photos.
        option: What chooses the folder.

    Raises:
        RunError: `source` is a folder and `folder` is in it.
    """
    photos = Path(source)
    if photos.is_dir() and Path(folder).resolve().is_relative_to(photos.resolve()):
        raise RunError(
            f"{folder} is in {photos}, and nothing is ever written among the photos.\n"
            f"Choose another {option} folder."
        )
