"""Audit a set of photos, and summarize it before training."""

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
        pixels: Their pixels; without them, only the facts of the files are checked: no
            outliers are found, and no copies except exact copies.
        duplicates: Groups of photos that show the same picture; None searches for them.
        progress: Receives progress.

    Returns:
        The facts, and the finding of each check, by its id.
    """
    facts = AuditFacts(catalog, pixels, duplicates, progress)
    usable = [catalog.photos[i] for i in catalog.usable]
    areas = sorted((p.width * p.height, p.width, p.height) for p in usable)
    none_paths = set(catalog.none_paths)
    return Audit(
        name=catalog.name,
        root=str(catalog.root),
        num_photos=len(catalog.photos),
        num_ignored=catalog.num_ignored,
        classes=_class_counts(catalog, usable),
        num_none=sum(photo.path in none_paths for photo in usable),
        parts=_part_counts(catalog, usable),
        formats=_count(photo.format for photo in usable),
        sizes={"smallest": areas[0][1:], "largest": areas[-1][1:]} if areas else {},
        broken=tuple(BrokenPhoto(path=p.path, problem=p.problem) for p in catalog.broken),
        exact_copies=_paths(catalog, facts.exact_copies),
        copies_across_parts=_paths(catalog, across_parts(catalog, facts.exact_copies)),
        findings={check.id: check.finding(facts) for check in CHECKS},
    )


def _paths(catalog: Catalog, groups: Sequence[Sequence[int]]) -> tuple[tuple[str, ...], ...]:
    return tuple(tuple(catalog.photos[i].path for i in group) for group in groups)


def summarize_photos(
    catalog: Catalog, progress: Progress, copies: Sequence[Sequence[int]] | None = None
) -> None:
    """Write notes on the photos that training uses: parts, photos left out, copies.

    Args:
        catalog: The photos in their parts.
        progress: Receives the notes.
        copies: Groups of photos that show the same picture; None takes the exact copies.
    """
    counts = ", ".join(f"{len(catalog.part(part)):,} {part}" for part in PARTS)
    classes = catalog.class_names
    names = ", ".join(classes) if len(classes) <= 8 else f"{len(classes)} classes"
    progress.note(f"{counted(len(catalog.usable), 'photo')} of {names}: {counts}.")
    broken = catalog.broken
    if broken:
        progress.note(f"Left out: {counted(len(broken), 'photo')} that cannot be used:")
        for photo in broken[:_NAMED_PROBLEMS]:
            progress.note(f"  {printable(photo.path)}: {photo.problem}")
        if len(broken) > _NAMED_PROBLEMS:
            progress.note(f"  ... and {len(broken) - _NAMED_PROBLEMS:,} more, see catalog.csv")
    num_flawed = sum(bool(photo.flaw) for photo in catalog.photos)
    if num_flawed:
        progress.note(f"Used although damaged: {counted(num_flawed, 'photo')}, see catalog.csv.")
    _summarize_copies(catalog, exact_copies(catalog) if copies is None else copies, progress)


def _summarize_copies(
    catalog: Catalog, copies: Sequence[Sequence[int]], progress: Progress
) -> None:
    apart = across_parts(catalog, copies)
    num_together = len(copies) - len(apart)
    if num_together:
        progress.note(
            f"{counted(num_together, 'photo has', 'photos have')} copies, of any size or quality; "
            f"all copies of a photo are in the same part."
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
    """Count the photos of each class; photos without a label count for the class ""."""
    return _count(name for photo in photos for name in catalog.names_of(photo) or ("",))


def _part_counts(catalog: Catalog, usable: Sequence[Photo]) -> dict[str, dict[str, int]]:
    return {
        part: _class_counts(catalog, (photo for photo in usable if photo.part == part))
        for part in PARTS
        if any(photo.part == part for photo in usable)
    }


def _count(values: Iterable[str]) -> dict[str, int]:
    return dict(sorted(Counter(values).items()))
