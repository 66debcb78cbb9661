"""The result of an audit, as objects and as audit.json."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError, computed_field

from pawsight.errors import RunError, first_problem
from pawsight.text_field import Text


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class PhotoItem(_Record):
    """A photo that a check found, with the value that its list is sorted by, and the reason."""

    path: Text
    label: Text = ""
    part: str = ""
    value: float | None = None
    reason: Text | None = None


class GroupItem(_Record):
    """Photos that belong together; `group` is the user's key where that is why."""

    photos: tuple[PhotoItem, ...]
    group: Text | None = None


class SentenceItem(_Record):
    """A sentence on the set as a whole, and the number it is about."""

    reason: Text
    value: float | None = None


Item = Annotated[GroupItem | PhotoItem | SentenceItem, Field(union_mode="left_to_right")]


class Finding(_Record):
    """What one check found; its items are all of one kind, the worst first."""

    title: str
    rule: str
    items: tuple[Item, ...] = ()

    @computed_field
    def count(self) -> int:
        """Items found."""
        return len(self.items)

    @property
    def num_photos(self) -> int:
        """Photos in all items; those of a group each count."""
        return sum(len(item.photos) if isinstance(item, GroupItem) else 1 for item in self.items)

    @property
    def kind(self) -> type[GroupItem | PhotoItem | SentenceItem]:
        """What its items are; `PhotoItem` where there are none."""
        return type(self.items[0]) if self.items else PhotoItem


class BrokenPhoto(_Record):
    """A photo that cannot be used, and why."""

    path: Text
    problem: Text


class Audit(_Record):
    """The facts of a set of photos, and the problems found in it."""

    name: Text
    root: Text  # the folder that paths are relative to
    num_photos: int  # all of them, broken ones included
    num_ignored: int = 0  # files that are no photos
    classes: dict[Text, int] = {}  # usable photos of each class; "" are those without a label
    # How many of those are in a folder such as none/: photos of none of the classes.
    num_none: int = 0
    parts: dict[str, dict[Text, int]] = {}  # usable photos of each class in each part that has any
    formats: dict[str, int] = {}  # usable photos of each format
    # "smallest" and "largest" (width, height) by area; empty without photos.
    sizes: dict[str, tuple[int, int]] = {}
    broken: tuple[BrokenPhoto, ...] = ()
    # Groups of paths whose files are equal byte by byte.
    exact_copies: tuple[tuple[Text, ...], ...] = ()
    # Those of them that are in more than one part.
    copies_across_parts: tuple[tuple[Text, ...], ...] = ()
    findings: dict[str, Finding] = {}  # by the id of each check, the most serious first

    def class_rows(self) -> list[tuple[str, int, list[int]]]:
        """Return a name to show for each class, with its photos in all and in each part."""
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
        # Through json and not pydantic's JSON mode, which refuses names that are not UTF-8.
        content: dict[str, Any] = json.loads(json.dumps(self.model_dump(exclude_none=True)))
        return content

    @classmethod
    def from_json(cls, content: dict[str, Any], path: Path | None = None) -> Audit:
        """Read audit.json of this or an earlier version; raises RunError."""
        try:
            return cls.model_validate(content)
        except ValidationError as error:
            raise RunError(
                f"{path or 'This'} is damaged, or not an audit: {first_problem(error)}.\n"
                f"Make it again with: pawsight audit SOURCE"
            ) from error
