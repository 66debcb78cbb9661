"""List the photos that a table names."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

from pawsight.config import SourceConfig
from pawsight.data.listing.class_names import class_name
from pawsight.data.listing.left_out import LeftOut
from pawsight.data.listing.photo_finder import NOT_FOUND, Match, PhotoFinder
from pawsight.data.listing.photo_groups import Grouping
from pawsight.data.listing.selection import named_classes
from pawsight.data.listing.table_labels import exclusive_labels, several_labels, tidy_labels
from pawsight.data.listing.walk import examine
from pawsight.data.part_names import part_of
from pawsight.data.sources.source import Line
from pawsight.data.sources.table import Table
from pawsight.data.sources.table_cells import check_text
from pawsight.data.sources.table_columns import may_be_parts
from pawsight.errors import DataError
from pawsight.formatting import counted, listed, printable, shell_quoted
from pawsight.progress import Progress
from pawsight.records import Photo

TWO_LABELS = "the table gives two labels: "
NO_LABEL = "the table gives no label"


@dataclass(eq=False)
class TableRows:
    """Lists the photos of one table.

    A table that is found beside the photos may come from an untrusted archive, so it may name
    only photos below its folder.
    """

    root: str  # the folder that the paths of photos are relative to
    table: Table
    path: Path  # the table, or another path in the folder that its paths are relative to
    grouping: Grouping  # groups of the table take precedence over folders
    left_out: LeftOut
    config: SourceConfig
    allow_outside: bool  # whether the table may name photos outside of `root`
    progress: Progress

    @cached_property
    def _has_groups(self) -> bool:
        return any(line.group for line in self.table.lines)

    def photos(self) -> list[Photo]:
        """Return a row for each photo.

        Raises:
            DataError: None of the photos was found, a photo is in two parts, or a cell seems to
                hold several labels.
        """
        lines, task = self.table.lines, self.config.task
        written = [line.label for line in lines]
        labels = tidy_labels(written, self.progress, named_classes(self.config))
        several = several_labels(labels)
        if task.is_multi_label and several and not self.table.is_separated:
            raise DataError(_unseparated(self.path, sorted(several)[0]))
        rows: dict[str, Photo] = {}
        num_repeated, numbers = 0, dict[str, int]()
        matches = self._find_photos()
        for line, label in zip(lines, labels, strict=True):
            shown, problem, _ = matches[line.path]
            if self.left_out.excludes(shown):
                self.left_out.photos.add(shown)
                continue
            if label and self.left_out.excludes(label):
                if not task.is_multi_label:
                    self.left_out.photos.add(shown)
                    continue
                label = ""  # the photo is kept, with its other labels
            known = rows.get(shown)
            if known is None:
                numbers[shown] = line.number
                rows[shown] = self._row(shown, label, line, problem)
                if label in several and not (task.is_multi_label or rows[shown].problem):
                    both = "' and '".join(several[label])
                    rows[shown] = replace(rows[shown], label="", problem=f"{TWO_LABELS}'{both}'")
                self.progress.advance(1)
                continue
            num_repeated += numbers[shown] != line.number
            if known.part != line.part:
                raise DataError(
                    f"Line {line.number} of {self.path} puts {printable(shown)} into the part "
                    f"'{line.part}', and an earlier line puts it into '{known.part}'.\n"
                    f"Remove one of these lines."
                )
            if task.is_multi_label:
                names = (*task.names_of(known.label), *task.names_of(label))
                rows[shown] = replace(known, label=task.text_of(names))
            elif known.label != label and not known.problem:
                both = f"'{known.label}' and '{label}'"
                rows[shown] = replace(known, label="", problem=f"{TWO_LABELS}{both}")
        if num_repeated and not task.is_multi_label:
            name = self.path.name
            repeated = counted(num_repeated, f"line of {name} names", f"lines of {name} name")
            self.progress.note(f"{repeated} a photo that an earlier line names.")
        self._report_columns()
        return list(rows.values())

    def _report_columns(self) -> None:
        """Write notes on columns that are not used, or that override a setting."""
        heading = self.table.group_heading
        if self.grouping.is_by_folder and self._has_groups and heading.lower() != "folder":
            self.progress.note(
                f"Photos are grouped by the column {heading}; --group-by folder has no effect."
            )
        unused = self.table.unused
        if unused:
            self.progress.note(
                f"Columns that give no labels: {listed(unused, 20)}. "
                f"The report has the accuracy by their values."
            )
        if not self.table.part_heading and (name := next(filter(may_be_parts, unused), "")):
            self.progress.note(
                f"The values of {name} are no names of parts. If this column gives the parts: "
                f"--columns {shell_quoted(f'part={name}')} --parts train=VALUE,test=VALUE"
            )

    @property
    def advice(self) -> str:
        """A line of a message, if some columns of 1 and 0 are probably no classes; else ""."""
        if self.table.label_heading or self.config.task.is_multi_label or self.config.columns:
            return ""
        by_line: dict[int, set[str]] = {}
        for line in self.table.lines:
            by_line.setdefault(line.number, set()).add(line.label)
        if max(map(len, by_line.values())) < 2:
            return ""
        kept = [label for label in exclusive_labels(by_line) if label]  # "": lines without a label
        if len(kept) < 2:
            return ""
        others = sorted(set().union(*by_line.values()) - {*kept, ""})
        option = shell_quoted(f"labels={'+'.join(kept)}")
        return (
            f"the classes are the columns {listed(kept)}, without {listed(others)}: "
            f"--columns {option}\n"
        )

    def _find_photos(self) -> dict[str, Match]:
        """Return the photo of each path, and write notes on photos with another path."""
        lines, above = self.table.lines, self.path.parent.parent
        parts = {line.path: line.part or part_of(self.path.stem) for line in lines}
        matches = self._search(parts, self.root)
        if self.allow_outside and above not in (self.path.parent, above.parent, Path.home()):
            matches = matches or self._search(parts, str(above))
        for line in lines:  # a name may have any bytes, so only names without a file are checked
            if not matches or matches[line.path].problem == NOT_FOUND:
                check_text(self.path, line.number, [line.path])
        if not matches:
            raise DataError(
                f"No photo that {self.path} names was found, such as {printable(lines[0].path)}.\n"
                f"{self.root} and its subfolders were searched, also by the names of files. Put "
                f"the table into the folder of the photos, or choose its column of paths: "
                f"--columns path=NAME"
            )
        renamed = {
            written: match.path
            for written, match in matches.items()
            if not match.problem and not match.is_exact
        }
        for difference, pairs in _by_difference(renamed).items():
            first, shown = pairs[0]
            name = self.path.name
            example = (
                f", such as {printable(first)} as {printable(shown)}"
                if class_name(first) != class_name(shown)
                else ""
            )
            photos = counted(len(pairs), f"photo of {name} was", f"photos of {name} were")
            self.progress.note(f"{photos} found {difference}{example}.")
        return matches

    def _search(self, parts: Mapping[str, str], folder: str) -> dict[str, Match]:
        """Find photos in a folder and its subfolders; return {} if no photo is found."""
        matches = PhotoFinder(self.root, str(self.path.parent), folder).find(parts)
        has_found = any(match.problem != NOT_FOUND for match in matches.values())
        return matches if has_found else {}

    def _row(self, shown: str, label: str, line: Line, problem: str) -> Photo:
        label = self.config.task.text_of([label] if label else [])
        full = Path(self.root, shown)
        if not self.allow_outside and not full.resolve().is_relative_to(Path(self.root).resolve()):
            return Photo(shown, label, line.part, problem="its path leads outside of the folder")
        if problem:
            return Photo(shown, label, line.part, problem=problem, group=line.group)
        photo = replace(examine(full, shown, label, line.part), columns=line.columns)
        if line.group:
            photo = replace(photo, group=line.group)
        elif self.grouping.is_by_folder and not self._has_groups:
            photo = self.grouping.in_folder([photo], "")[0]
        if not label and not photo.problem and not self.config.task.is_multi_label:
            return replace(photo, problem=NO_LABEL)
        return photo


def _unseparated(path: Path, label: str) -> str:
    separator = re.sub(r"[^,;|]", "", label)[:1] or " "
    return (
        f"'{label}' in {path.name} looks like several labels in one cell.\n"
        f"If it is, state their separator: --label-separator '{separator}'\n"
        f"If it is one label, state a separator that is in no label: --label-separator '/'"
    )


def _by_difference(renamed: Mapping[str, str]) -> dict[str, list[tuple[str, str]]]:
    """Group pairs of written and found paths by how they differ."""
    pairs: dict[str, list[tuple[str, str]]] = {}
    for written, shown in renamed.items():
        is_same = class_name(written) == class_name(shown)
        difference = "with accents in another form" if is_same else "under another name"
        pairs.setdefault(difference, []).append((written, shown))
    return pairs
