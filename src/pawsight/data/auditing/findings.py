"""Define the result of an audit, as objects and as audit.json."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, Field, ValidationError, computed_field

from pawsight.errors import RunError, first_problem
from pawsight.text_field import Text


class _Record(BaseModel, frozen=True):
    """A record that cannot be changed; unknown fields are ignored."""


class PhotoItem(_Record):
    """A photo that a check found, with the value that its list is sorted by, and the reason."""

    path: Text
    label: Text = ""
    part: str = ""
    value: float | None = None
    reason: Text | None = None


class GroupItem(_Record):
    """Photos that belong together; `group` is their group key, None for copies."""

    photos: tuple[PhotoItem, ...]
    group: Text | None = None


class SentenceItem(_Record):
    """A statement on the whole set, and the number that it is based on."""

    reason: Text
    value: float | None = None


Item = Annotated[GroupItem | PhotoItem | SentenceItem, Field(union_mode="left_to_right")]


class Finding(_Record):
    """What a check found; all items are of the same type, the worst first."""

    title: str
    rule: str
    items: tuple[Item, ...] = ()

    @computed_field
    def count(self) -> int:
        """Return the number of items."""
        return len(self.items)

    @property
    def num_photos(self) -> int:
        """Return the number of photos in all items; each photo of a group counts."""
        return sum(len(item.photos) if isinstance(item, GroupItem) else 1 for item in self.items)

    @property
    def kind(self) -> type[GroupItem | PhotoItem | SentenceItem]:
        """Return the type of the items; `PhotoItem` if there are none."""
        return type(self.items[0]) if self.items else PhotoItem


class BrokenPhoto(_Record):
    """A photo that cannot be used, and why."""

    path: Text
    problem: Text


class Audit(_Record):
    """The facts of a set of photos, and the problems found in it."""

    name: Text
    root: Text  # the folder that paths are relative to
    num_photos: int  # in all, including broken photos
    num_ignored: int = 0  # files that are no photos
    classes: dict[Text, int] = {}  # usable photos of each class; "" are photos without a label
    # Usable photos in a folder such as none/, which belong to none of the classes.
    num_none: int = 0
    parts: dict[str, dict[Text, int]] = {}  # usable photos of each class in each part that has any
    formats: dict[str, int] = {}  # usable photos of each format
    # "smallest" and "largest" (width, height) by area; empty without photos.
    sizes: dict[str, tuple[int, int]] = {}
    broken: tuple[BrokenPhoto, ...] = ()
    # Groups of paths whose files are equal byte by byte.
    exact_copies: tuple[tuple[Text, ...], ...] = ()
    # The groups of exact copies that are in more than one part.
    copies_across_parts: tuple[tuple[Text, ...], ...] = ()
    findings: dict[str, Finding] = {}  # by the id of each check, the most serious first

    def class_rows(self) -> list[tuple[str, int, list[int]]]:
        """Return (displayed name, number of photos, number in each part) for each class."""
        parts = self.parts.values()
        rows = [
            (
                name or "(no label)",
                count if name else count - self.num_none,
                [part.get(name, 0) for part in parts],
            )
            for name, count in self.classes.items()
        ]
        rows.append(("none of these", self.num_none, [0] * len(parts)))
        return [row for row in rows if row[1]]

    def to_json(self) -> dict[str, Any]:
        """Convert to plain dicts, lists and numbers."""
        # By `json`, since pydantic's JSON mode refuses names that are not UTF-8.
        content: dict[str, Any] = json.loads(json.dumps(self.model_dump(exclude_none=True)))
        return content

    @classmethod
    def from_json(cls, content: dict[str, Any], path: Path | None = None) -> Audit:
        """Read audit.json of this or an earlier version.

        Args:
            content: The content of the file.
            path: The file, for the error.

        Raises:
            RunError: The content is not an audit.
        """
        try:
            return cls.model_validate(content)
        except ValidationError as error:
            raise RunError(
                f"{path or 'This'} is damaged, or not an audit: {first_problem(error)}.\n"
                f"Make it again with: pawsight audit SOURCE"
            ) from error
