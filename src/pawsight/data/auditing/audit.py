"""What ingest found and what looks wrong, told to a person or a program.

`findings` gathers every check of this room into one JSON-ready dict;
`tell_about` says in a few lines what training will work with.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

from pawsight.class_weights import UNEVEN, unevenness
from pawsight.data.auditing.checks import KINDS
from pawsight.data.auditing.outliers import unlike
from pawsight.data.auditing.quality import Remark, remarks, size_differences
from pawsight.data.catalog import Catalog
from pawsight.data.duplicates.near_duplicates import (
    Groups,
    across_classes,
    exact_copies,
    near_copies,
    straddling,
)
from pawsight.progress import Progress, Silent
from pawsight.records import PARTS, Photo, Pixels

_SILENT = Silent()
_NAMED_PROBLEMS = 10


def findings(
    catalog: Catalog,
    pixels: Pixels | None = None,
    copies: Sequence[Sequence[int]] | None = None,
    progress: Progress = _SILENT,
) -> dict[str, Any]:
    """Gather the facts of a catalog and everything that looks wrong.

    Args:
        catalog: The photos.
        pixels: Their pixels; without them only the facts are judged, so that
            only exact copies are found and nothing is said of photos unlike the rest.
        copies: Groups of photos that show the same picture; None looks for them.
        progress: Is told how it goes.

    Returns:
        JSON-ready: name, root, num_photos, num_ignored, classes, parts,
        formats, sizes (smallest and largest [width, height] by area), broken,
        exact_copies and copies_across_parts (groups of paths), and findings:
        for each id of `kinds_of_finding.KINDS`, the gravest first, a dict of
        title, rule, count (of items) and items. An item is a photo (path,
        label, part, value, reason), a group of photos (photos: a list of path,
        label and part; and group, where the user's key says that they belong
        together), or a sentence about the whole set (reason).
    """
    if copies is None:
        copies = exact_copies(catalog) if pixels is None else near_copies(catalog, pixels, progress)
    usable = [catalog.photos[i] for i in catalog.usable]
    areas = sorted((p.width * p.height, p.width, p.height) for p in usable)
    paths = [photo.path for photo in catalog.photos]
    exact = exact_copies(catalog)
    return {
        "name": catalog.name,
        "root": str(catalog.root),
        "num_photos": len(catalog.photos),
        "num_ignored": catalog.num_ignored,
        "classes": _count(photo.label for photo in usable),
        "parts": _part_counts(usable),
        "formats": _count(photo.format for photo in usable),
        "sizes": {"smallest": areas[0][1:], "largest": areas[-1][1:]} if areas else {},
        "broken": [{"path": p.path, "problem": p.problem} for p in catalog.broken],
        "exact_copies": [[paths[i] for i in group] for group in exact],
        "copies_across_parts": [[paths[i] for i in g] for g in straddling(catalog, exact)],
        "findings": _findings(catalog, pixels, copies, exact, progress),
    }


def _findings(
    catalog: Catalog,
    pixels: Pixels | None,
    copies: Sequence[Sequence[int]],
    exact: Groups,
    progress: Progress,
) -> dict[str, Any]:
    remarked = remarks(catalog)
    remarked["unlike"] = unlike(catalog, pixels, progress) if pixels else []
    # The white paper of a drawing is no overexposure.
    odd = {remark.index for remark in remarked["unlike"]}
    remarked["bright"] = [remark for remark in remarked["bright"] if remark.index not in odd]
    found: dict[str, list[dict[str, Any]]] = {
        "broken": [
            {**_named(photo), "reason": photo.problem} for photo in catalog.photos if photo.problem
        ],
        "leakage": _groups(catalog, straddling(catalog, copies)) + _split_groups(catalog),
        "conflicting_labels": _groups(catalog, across_classes(catalog, copies)),
        "exact_copies": _groups(catalog, exact),
        "near_copies": _groups(catalog, _not_only_exact(catalog, copies)),
        "imbalance": _imbalance(catalog),
        "mixed_sizes": [{"reason": sentence} for sentence in size_differences(catalog)],
    }
    for kind, some in remarked.items():
        found[kind] = _remarked(catalog, some)
    return {
        kind.id: {
            "title": kind.title,
            "rule": kind.rule,
            "count": len(found[kind.id]),
            "items": found[kind.id],
        }
        for kind in KINDS
    }


def _named(photo: Photo) -> dict[str, str]:
    return {"path": photo.path, "label": photo.label, "part": photo.part}


def _groups(catalog: Catalog, groups: Sequence[Sequence[int]]) -> list[dict[str, Any]]:
    return [{"photos": [_named(catalog.photos[i]) for i in group]} for group in groups]


def _split_groups(catalog: Catalog) -> list[dict[str, Any]]:
    """The user's own groups, such as bursts of one animal, that lie in several parts."""
    members: dict[str, list[int]] = {}
    for index in catalog.usable.tolist():
        if catalog.photos[index].group:
            members.setdefault(catalog.photos[index].group, []).append(index)
    apart = straddling(catalog, list(members.values()))
    return [
        {**found, "group": catalog.photos[group[0]].group}
        for found, group in zip(_groups(catalog, apart), apart, strict=True)
    ]


def _remarked(catalog: Catalog, some: Iterable[Remark]) -> list[dict[str, Any]]:
    return [
        {**_named(catalog.photos[remark.index]), "value": remark.value, "reason": remark.reason}
        for remark in some
    ]


def _not_only_exact(catalog: Catalog, copies: Sequence[Sequence[int]]) -> list[Sequence[int]]:
    """The groups of which some files differ."""
    return [group for group in copies if len({catalog.photos[i].sha256 for i in group}) > 1]


def _imbalance(catalog: Catalog) -> list[dict[str, Any]]:
    """One item if the classes are uneven: among the training photos, where there are such."""
    taught = catalog.part("train") if catalog.has_parts else catalog.usable
    counts = Counter(catalog.photos[i].label for i in taught.tolist())
    ratio = unevenness(counts.values())
    if ratio <= UNEVEN:
        return []
    most, least = max(counts, key=lambda name: counts[name]), min(counts, key=lambda n: counts[n])
    reason = (
        f"'{most}' has {counts[most]:,} photos, '{least}' {counts[least]:,}: {ratio:.1f} times as "
        f"many. Training makes the photos of rare classes count more."
    )
    return [{"value": round(ratio, 3), "reason": reason}]


def tell_about(
    catalog: Catalog, progress: Progress, copies: Sequence[Sequence[int]] | None = None
) -> None:
    """Say what training will work with: parts, photos left out, copies.

    Args:
        catalog: The photos in their parts.
        progress: Is told.
        copies: Groups of photos that show the same picture; None takes the exact copies.
    """
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
    flawed = sum(1 for photo in catalog.photos if photo.flaw)
    if flawed:
        progress.note(f"{flawed:,} damaged photo(s) are used all the same, see catalog.csv.")
    _tell_about_copies(catalog, exact_copies(catalog) if copies is None else copies, progress)


def _tell_about_copies(
    catalog: Catalog, copies: Sequence[Sequence[int]], progress: Progress
) -> None:
    apart = straddling(catalog, copies)
    together = len(copies) - len(apart)
    if together:
        progress.note(
            f"{together:,} photo(s) are there more than once, as copies of any size or quality; "
            f"all copies of one stay in the same part."
        )
    if apart:
        progress.note(
            f"{len(apart):,} photo(s) lie in more than one part as copies, which makes the "
            f"score look better than it is; the first: {_equation(catalog, apart[0])}"
        )
    conflicts = across_classes(catalog, copies)
    if conflicts:
        progress.note(
            f"{len(conflicts):,} photo(s) have copies of another class, so one of the labels is "
            f"wrong; the first: {_equation(catalog, conflicts[0])}"
        )


def _equation(catalog: Catalog, group: Sequence[int]) -> str:
    shown = " = ".join(catalog.photos[i].path for i in group[:4])
    return shown if len(group) <= 4 else f"{shown} and {len(group) - 4:,} more"


def _part_counts(usable: Sequence[Photo]) -> dict[str, dict[str, int]]:
    return {
        part: _count(photo.label for photo in usable if photo.part == part)
        for part in PARTS
        if any(photo.part == part for photo in usable)
    }


def _count(values: Iterable[str]) -> dict[str, int]:
    return dict(sorted(Counter(values).items()))
