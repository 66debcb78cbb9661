"""Parse the texts of options and settings with several values, such as `a,b` or `x=a+b`.

Each function is applied before a setting is checked. It returns a value that it does not recognise
unchanged; its ValueError is reported together with all other mistakes.
"""

from __future__ import annotations

import csv
from typing import Any

from pawsight.records import PARTS

_SHORT_PARTS = {"val": "validation", "valid": "validation"}


def as_tuple(value: Any) -> Any:
    """Return a text as a tuple of one text."""
    return (value,) if isinstance(value, str) else value


def parse_names(value: Any) -> Any:
    """Parse `a,b,"c,d"`, or several such texts."""
    value = (str(value),) if isinstance(value, str | int) else value
    if not isinstance(value, list | tuple) or not all(isinstance(text, str) for text in value):
        return value
    return tuple(name.strip() for row in csv.reader(value) for name in row if name.strip())


def parse_assignments(value: Any) -> Any:
    """Parse `x=a+b,y=c`, or several such texts, as {"x": ("a", "b"), "y": ("c",)}."""
    if isinstance(value, dict):
        assigned = {key: as_tuple(names) for key, names in value.items()}
        if not all(isinstance(names, list | tuple) for names in assigned.values()):
            raise ValueError("give each name a text or a list of texts")
        return assigned
    assigned, last = {}, ""
    for text in names if isinstance(names := parse_names(value), tuple) else ():
        name, equals, joined = text.partition("=")
        values = tuple(part.strip() for part in joined.split("+"))
        if not equals or not name.strip() or not all(values):
            hint = f"; is it '{last}+{text}'?" if last and not equals else ""
            problem = f"write NAME=VALUE or NAME=VALUE+VALUE, not '{text}'{hint}"
            # pydantic refuses surrogates
            raise ValueError(problem.encode("utf-8", "replace").decode())
        last = text
        assigned[name.strip()] = assigned.get(name.strip(), ()) + values
    return assigned


def parse_parts(value: Any) -> Any:
    """Parse `train=a,val=b+c` as names by part; `val` and `valid` mean `validation`."""
    if value is None or value == "none":
        return value
    values: dict[str, tuple[str, ...]] = {}
    for part, names in parse_assignments(value).items():
        part = _SHORT_PARTS.get(part, part)
        values[part] = (*values.get(part, ()), *names)
    if others := values.keys() - set(PARTS):
        raise ValueError(f"there is no part '{min(others)}', only train, validation and test")
    folders = [name for names in values.values() for name in set(map(str, names))]
    if len(set(folders)) < len(folders):
        raise ValueError(f"'{max(folders, key=folders.count)}' is given as two parts; name it once")
    return values


def parse_columns(value: Any) -> Any:
    """Parse `path=id,labels=a+b` as headings by role."""
    columns = {key: "+".join(map(str, names)) for key, names in parse_assignments(value).items()}
    if {"label", "labels"} <= columns.keys():
        raise ValueError("give label, one column of classes, or labels, a column for each class")
    return columns
