"""Find labels and groups in the names of files by a regular expression."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence

from pawsight.data.listing.class_names import class_name

_MIN_PHOTOS = 2  # of each class, for a pattern to be proposed
_MAX_CLASSES = 50  # for a pattern to be proposed
_WORD = re.compile(r"([^\W\d_]+(?:[ _-][^\W\d_]+)*)([._ -]*)\(?\d")
_BEGINNING = re.compile(r"([^\W\d_]+)([._-])")
# Names that cameras and phones give to all photos.
_CAMERA_WORDS = frozenset(
    ("img", "dsc", "dscn", "dscf", "p", "pxl", "image", "photo", "mvimg", "gopr", "screenshot")
)


def found_in(pattern: re.Pattern[str], path: str) -> str:
    """Return the match of a pattern in the name of a file, or in its path if the pattern has a "/".

    Returns:
        The text of the first group that matched, or of the whole match if there is no group; ""
        if the pattern does not match.
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
    # Names such as cat_tom.jpg and dog_rex.jpg, if all names begin in this way.
    beginnings = [match for name in stems if (match := _BEGINNING.match(name))]
    return _alternatives(beginnings) if len(beginnings) == len(stems) else ""


def _alternatives(matches: Sequence[re.Match[str]]) -> str:
    """Return a pattern of the words in matches and their common separator; "" if unsuitable."""
    words = Counter((match[1], match[2]) for match in matches)
    separators = {
        word: separator
        for (word, separator), count in sorted(words.items())
        if count >= _MIN_PHOTOS and word.lower() not in _CAMERA_WORDS
    }
    if not 2 <= len(separators) <= _MAX_CLASSES:
        return ""
    different = set(separators.values())
    separator = re.escape(different.pop()) if len(different) == 1 else ""
    return f"({'|'.join(map(re.escape, separators))}){separator}"
