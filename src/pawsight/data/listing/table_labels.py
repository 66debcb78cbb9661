"""Tidy the labels of tables: one spelling for each class, and cells of several labels."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace

from pawsight.data.listing.class_names import class_name
from pawsight.data.listing.selection import option_for
from pawsight.data.sources.column_values import is_missing
from pawsight.formatting import counted, listed
from pawsight.progress import Progress
from pawsight.records import Photo
from pawsight.task import Task

_DIVIDED = re.compile(r"\s*[,;|]\s*")
_NUMBER = re.compile(r"-?\d+(\.\d*)?")
_WHOLE_NUMBER = re.compile(r"(-?\d+)(\.0*)?")


def tidy_labels(
    labels: Sequence[str], progress: Progress, named: Collection[str] = ()
) -> list[str]:
    """Return labels with one spelling for each class, and write notes on the changes.

    What programs write for a missing value is no label. If all labels are integers, 1.0 is the
    same as 1. Labels that differ only in case, spaces or the form of accents are one class, in
    the most frequent spelling, unless they are single letters.

    Args:
        labels: The labels as they are written.
        progress: Receives the notes.
        named: Classes that the user names, which are classes even if they look like a missing
            value, such as NA.

    Returns:
        The label for each written label, "" for a missing value.
    """
    names = [class_name(label) for label in labels]
    missing = [is_missing(name) and (not name or name not in named) for name in names]
    if num_missing := sum(missing):
        progress.note(f"{counted(num_missing, 'line has', 'lines have')} no label.")
    words = {name for name, gone in zip(names, missing, strict=True) if gone and name}
    names = ["" if gone else name for name, gone in zip(names, missing, strict=True)]
    counts = Counter(filter(None, names))
    for word in sorted(words):
        progress.note(f"'{word}' is read as no label. If it is a class: {option_for(word, counts)}")
    fractions = [name for name in counts if _NUMBER.fullmatch(name) and float(name) % 1]
    if fractions and all(map(_NUMBER.fullmatch, counts)):
        progress.note(
            f"The labels are numbers, such as {fractions[0]}: each of the {len(counts):,} numbers "
            f"is a class."
        )
    if all(_WHOLE_NUMBER.fullmatch(name) for name in counts):
        spelled = {name: str(int(name.partition(".")[0])) for name in counts}
    else:
        spelled = _joined(counts)
    changed = [f"{name} as {new}" for name, new in sorted(spelled.items()) if name != new]
    if changed:
        progress.note(f"Labels that are spelled in two ways are one class: {listed(changed)}.")
    return [spelled.get(name, "") for name in names]


def with_one_spelling(photos: Sequence[Photo], task: Task, progress: Progress) -> list[Photo]:
    """Return the photos of several tables with one spelling for each class."""
    names = [name for photo in photos for name in task.names_of(photo.label)]
    tidy = dict(zip(names, tidy_labels(names, progress, names), strict=True))
    labels = [task.text_of([tidy[name] for name in task.names_of(p.label)]) for p in photos]
    return [replace(photo, label=label) for photo, label in zip(photos, labels, strict=True)]


def several_labels(labels: Sequence[str]) -> dict[str, list[str]]:
    """Find labels that combine several labels, such as "cat,dog" beside "cat" and "dog".

    Each piece of such a label is also a label or a piece of another label. Spaces separate
    pieces only if all of them are labels.

    Returns:
        The pieces of each combined label.
    """
    names = set(filter(None, labels))
    pieces_of = {name: _DIVIDED.split(name) for name in names if _DIVIDED.search(name)}
    counts = Counter(piece for pieces in pieces_of.values() for piece in set(pieces))
    several = {
        name: pieces
        for name, pieces in pieces_of.items()
        if all(piece and (piece in names or counts[piece] > 1) for piece in pieces)
    }
    for name in names - pieces_of.keys():
        words = name.split()
        if len(words) > 1 and names.issuperset(words):
            several[name] = words
    return several


def exclusive_labels(labels: Mapping[int, set[str]]) -> list[str]:
    """Return the labels of a table of which each line has exactly one, if there are also others.

    Args:
        labels: The labels of each line, by the number of the line.

    Returns:
        At least two labels, sorted; [] if there are no such labels.
    """
    kept = {label for names in labels.values() for label in names}
    while clashes := Counter(
        label for names in labels.values() if len(names & kept) > 1 for label in names & kept
    ):
        (first, most), (_, second) = clashes.most_common(2)
        if most == second:
            return []  # it is ambiguous which of the two is no class
        kept.discard(first)
    is_complete = all(len(names & kept) == 1 for names in labels.values())
    return sorted(kept) if len(kept) > 1 and is_complete else []


def _joined(counts: Counter[str]) -> dict[str, str]:
    by_key: dict[str, list[str]] = {}
    for name in sorted(counts, key=lambda name: (-counts[name], name)):
        key = name if len(name) == 1 else " ".join(name.casefold().split())
        by_key.setdefault(key, []).append(name)
    return {name: names[0] for names in by_key.values() for name in names}
