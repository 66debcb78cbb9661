"""Write the data page: the findings of an audit with their photos, in a self-contained HTML file.

The page has no script and no external link, and every name is escaped. It stays below
about 10 MB for any number of photos: long lists are cut, and state how much is left out;
audit.json is complete.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from pawsight import __version__
from pawsight.data.auditing.checks import CHECKS
from pawsight.data.auditing.findings import Audit, Finding, GroupItem, Item, PhotoItem, SentenceItem
from pawsight.data.catalog import Catalog
from pawsight.errors import RunError
from pawsight.formatting import counted
from pawsight.report.templates import load_template
from pawsight.report.thumbnails import draw_thumbnails
from pawsight.storage.atomic import write_json, write_text

PAGE_NAME = "audit.html"
_JSON_NAME = "audit.json"
_MAX_ITEMS = 50  # of a finding
_FIRST_ITEMS = 6  # of these, before the rest is collapsed: a phone shows them in two columns
_MAX_ROWS = 20  # of a table, before the rest is collapsed; ten times as many are the maximum
_MAX_PER_GROUP = 4  # photos of a group of copies
_MAX_IN_GROUPS = 100  # photos in all groups of a finding
# Pixels of a thumbnail's longer side; it is shown at up to 160. A thumbnail has about 5 kB;
# the smaller sizes are for pages with many photos that compress badly.
_SIDES = (200, 140, 100)
_QUALITY = 60  # of its JPEG
_MAX_BYTES = 9_000_000  # of all thumbnails together
_UNSHOWN = ("broken",)  # findings whose photos cannot be shown


@dataclass(frozen=True, slots=True)
class _Section:
    """A finding as the page shows it."""

    id: str
    finding: Finding
    items: tuple[Item, ...]  # items that are shown
    layout: str  # "groups", "photos", "table" or "sentences"

    @property
    def num_left(self) -> int:
        """Number of items that are not shown."""
        return len(self.finding.items) - len(self.items)


def audit_folder(out: str | os.PathLike[str]) -> Path:
    """Return the folder of an audit, after checking that nothing else is overwritten in it.

    Raises:
        RunError: The folder has files that are not those of an earlier audit.
    """
    folder = Path(out)
    is_free = not folder.exists() or (folder.is_dir() and not any(folder.iterdir()))
    if not is_free and not (folder / _JSON_NAME).is_file():
        raise RunError(
            f"{folder} is not empty, and only an earlier audit is overwritten.\n"
            f"Choose another --out folder."
        )
    return folder


def save_audit(folder: Path, audit: Audit, catalog: Catalog) -> None:
    """Write audit.json, catalog.csv and audit.html into a folder.

    Raises:
        DiskError: A file cannot be written.
    """
    write_json(folder / _JSON_NAME, audit.to_json())
    catalog.save(folder / "catalog.csv")
    write_data_page(audit, catalog, folder / PAGE_NAME)


def write_data_page(audit: Audit, catalog: Catalog, path: Path) -> Path:
    """Write the findings of an audit as a self-contained HTML file.

    Args:
        audit: The findings.
        catalog: The photos; the displayed photos are read from its root.
        path: The file; it is replaced.

    Returns:
        The file.

    Raises:
        DiskError: The page cannot be written.
    """
    sections = [_section(name, finding) for name, finding in audit.findings.items()]
    shown = [section for section in sections if section.items]
    pictures = _pictures(
        catalog,
        [
            path
            for section in shown
            if section.layout != "table"
            for item in section.items
            for path in _paths(item)
        ],
    )
    page = load_template("data.html.j2").render(
        name=audit.name,
        root=audit.root,
        headline=_headline(audit),
        verdict=_verdict(shown, len(sections)),
        cards=_cards(audit),
        sections=sections,
        found=shown,
        classes=sorted(audit.class_rows(), key=lambda row: -row[1]),  # the largest first
        parts=list(audit.parts),
        pictures=pictures,
        most_of_a_group=_MAX_PER_GROUP,
        most_rows=_MAX_ROWS,
        first_items=_FIRST_ITEMS,
        version=__version__,
    )
    write_text(path, page)
    return path


def _section(name: str, finding: Finding) -> _Section:
    items = finding.items[:_MAX_ITEMS]
    if finding.kind is SentenceItem:
        return _Section(name, finding, items, "sentences")
    if finding.kind is PhotoItem:
        return _Section(name, finding, items, "table" if name in _UNSHOWN else "photos")
    num_shown = 0
    for position, item in enumerate(items):
        num_shown += len(_paths(item))
        if num_shown > _MAX_IN_GROUPS:
            items = items[:position]
            break
    return _Section(name, finding, items, "groups")


def _pictures(catalog: Catalog, paths: list[str]) -> dict[str, str]:
    """Return the thumbnails by path, in the largest size that the size of the page allows."""
    pictures: dict[str, str] = {}
    for side in _SIDES:
        pictures = draw_thumbnails(catalog.root, paths, side, _QUALITY, catalog.pixel_scale)
        if sum(len(pictures[path]) for path in paths) <= _MAX_BYTES:
            break
    return pictures


def _paths(item: Item) -> list[str]:
    """Return the paths of the photos of an item that are shown as pictures."""
    if isinstance(item, GroupItem):
        return [photo.path for photo in item.photos[:_MAX_PER_GROUP]]
    return [item.path] if isinstance(item, PhotoItem) else []


def _headline(audit: Audit) -> str:
    num_classes = len([name for name in audit.classes if name])
    photos = counted(audit.num_photos, "photo")
    if not num_classes:
        return f"{photos} without classes"
    return f"{photos} in {counted(num_classes, 'class', 'classes')}"


def _verdict(sections: list[_Section], num_checks: int) -> str:
    if not sections:
        return "No problems found."
    serious = {check.id for check in CHECKS if check.is_serious}
    first = [section.finding.title.lower() for section in sections if section.id in serious]
    verdict = f"{len(sections)} of {num_checks} checks found something to look at."
    return f"{verdict} Begin with: {', '.join(first)}." if first else verdict


def _cards(audit: Audit) -> list[tuple[str, str, str]]:
    """Return the numbers at the top of the page as (value, name, meaning)."""
    formats = audit.formats
    by_count = sorted(formats, key=lambda name: -formats[name])
    sizes = audit.sizes
    cards = [
        (f"{sum(audit.classes.values()):,}", "can be used", "read in full, once"),
        (f"{len(audit.broken):,}", "cannot be used", "left out, not changed"),
        (f"{audit.num_ignored:,}", "other files", "no photos, ignored"),
    ]
    if sizes:
        small, large = (" × ".join(map(str, sizes[key])) for key in ("smallest", "largest"))
        extent = "all alike" if small == large else f"the smallest; the largest {large}"
        cards.append((small, "pixels", extent))
    if by_count:
        rest = ", ".join(f"{formats[name]:,} {name}" for name in by_count[1:4])
        more = f" and {len(by_count) - 4} more" if len(by_count) > 4 else ""
        cards.append((by_count[0], "format", f"besides {rest}{more}" if rest else "of all photos"))
    return cards
