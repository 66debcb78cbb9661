"""Load the parts that photos had in an earlier run, so that they keep them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from pawsight.data.catalog import Catalog
from pawsight.data.part_names import part_of
from pawsight.data.sources.table import read_rows
from pawsight.errors import DataError
from pawsight.formatting import original_path, printable
from pawsight.records import PARTS, Part, Photo
from pawsight.run_addresses import is_address
from pawsight.runs import Run


def saved_parts(where: str, catalog: Catalog) -> dict[int, Part]:
    """Return what `parts_found` returns for the same arguments, but require at least one part.

    Raises:
        SourceError: The file cannot be read.
        DataError: The file has an invalid part, or names none of the photos.
        RunError: There is no run at the address.
    """
    parts = parts_found(where, catalog)
    if not parts:
        raise DataError(
            f"None of the photos in {catalog.root} is named in {where}, so no part can be kept.\n"
            f"Pass the run folder, or the split.csv, of a run on these photos."
        )
    return parts


def parts_found(where: str, catalog: Catalog) -> dict[int, Part]:
    """Return the part that each usable photo had.

    A photo is matched by its path if the table has the same SHA-256 or none in that
    row. Otherwise it is matched by its SHA-256, so it may have been moved or renamed.

    Args:
        where: A run folder, its address, or a CSV with the columns path and part, such as a
            run's catalog.csv or split.csv. If that run started from another run, the photos
            of the other run are included.
        catalog: The photos now.

    Returns:
        The part by catalog index; photos without a match are left out.

    Raises:
        SourceError: The file cannot be read.
        DataError: The file has an invalid part.
        RunError: There is no run at the address.
    """
    path = Run.open(where).path if is_address(where) else Path(where).expanduser()
    by_path: dict[str, tuple[str, Part]] = {}
    by_sha256: dict[str, Part] = {}
    for photo_path, sha256, part in _rows_of_run(path):
        by_path[photo_path] = (sha256, part)
        # If copies were in several parts, a new copy is trained on, if any of them was.
        by_sha256[sha256] = min(part, by_sha256.get(sha256, part), key=PARTS.index)
    by_sha256.pop("", None)
    parts = {}
    for index in catalog.usable.tolist():
        photo = catalog.photos[index]
        sha256, part_at_path = by_path.get(photo.path, ("", None))
        if part_at_path and sha256 in ("", photo.sha256):
            parts[index] = part_at_path
        elif photo.sha256 in by_sha256:
            parts[index] = by_sha256[photo.sha256]
    return parts


def save_earlier(run: Run, catalog: Catalog, path: Path) -> None:
    """Write the photos of an earlier run that are missing in a catalog, with their parts.

    A later run that starts from the new run does not test on photos that an earlier run
    was trained on.

    Args:
        run: The earlier run.
        catalog: The photos now.
        path: The file to write.

    Raises:
        DiskError: The file cannot be written.
    """
    present = {photo.sha256 for photo in catalog.photos}
    missing = tuple(
        Photo(path=name, label="", part=part, sha256=sha256)
        for name, sha256, part in _rows_of_run(run.path)
        if sha256 and sha256 not in present
    )
    Catalog(catalog.name, catalog.root, missing).save(path)


def _rows_of_run(path: Path) -> Iterator[tuple[str, str, Part]]:
    """Yield the rows of a run or table, after those of the runs that the run started from."""
    earlier_path = Run(path).earlier_path
    if earlier_path.is_file():
        yield from _rows(earlier_path)
    yield from _rows(_table_in(path))


def _rows(path: Path) -> Iterator[tuple[str, str, Part]]:
    """Yield path, SHA-256 and part of the photos in a table that have a part."""
    for number, cells in read_rows(path, ("path", "part"), "path,part   or: path,sha256,part"):
        name = cells.get("part", "").lower()
        if not name:  # the photo could not be read
            continue
        part = part_of(name)
        if not part:
            raise DataError(
                f"Line {number} of {path} has the part '{printable(name)}'; "
                f"it can be train, validation or test."
            )
        yield original_path(cells["path"]), cells.get("sha256", ""), part


def restore(catalog: Catalog, where: str) -> Catalog:
    """Return the catalog with the parts that photos had; new photos have no part.

    Used to resume a run with its own split.

    Args:
        catalog: The photos now.
        where: As for `saved_parts`.

    Raises:
        SourceError, DataError, RunError: As `saved_parts`.
    """
    parts = saved_parts(where, catalog)
    return catalog.with_parts({index: parts.get(index, "") for index in catalog.usable.tolist()})


def _table_in(path: Path) -> Path:
    """Return the table in a run folder: the catalog, which has checksums, or else the split."""
    if not path.is_dir():
        return path
    run = Run(path)
    for table in (run.catalog_path, run.split_path):
        if table.is_file():
            return table
    raise DataError(
        f"{path} is not a run folder: it has neither {run.catalog_path.name} nor "
        f"{run.split_path.name}.\nPass the folder that `pawsight train` printed at its end."
    )
