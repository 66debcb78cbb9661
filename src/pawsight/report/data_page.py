"""The data page: what an audit found, with the photos, in one HTML file that needs nothing else.

No script, no link to anything outside, every name escaped. However many photos
there are, the page stays below about 10 MB: each list is cut and states how much
is left out; the audit's JSON has everything.
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
_MAX_ITEMS = 50  # of one finding
_FIRST_ITEMS = 6  # of these, before the rest is folded away: a phone shows them two by two
_MAX_ROWS = 20  # of a table, before the rest is folded away; beyond ten times that it is left out
_MAX_PER_GROUP = 4  # photos of one group of copies
_MAX_IN_GROUPS = 100  # photos of one kind of groups
# Pixels of a thumbnail's longer side, shown at up to 160: about 5 kB, less where very many are
# hard to shrink.
_SIDES = (200, 140, 100)
_QUALITY = 60  # of its JPEG
_MAX_BYTES = 9_000_000  # of all thumbnails together


_UNSHOWN = ("broken",)  # findings whose photos cannot be shown


@dataclass(frozen=True, slots=True)
class _Section:
    """One finding as the page shows it.

    `items` are those shown; `layout` is "groups", "photos", "table" or "sentences".
    """

    id: str
    finding: Finding
    items: tuple[Item, ...]
    layout: str

    @property
    def num_left(self) -> int:
        """Items that are not shown."""
        return len(self.finding.items) - len(self.items)


def audit_folder(out: str | os.PathLike[str]) -> Path:
    """Check that an audit may go into a folder: it is absent, empty, or holds an earlier audit.

    Raises:
        RunError: It holds something else.
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
    """Write audit.json, catalog.csv and audit.html into a folder; raises DiskError."""
    write_json(folder / _JSON_NAME, audit.to_json())
    catalog.save(folder / "catalog.csv")
    write_data_page(audit, catalog, folder / PAGE_NAME)


def write_data_page(audit: Audit, catalog: Catalog, path: Path) -> Path:
    """Write what an audit found as one HTML file.

    Args:
        audit: What was found.
        catalog: The photos; those shown are read from its root.
        path: The file; it is replaced.

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
        classes=_class_rows(audit),
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
    for place, item in enumerate(items):
        num_shown += len(_paths(item))
        if num_shown > _MAX_IN_GROUPS:
            items = items[:place]
            break
    return _Section(name, finding, items, "groups")


def _pictures(catalog: Catalog, paths: list[str]) -> dict[str, str]:
    """Draw the thumbnails, as finely as the size of the page allows."""
    pictures: dict[str, str] = {}
    for side in _SIDES:
        pictures = draw_thumbnails(catalog.root, paths, side, _QUALITY, catalog.pixel_scale)
        if sum(len(pictures[path]) for path in paths) <= _MAX_BYTES:
            break
    return pictures


def _paths(item: Item) -> list[str]:
    """Return the photos of an item that are shown as pictures."""
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
    looks = f"{len(sections)} of {num_checks} checks found something to look at."
    return f"{looks} Begin with: {', '.join(first)}." if first else looks


def _cards(audit: Audit) -> list[tuple[str, str, str]]:
    """Return the figures at the top: value, name, what it means."""
    formats = audit.formats
    commonest = sorted(formats, key=lambda name: -formats[name])
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
    if commonest:
        rest = ", ".join(f"{formats[name]:,} {name}" for name in commonest[1:4])
        more = f" and {len(commonest) - 4} more" if len(commonest) > 4 else ""
        cards.append((commonest[0], "format", f"besides {rest}{more}" if rest else "of all photos"))
    return cards


def _class_rows(audit: Audit) -> list[tuple[str, int, list[int]]]:
    """Return each class with its photos, in all and in each part; the largest first."""
    return sorted(audit.class_rows(), key=lambda row: -row[1])
