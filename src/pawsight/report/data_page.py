"""The data page: what an audit found, with the photos, in one HTML file that needs nothing else.

No script, no link to anything outside, every name escaped. However many photos
there are, the page stays below about 10 MB: each list is cut and says how much
is left out; the audit's JSON has everything.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pawsight import __version__
from pawsight.data.auditing.checks import KINDS, Kind
from pawsight.data.catalog import Catalog
from pawsight.errors import RunError
from pawsight.report.templates import load_template
from pawsight.report.thumbnails import draw_thumbnails
from pawsight.storage.atomic import write_json, write_text

PAGE_NAME = "audit.html"
_JSON_NAME = "audit.json"
MOST_ITEMS = 50  # of one kind
MOST_ROWS = 20  # of a table, before the rest is folded away; beyond ten times that it is left out
_MOST_OF_A_GROUP = 4  # photos of one group of copies
_MOST_IN_GROUPS = 100  # photos of one kind of copies
# Pixels of a thumbnail's longer side, shown at up to 160, and the quality of its JPEG: about
# 6 kB, less where very many are hard to shrink.
_FINENESS = ((200, 70), (140, 60), (100, 50))
_MOST_BYTES = 9_000_000  # of all thumbnails together


@dataclass(frozen=True, slots=True)
class _Section:
    """One kind of finding as the page shows it."""

    kind: Kind
    count: int
    num_photos: int  # in all groups
    items: list[dict[str, Any]]  # those shown

    @property
    def num_left(self) -> int:
        """Items that are not shown."""
        return self.count - len(self.items)


def audit_folder(out: str | os.PathLike[str]) -> Path:
    """Say that an audit may go into a folder: there is none yet, an empty one, or an earlier audit.

    Raises:
        RunError: It holds something else.
    """
    folder = Path(out)
    is_free = not folder.exists() or (folder.is_dir() and not any(folder.iterdir()))
    if not is_free and not (folder / _JSON_NAME).is_file():
        raise RunError(
            f"{folder} already holds something, and only an earlier audit is overwritten.\n"
            f"Choose another --out folder."
        )
    return folder


def save_audit(folder: Path, findings: dict[str, Any], catalog: Catalog) -> None:
    """Write audit.json, catalog.csv and audit.html into a folder.

    Raises:
        DiskError: One of them cannot be written.
    """
    write_json(folder / _JSON_NAME, findings)
    catalog.save(folder / "catalog.csv")
    write_data_page(findings, catalog, folder / PAGE_NAME)


def write_data_page(findings: dict[str, Any], catalog: Catalog, path: Path) -> Path:
    """Write what an audit found as one HTML file.

    Args:
        findings: What `pictures.audit.findings` gives.
        catalog: The photos; those shown are read from its root.
        path: The file; it is replaced.

    Returns:
        The path.

    Raises:
        DiskError: The page cannot be written.
    """
    sections = [_section(kind, findings["findings"][kind.id]) for kind in KINDS]
    found = [section for section in sections if section.count]
    pictures = _pictures(catalog.root, _paths(found))
    page = load_template("data.html.j2").render(
        name=findings["name"],
        root=findings["root"],
        headline=_headline(findings),
        verdict=_verdict(found),
        cards=_cards(findings),
        sections=sections,
        found=found,
        classes=_class_rows(findings),
        parts=list(findings["parts"]),
        pictures=pictures,
        most_of_a_group=_MOST_OF_A_GROUP,
        most_rows=MOST_ROWS,
        version=__version__,
    )
    write_text(path, page)
    return path


def _section(kind: Kind, finding: dict[str, Any]) -> _Section:
    items = finding["items"][:MOST_ITEMS]
    num_photos = finding["count"]
    if kind.shape == "groups":
        num_photos = sum(len(item["photos"]) for item in finding["items"])
        num_shown = 0
        for place, item in enumerate(items):
            num_shown += min(len(item["photos"]), _MOST_OF_A_GROUP)
            if num_shown > _MOST_IN_GROUPS:
                items = items[:place]
                break
    return _Section(kind, finding["count"], num_photos, items)


def _pictures(root: Path, paths: list[str]) -> dict[str, str]:
    """Draw the thumbnails, as finely as the size of the page allows."""
    pictures: dict[str, str] = {}
    for side, quality in _FINENESS:
        pictures = draw_thumbnails(root, paths, side, quality)
        if sum(len(pictures[path]) for path in paths) <= _MOST_BYTES:
            break
    return pictures


def _paths(sections: list[_Section]) -> list[str]:
    """The photos that are shown as pictures."""
    paths = []
    for section in sections:
        if section.kind.shape == "groups":
            for item in section.items:
                paths += [photo["path"] for photo in item["photos"][:_MOST_OF_A_GROUP]]
        elif section.kind.shape == "photos" and section.kind.id != "broken":
            paths += [item["path"] for item in section.items]
    return paths


def _headline(findings: dict[str, Any]) -> str:
    num_classes = len([name for name in findings["classes"] if name])
    photos = f"{findings['num_photos']:,} {_plural(findings['num_photos'], 'photo')}"
    if not num_classes:
        return f"{photos} without classes"
    return f"{photos} in {num_classes:,} {_plural(num_classes, 'class', 'classes')}"


def _verdict(found: list[_Section]) -> str:
    if not found:
        return "Nothing was found that looks wrong."
    grave = [s for s in found if s.kind.id in ("leakage", "conflicting_labels", "broken")]
    looks = f"{len(found)} of {len(KINDS)} checks found something to look at."
    if grave:
        looks += f" Begin with: {', '.join(section.kind.title.lower() for section in grave)}."
    return looks


def _cards(findings: dict[str, Any]) -> list[tuple[str, str, str]]:
    """The figures at the top: value, name, what it means."""
    formats = findings["formats"]
    commonest = sorted(formats, key=lambda name: -formats[name])
    sizes = findings["sizes"]
    cards = [
        (f"{sum(findings['classes'].values()):,}", "can be used", "read in full, once"),
        (f"{len(findings['broken']):,}", "cannot be read", "left out, not changed"),
        (f"{findings['num_ignored']:,}", "other files", "no photos, ignored"),
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


def _class_rows(findings: dict[str, Any]) -> list[tuple[str, int, list[int]]]:
    """Each class with its photos, in all and in each part; the largest first."""
    parts = findings["parts"].values()
    rows = [
        (name or "without a class", count, [part.get(name, 0) for part in parts])
        for name, count in findings["classes"].items()
    ]
    return sorted(rows, key=lambda row: -row[1])


def _plural(count: int, one: str, many: str = "") -> str:
    return one if count == 1 else many or f"{one}s"
