from pathlib import Path

from pawsight.pictures.catalog import Catalog
from pawsight.pictures.duplicates import exact_copies, straddling_copies
from pawsight.records import Photo


def catalog_of(*rows: tuple[str, str]) -> Catalog:
    """Photos by (sha256, part); a sha256 of "" stands for a broken one."""
    photos = [
        Photo(f"{i}.jpg", sha256=sha, part=part, problem="" if sha else "empty file")
        for i, (sha, part) in enumerate(rows)
    ]
    return Catalog("pets", Path(), tuple(photos))


def test_equal_bytes_are_grouped():
    catalog = catalog_of(("a", ""), ("b", ""), ("c", ""), ("b", ""), ("a", ""), ("b", ""))
    assert exact_copies(catalog) == [[0, 4], [1, 3, 5]]


def test_broken_photos_are_no_copies_of_each_other():
    assert exact_copies(catalog_of(("", ""), ("", ""))) == []


def test_copies_in_one_part_do_not_straddle():
    catalog = catalog_of(
        ("a", "train"), ("b", "train"), ("a", "test"), ("b", "train"), ("c", "train"), ("c", "")
    )
    assert straddling_copies(catalog) == [[0, 2]]
