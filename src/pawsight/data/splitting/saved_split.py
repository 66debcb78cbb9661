"""The parts that photos had in an earlier run, so that they keep them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from pawsight.data.catalog import Catalog
from pawsight.data.part_names import part_of
from pawsight.data.sources.table import read_rows
from pawsight.errors import DataError
from pawsight.formatting import original_path
from pawsight.records import PARTS, Part, Photo
from pawsight.run_addresses import is_address
from pawsight.runs import Run


def saved_parts(where: str, catalog: Catalog) -> dict[int, Part]:
    """Return the part that each usable photo had; at least one has to be found.

    Args, returns: As `parts_found`.

    Raises:
        SourceError: The file cannot be read.
        DataError: It has no parts, or none of the photos is in it.
    """
    found = parts_found(where, catalog)
    if not found:
        raise DataError(
            f"None of the photos in {catalog.root} is named in {where}, so no part can "
            f"be kept.\nGive the run folder, or the split.csv, of a run on these photos."
        )
    return found


def parts_found(where: str, catalog: Catalog) -> dict[int, Part]:
    """Return the part that each usable photo had.

    A photo is found by its sha256 where the table has them, so it may have
    been moved or renamed since; where it was not found so, or the table only
    has paths, it is found by its path, unless the table has other bytes there.

    Args:
        where: A run folder, its address, or a CSV with the columns path and part such as a
            run's catalog.csv or split.csv. Of a run that started from another one, the photos
            that only that one had count as well.
        catalog: The photos now.

    Returns:
        The part by catalog index, of the photos that were found.

    Raises:
        SourceError: The file cannot be read.
        DataError: A part in it is none.
        RunError: There is no run at the address.
    """
    place = Run.open(where).path if is_address(where) else Path(where).expanduser()
    by_path: dict[str, tuple[str, Part]] = {}
    by_bytes: dict[str, Part] = {}
    earlier_path = Run(place).earlier_path
    rows = [*(_rows(earlier_path) if earlier_path.is_file() else ()), *_rows(_table_in(place))]
    for path, sha256, part in rows:
        by_path[path] = (sha256, part)
        # Of copies that were on both sides, a new one joins those that are trained on.
        by_bytes[sha256] = min(part, by_bytes.get(sha256, part), key=PARTS.index)
    by_bytes.pop("", None)
    found = {}
    for index in catalog.usable.tolist():
        photo = catalog.photos[index]
        sha256, at_path = by_path.get(photo.path, ("", None))
        if at_path and sha256 in ("", photo.sha256):
            found[index] = at_path
        elif photo.sha256 in by_bytes:
            found[index] = by_bytes[photo.sha256]
    return found


def save_earlier(run: Run, catalog: Catalog, path: Path) -> None:
    """Write the photos that an earlier run had and a catalog has not, with their parts.

    A later run that starts from the new one keeps them out of its test part if they were trained
    on.

    Args:
        run: The earlier run.
        catalog: The photos now.
        path: The file to write.

    Raises:
        DiskError: It cannot be written.
    """
    rows = [*(_rows(run.earlier_path) if run.earlier_path.is_file() else ())]
    rows += _rows(_table_in(run.path))
    here = {photo.sha256 for photo in catalog.photos}
    gone = tuple(
        Photo(path=name, label="", part=part, sha256=sha256)
        for name, sha256, part in rows
        if sha256 and sha256 not in here
    )
    Catalog(catalog.name, catalog.root, gone).save(path)


def _rows(path: Path) -> Iterator[tuple[str, str, Part]]:
    """Yield path, sha256 and part of the photos in a table that had a part."""
    for number, cells in read_rows(path, ("path", "part"), "path,part   or: path,sha256,part"):
        written = cells.get("part", "").lower()
        if not written:  # a photo that could not be read then
            continue
        part = part_of(written)
        if not part:
            raise DataError(
                f"Line {number} of {path} has the part '{written}'; "
                f"it can be train, validation or test."
            )
        yield original_path(cells["path"]), cells.get("sha256", ""), part


def restore(catalog: Catalog, where: str) -> Catalog:
    """Return the catalog with the parts that photos had, and none for those that are new.

    Used to resume a run with its own split.

    Args, raises: As `saved_parts`.
    """
    parts = saved_parts(where, catalog)
    return catalog.with_parts({index: parts.get(index, "") for index in catalog.usable.tolist()})


def _table_in(path: Path) -> Path:
    """Find the table in a run folder; a catalog has the photos' checksums, so it comes first."""
    if not path.is_dir():
        return path
    run = Run(path)
    for table in (run.catalog_path, run.split_path):
        if table.is_file():
            return table
    raise DataError(
        f"{path} is not a run folder: it has neither {run.catalog_path.name} nor "
        f"{run.split_path.name}.\nGive the folder that `pawsight train` named at its end."
    )
