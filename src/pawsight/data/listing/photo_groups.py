"""The groups of photos that stay in one part: a folder, a column of the table, or a pattern."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from pawsight.data.listing.class_names import class_name
from pawsight.data.listing.label_patterns import found_in
from pawsight.errors import DataError
from pawsight.formatting import counted, printable
from pawsight.progress import Progress
from pawsight.records import PARTS, Photo

FOLDER = "folder"  # what --group-by calls the folder that a photo is in


class Grouping:
    r"""How photos are grouped.

    Args:
        group_by: "folder"; a regular expression with a group in parentheses, such as
            `person(\d+)`, which is searched in the names of files, or in their paths if it has a
            "/"; any other word is a column of the table. None takes a table's column "group".

    Raises:
        DataError: It is not a valid regular expression.
    """

    def __init__(self, group_by: str | None) -> None:
        self.is_by_folder = group_by == FOLDER
        self._pattern = _pattern(group_by) if group_by and "(" in group_by else None
        self.column = group_by if self._pattern is None and not self.is_by_folder else None

    @property
    def table_column(self) -> str | None:
        """The column of a table to read groups from; "folder" counts where there is one."""
        return FOLDER if self.is_by_folder else self.column

    @property
    def is_by_column(self) -> bool:
        """Whether only a table can have such groups."""
        return self.column is not None

    def in_folder(self, photos: Sequence[Photo], prefix: str) -> list[Photo]:
        """Group photos by the folder they are in below `prefix`, if configured."""
        if not self.is_by_folder:
            return list(photos)
        return [_in_folder(photo, prefix) for photo in photos]

    def checked(self, photos: Sequence[Photo], progress: Progress) -> list[Photo]:
        """Group photos by the pattern, if there is one, and write notes on the groups.

        Raises:
            DataError: The pattern matches no photo.
        """
        if self._pattern is not None:
            photos = self._matched(photos, self._pattern, progress)
        if self.is_by_folder and not any(photo.group for photo in photos):
            progress.note("--group-by folder groups nothing: no photo is in a folder of a class.")
        parts: dict[str, set[str]] = {}
        for photo in photos:
            if photo.group:
                parts.setdefault(photo.group, set()).add(photo.part)
        apart = sorted(group for group, found in parts.items() if len(found) > 1)
        if apart:
            found = " and ".join(part for part in PARTS if part in parts[apart[0]])
            progress.note(
                f"{counted(len(apart), 'group has', 'groups have')} photos in more than one part "
                f"as given, such as {apart[0]} in {found}: the score will look better than it is. "
                f"With --parts none the parts are made again, and groups stay together."
            )
        return list(photos)

    def _matched(
        self, photos: Sequence[Photo], pattern: re.Pattern[str], progress: Progress
    ) -> list[Photo]:
        found = [found_in(pattern, photo.path) for photo in photos]
        num_alone = found.count("")
        if num_alone == len(found):
            raise DataError(
                f"--group-by '{pattern.pattern}' matches none of the {len(found):,} photos, "
                f"such as {printable(photos[0].path)}."
            )
        groups = counted(len(set(found) - {""}), "group")
        alone = f"; {num_alone:,} without a group" if num_alone else ""
        progress.note(f"{counted(len(found) - num_alone, 'photo')} in {groups}{alone}.")
        return [replace(p, group=group) for p, group in zip(photos, found, strict=True)]


def _pattern(text: str) -> re.Pattern[str]:
    try:
        pattern = re.compile(text)
    except re.error as error:
        raise DataError(
            f"--group-by '{text}' is not a valid regular expression: {error}."
        ) from error
    if not pattern.groups:
        raise DataError(f"--group-by '{text}' has no group: put what names the group into ( ).")
    return pattern


def _in_folder(photo: Photo, prefix: str) -> Photo:
    folder = photo.path.removeprefix(prefix).rpartition("/")[0]
    return replace(photo, group=class_name(folder)) if folder else photo
