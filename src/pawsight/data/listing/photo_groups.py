"""Group photos that must stay in one part: by folder, by a column of a table, or by a pattern."""

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

FOLDER = "folder"  # the value of --group-by for the folder that a photo is in


class Grouping:
    r"""Groups photos as the user chose.

    Args:
        group_by: "folder"; or a regular expression with a group in parentheses, such as
            `person(\d+)`, which is searched in file names, or in paths if it has a "/"; or the
            name of a column of the table. None uses the column "group" of a table.

    Raises:
        DataError: The regular expression is not valid.
    """

    def __init__(self, group_by: str | None) -> None:
        self.is_by_folder = group_by == FOLDER
        self._pattern = _pattern(group_by) if group_by and "(" in group_by else None
        self.column = group_by if self._pattern is None and not self.is_by_folder else None

    @property
    def table_column(self) -> str | None:
        """The column of a table to read groups from; "folder" if the table has such a column."""
        return FOLDER if self.is_by_folder else self.column

    @property
    def is_by_column(self) -> bool:
        """Whether the groups need a table."""
        return self.column is not None

    def in_folder(self, photos: Sequence[Photo], prefix: str) -> list[Photo]:
        """Return photos grouped by their folder, relative to `prefix`, if the user chose that."""
        if not self.is_by_folder:
            return list(photos)
        return [_in_folder(photo, prefix) for photo in photos]

    def checked(self, photos: Sequence[Photo], progress: Progress) -> list[Photo]:
        """Return photos grouped by the pattern, if there is one; write notes on the groups.

        Raises:
            DataError: The pattern matches no photo.
        """
        if self._pattern is not None:
            photos = self._matched(photos, self._pattern, progress)
        if self.is_by_folder and not any(photo.group for photo in photos):
            progress.note("--group-by folder groups nothing: no photo is in a folder of a class.")
        parts_of: dict[str, set[str]] = {}
        for photo in photos:
            if photo.group:
                parts_of.setdefault(photo.group, set()).add(photo.part)
        split = sorted(group for group, parts in parts_of.items() if len(parts) > 1)
        if split:
            names = " and ".join(part for part in PARTS if part in parts_of[split[0]])
            progress.note(
                f"{counted(len(split), 'group has', 'groups have')} photos in more than one of the "
                f"given parts, such as {split[0]} in {names}: the score will be too high. To "
                f"divide the photos again, so that groups stay together: --parts none"
            )
        return list(photos)

    def _matched(
        self, photos: Sequence[Photo], pattern: re.Pattern[str], progress: Progress
    ) -> list[Photo]:
        groups = [found_in(pattern, photo.path) for photo in photos]
        num_without = groups.count("")
        if num_without == len(groups):
            raise DataError(
                f"--group-by '{pattern.pattern}' matches none of the {len(groups):,} photos, "
                f"such as {printable(photos[0].path)}."
            )
        num_groups = counted(len(set(groups) - {""}), "group")
        others = f"; {num_without:,} without a group" if num_without else ""
        progress.note(f"{counted(len(groups) - num_without, 'photo')} in {num_groups}{others}.")
        return [replace(p, group=group) for p, group in zip(photos, groups, strict=True)]


def _pattern(text: str) -> re.Pattern[str]:
    try:
        pattern = re.compile(text)
    except re.error as error:
        raise DataError(
            f"--group-by '{text}' is not a valid regular expression: {error}."
        ) from error
    if not pattern.groups:
        raise DataError(
            f"--group-by '{text}' has no group: enclose the name of the group in parentheses."
        )
    return pattern


def _in_folder(photo: Photo, prefix: str) -> Photo:
    folder = photo.path.removeprefix(prefix).rpartition("/")[0]
    return replace(photo, group=class_name(folder)) if folder else photo
