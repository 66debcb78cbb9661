"""Audit a set of photos, and summarize it for those who train on it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from pawsight.data.auditing.checks import CHECKS
from pawsight.data.auditing.facts import AuditFacts
from pawsight.data.auditing.findings import Audit, BrokenPhoto
from pawsight.data.catalog import Catalog
from pawsight.data.duplicates.near_duplicates import across_classes, across_parts, exact_copies
from pawsight.formatting import counted, listed, printable
from pawsight.progress import SILENT, Progress
from pawsight.records import PARTS, Photo, Pixels

_NAMED_PROBLEMS = 10


def audit_photos(
    catalog: Catalog,
    pixels: Pixels | None = None,
    duplicates: Sequence[Sequence[int]] | None = None,
    progress: Progress = SILENT,
) -> Audit:
    """Gather the facts of a catalog and all findings.

    Args:
        catalog: The photos.
        pixels: Their pixels; without them only the facts are judged, so that
            only exact copies and no outliers are found.
        duplicates: Groups of photos that show the same picture; None searches for them.
        progress: Receives progress.
    """
    facts = AuditFacts(catalog, pixels, duplicates, progress)
    usable = [catalog.photos[i] for i in catalog.usable]
    areas = sorted((p.width * p.height, p.width, p.height) for p in usable)
    of_none = set(catalog.none_paths)
    exact, apart = facts.exact_copies, across_parts(catalog, facts.exact_copies)
    return Audit(
        name=catalog.name,
        root=str(catalog.root),
        num_photos=len(catalog.photos),
        num_ignored=catalog.num_ignored,
        classes=_class_counts(catalog, usable),
        num_none=sum(photo.path in of_none for photo in usable),
        parts=_part_counts(catalog, usable),
        formats=_count(photo.format for photo in usable),
        sizes={"smallest": areas[0][1:], "largest": areas[-1][1:]} if areas else {},
        broken=tuple(BrokenPhoto(path=p.path, problem=p.problem) for p in catalog.broken),
        exact_copies=_paths(catalog, exact),
        copies_across_parts=_paths(catalog, apart),
        findings={check.id: check.finding(facts) for check in CHECKS},
    )


def _paths(catalog: Catalog, groups: Sequence[Sequence[int]]) -> tuple[tuple[str, ...], ...]:
    return tuple(tuple(catalog.photos[i].path for i in group) for group in groups)


def summarize_photos(
    catalog: Catalog, progress: Progress, copies: Sequence[Sequence[int]] | None = None
) -> None:
    """Write notes on what training works with: parts, photos left out, copies.

    Args:
        catalog: The photos in their parts.
        progress: Receives the notes.
        copies: Groups of photos that show the same picture; None takes the exact copies.
    """
    counts = ", ".join(f"{len(catalog.part(part)):,} {part}" for part in PARTS)
    classes = catalog.class_names
    named = ", ".join(classes) if len(classes) <= 8 else f"{len(classes)} classes"
    progress.note(f"{counted(len(catalog.usable), 'photo')} of {named}: {counts}.")
    broken = catalog.broken
    if broken:
        progress.note(f"Left out: {counted(len(broken), 'photo')} that cannot be used:")
        for photo in broken[:_NAMED_PROBLEMS]:
            progress.note(f"  {printable(photo.path)}: {photo.problem}")
        if len(broken) > _NAMED_PROBLEMS:
            progress.note(f"  ... and {len(broken) - _NAMED_PROBLEMS:,} more, see catalog.csv")
    flawed = sum(1 for photo in catalog.photos if photo.flaw)
    if flawed:
        progress.note(f"Used although damaged: {counted(flawed, 'photo')}, see catalog.csv.")
    _summarize_copies(catalog, exact_copies(catalog) if copies is None else copies, progress)


def _summarize_copies(
    catalog: Catalog, copies: Sequence[Sequence[int]], progress: Progress
) -> None:
    apart = across_parts(catalog, copies)
    together = len(copies) - len(apart)
    if together:
        progress.note(
            f"{counted(together, 'photo is', 'photos are')} there more than once, as copies of any "
            f"size or quality; all copies of one stay in the same part."
        )
    if apart:
        progress.note(
            f"{counted(len(apart), 'photo has', 'photos have')} copies in another part, which "
            f"makes the score look better than it is; the first: {_equation(catalog, apart[0])}"
        )
    conflicts = across_classes(catalog, copies)
    if conflicts:
        progress.note(
            f"{counted(len(conflicts), 'photo has', 'photos have')} copies of another class, so "
            f"one of the labels is wrong; the first: {_equation(catalog, conflicts[0])}"
        )
        if not catalog.task.is_multi_label:
            progress.note("  If such a photo shows both, --multi-label gives it both labels.")


def _equation(catalog: Catalog, group: Sequence[int]) -> str:
    return listed((catalog.photos[i].path for i in group), 4, " = ")


def _class_counts(catalog: Catalog, photos: Iterable[Photo]) -> dict[str, int]:
    """Count the photos of each class; those without a label are of a class ""."""
    return _count(name for photo in photos for name in catalog.names_of(photo) or ("",))


def _part_counts(catalog: Catalog, usable: Sequence[Photo]) -> dict[str, dict[str, int]]:
    return {
        part: _class_counts(catalog, (photo for photo in usable if photo.part == part))
        for part in PARTS
        if any(photo.part == part for photo in usable)
    }


def _count(values: Iterable[str]) -> dict[str, int]:
    return dict(sorted(Counter(values).items()))
