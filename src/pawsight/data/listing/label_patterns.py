"""Find labels and groups in the names of files by a regular expression."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence

from pawsight.data.listing.class_names import class_name

_LEAST = 2  # photos of each class, for a pattern to be proposed
_MOST = 50  # classes that a pattern is proposed for
_WORD = re.compile(r"([^\W\d_]+(?:[ _-][^\W\d_]+)*)([._ -]*)\(?\d")
_BEGINNING = re.compile(r"([^\W\d_]+)([._-])")
# What cameras and phones call all photos.
_CAMERAS = {
    "img",
    "dsc",
    "dscn",
    "dscf",
    "p",
    "pxl",
    "image",
    "photo",
    "mvimg",
    "gopr",
    "screenshot",
}


def found_in(pattern: re.Pattern[str], path: str) -> str:
    """Return what a pattern finds in a file's name, or in its path if the pattern has a "/".

    Returns:
        The text of the pattern's first group that took part, or of the whole match; "" if it
        does not match.
    """
    match = pattern.search(class_name(path if "/" in pattern.pattern else path.rpartition("/")[2]))
    if match is None:
        return ""
    groups = [group for group in match.groups() if group is not None]
    return (groups[0] if groups else match[0]).strip()


def proposed_pattern(names: Iterable[str]) -> str:
    r"""Return a pattern such as `(cat|dog)\.` for cat.0.jpg and dog.1.jpg; "" if none fits."""
    stems = [class_name(name) for name in names]
    pattern = _alternatives([match for name in stems if (match := _WORD.match(name))])
    if pattern:
        return pattern
    # cat_tom.jpg and dog_rex.jpg, where all names begin so.
    beginnings = [match for name in stems if (match := _BEGINNING.match(name))]
    return _alternatives(beginnings) if len(beginnings) == len(stems) else ""


def _alternatives(matches: Sequence[re.Match[str]]) -> str:
    words = Counter((match[1], match[2]) for match in matches)
    found = {
        word: mark
        for (word, mark), count in sorted(words.items())
        if count >= _LEAST and word.lower() not in _CAMERAS
    }
    if not 2 <= len(found) <= _MOST:
        return ""
    marks = set(found.values())
    mark = re.escape(marks.pop()) if len(marks) == 1 else ""
    return f"({'|'.join(map(re.escape, found))}){mark}"
