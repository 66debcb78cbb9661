"""What ingest found, told to a person or a program.

Works on a catalog alone: opens no file.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Any

from pawsight.pictures.catalog import Catalog
from pawsight.pictures.duplicates import exact_copies, straddling_copies
from pawsight.progress import Progress
from pawsight.records import PARTS

_NAMED_PROBLEMS = 10


def findings(catalog: Catalog) -> dict[str, Any]:
    """Gather the facts of a catalog.

    Returns:
        JSON-ready: name, root, num_photos, num_ignored, classes, parts,
        formats, sizes (smallest and largest [width, height] by area), broken,
        exact_copies and copies_across_parts (groups of paths).
    """
    usable = [catalog.photos[i] for i in catalog.usable]
    areas = sorted((p.width * p.height, p.width, p.height) for p in usable)
    paths = [photo.path for photo in catalog.photos]
    return {
        "name": catalog.name,
        "root": str(catalog.root),
        "num_photos": len(catalog.photos),
        "num_ignored": catalog.num_ignored,
        "classes": _count(photo.label for photo in usable),
        "parts": {
            part: _count(photo.label for photo in usable if photo.part == part)
            for part in PARTS
            if any(photo.part == part for photo in usable)
        },
        "formats": _count(photo.format for photo in usable),
        "sizes": {"smallest": areas[0][1:], "largest": areas[-1][1:]} if areas else {},
        "broken": [{"path": p.path, "problem": p.problem} for p in catalog.broken],
        "exact_copies": [[paths[i] for i in group] for group in exact_copies(catalog)],
        "copies_across_parts": [[paths[i] for i in g] for g in straddling_copies(catalog)],
    }


def tell_about(catalog: Catalog, progress: Progress) -> None:
    """Say what training will work with: parts, photos left out, copies on both sides."""
    counts = ", ".join(f"{len(catalog.part(part)):,} {part}" for part in PARTS)
    classes = catalog.class_names
    named = ", ".join(classes) if len(classes) <= 8 else f"{len(classes)} classes"
    progress.note(f"{len(catalog.usable):,} photos of {named}: {counts}.")
    broken = catalog.broken
    if broken:
        progress.note(f"{len(broken):,} photo(s) cannot be used and are left out:")
        for photo in broken[:_NAMED_PROBLEMS]:
            progress.note(f"  {photo.path}: {photo.problem}")
        if len(broken) > _NAMED_PROBLEMS:
            progress.note(f"  ... and {len(broken) - _NAMED_PROBLEMS:,} more, see catalog.csv")
    copies = straddling_copies(catalog)
    if copies:
        first = " = ".join(catalog.photos[i].path for i in copies[0])
        progress.note(
            f"{len(copies)} photo(s) lie in more than one part as exact copies, which makes the "
            f"score look better than it is; the first: {first}"
        )


def _count(values: Iterable[str]) -> dict[str, int]:
    return dict(sorted(Counter(values).items()))
