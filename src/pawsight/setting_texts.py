"""Read what options and settings of several values take: texts such as `a,b` or `x=a+b`.

They run before a setting is checked. What they do not recognise is returned unchanged; a ValueError
is one of the mistakes that are reported together.
"""

from __future__ import annotations

import csv
from typing import Any

from pawsight.records import PARTS

_SHORT_PARTS = {"val": "validation", "valid": "validation"}


def as_tuple(value: Any) -> Any:
    """Return a single text as a tuple of it."""
    return (value,) if isinstance(value, str) else value


def parse_names(value: Any) -> Any:
    """Read `a,b,"c,d"`, or several of such texts."""
    value = (str(value),) if isinstance(value, str | int) else value
    if not isinstance(value, list | tuple) or not all(isinstance(text, str) for text in value):
        return value
    return tuple(name.strip() for row in csv.reader(value) for name in row if name.strip())


def parse_assignments(value: Any) -> Any:
    """Read `x=a+b,y=c`, or several of such texts, as {"x": ("a", "b"), "y": ("c",)}."""
    if isinstance(value, dict):
        assigned = {key: (one,) if isinstance(one, str) else one for key, one in value.items()}
        if not all(isinstance(one, list | tuple) for one in assigned.values()):
            raise ValueError("give each name a text or a list of texts")
        return assigned
    assigned, last = {}, ""
    for text in names if isinstance(names := parse_names(value), tuple) else ():
        name, equals, those = text.partition("=")
        parts = tuple(one.strip() for one in those.split("+"))
        if not equals or not name.strip() or not all(parts):
            hint = f"; is it '{last}+{text}'?" if last and not equals else ""
            problem = f"write NAME=VALUE or NAME=VALUE+VALUE, not '{text}'{hint}"
            # pydantic takes no half characters
            raise ValueError(problem.encode("utf-8", "replace").decode())
        last = text
        assigned[name.strip()] = assigned.get(name.strip(), ()) + parts
    return assigned


def parse_parts(value: Any) -> Any:
    """Read `train=a,val=b+c` as names by part; a part may be spelled in two ways."""
    if value is None or value == "none":
        return value
    values: dict[str, tuple[str, ...]] = {}
    for part, names in parse_assignments(value).items():
        part = _SHORT_PARTS.get(part, part)
        values[part] = (*values.get(part, ()), *names)
    if others := values.keys() - set(PARTS):
        raise ValueError(f"there is no part '{min(others)}', only train, validation and test")
    given = [name for folders in values.values() for name in set(map(str, folders))]
    if len(set(given)) < len(given):
        raise ValueError(f"'{max(given, key=given.count)}' is given as two parts; name it once")
    return values


def parse_columns(value: Any) -> Any:
    """Read `path=id,labels=a+b` as headings by role."""
    columns = {key: "+".join(map(str, names)) for key, names in parse_assignments(value).items()}
    if {"label", "labels"} <= columns.keys():
        raise ValueError("give label, one column of classes, or labels, a column for each class")
    return columns
