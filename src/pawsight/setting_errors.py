"""Check settings, and describe invalid ones in plain words instead of pydantic's messages."""

from __future__ import annotations

import difflib
import json
from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic_core import ErrorDetails

from pawsight.errors import ConfigError
from pawsight.formatting import counted

_KINDS = {
    "int": "a whole number",
    "float": "a number",
    "bool": "true or false",
    "string": "text",
    "tuple": "a list, such as [1, 2]",
    "dict": "a group of settings",
    "model": "a group of settings",
}
_LIMITS = {
    "greater_than": ("above", "gt"),
    "greater_than_equal": ("at least", "ge"),
    "less_than": ("below", "lt"),
    "less_than_equal": ("at most", "le"),
}


class Settings(BaseModel):
    """Settings that cannot be changed; all mistakes are reported in one ConfigError."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    def __init__(self, **values: Any) -> None:
        """Check all values.

        Raises:
            ConfigError: One line per mistake, each naming its setting.
        """
        try:
            super().__init__(**values)
        except ValidationError as error:
            lines = [
                describe_error(type(self), problem) for problem in error.errors(include_url=False)
            ]
            # A setting of two possible types reports a mistake for each.
            unique = dict.fromkeys(lines)
            raise ConfigError("These settings cannot be used:\n  " + "\n  ".join(unique)) from error

    def __setattr__(self, name: str, value: Any) -> None:
        """Refuse: settings cannot be changed after they were checked.

        Raises:
            ConfigError: Always.
        """
        kind = type(self).__name__
        raise ConfigError(
            f"A {kind} cannot be changed, so its {name} was not set.\n"
            f"Build a new {kind}: {kind}(**{{**config.model_dump(exclude_unset=True), "
            f"'{name}': ...}})"
        )

    # Nested settings are checked together with the outer ones, for one error with all mistakes.
    __init__.__pydantic_base_init__ = True  # type: ignore[attr-defined]


def describe_error(settings: type[BaseModel], problem: ErrorDetails) -> str:
    """Return one line that names a setting and what is wrong with it."""
    group, names = settings, []
    for name in problem["loc"]:
        if isinstance(name, str) and name in group.model_fields:
            names.append(name)
            group = _group_of(group.model_fields[name].annotation)
        elif problem["type"] == "extra_forbidden":
            names.append(str(name))
            return f"{'.'.join(names)}: there is no such setting{_hint(str(name), group, names)}"
    return f"{'.'.join(names) or 'settings'}: {_reason(problem)}"


def nested_settings(group: type[BaseModel]) -> dict[str, str]:
    """Return the settings in the groups of a group: their names by path, such as split.seed."""
    return {
        f"{field}.{name}": name
        for field, info in group.model_fields.items()
        for name in _group_of(info.annotation).model_fields
    }


class _NoSettings(BaseModel):
    """An empty group, for a setting that is not a group."""


def _group_of(annotation: Any) -> type[BaseModel]:
    """Return the group of settings in a type annotation; `_NoSettings` if there is none."""
    for kind in (annotation, *getattr(annotation, "__args__", ())):
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            return kind
    return _NoSettings


def _hint(name: str, group: type[BaseModel], names: list[str]) -> str:
    """Return a question for the most similar setting; "" if none is similar."""
    outer = "".join(f"{outer_name}." for outer_name in names[:-1])
    # A setting of a group may have been given without its group: test_fraction, rotation_range.
    inner = nested_settings(group)
    similar = [path for path, inner_name in inner.items() if inner_name == name]
    similar = similar or difflib.get_close_matches(name, list(group.model_fields), 1, cutoff=0.6)
    similar = similar or [
        path
        for path, inner_name in inner.items()
        if difflib.get_close_matches(name, [inner_name], cutoff=0.8)
    ]
    return f"; is it {outer}{similar[0]}?" if similar else ""


def _reason(problem: ErrorDetails) -> str:
    kind, context = problem["type"], problem.get("ctx", {})
    value = _short(problem["input"])
    if kind == "value_error":
        return problem["msg"].removeprefix("Value error, ")
    if kind in _LIMITS:
        words, limit = _LIMITS[kind]
        return f"must be {words} {context[limit]:g}, not {value}"
    if kind in ("literal_error", "enum"):
        return f"must be one of {str(context['expected']).replace(' or ', ', ')}, not {value}"
    if kind == "int_from_float":
        return f"must be a whole number, not {value}"
    if kind.endswith("too_short") and isinstance(problem["input"], str):
        return f"must have at least {counted(context['min_length'], 'character')}"
    if kind in ("too_long", "too_short") and "actual_length" in context:
        length = context.get("max_length", context.get("min_length"))
        return f"must have {length} values, not {context['actual_length']}"
    if kind == "missing":
        return "a value is missing"
    name = kind.split("_")[0]
    return f"must be {_KINDS[name]}, not {value}" if name in _KINDS else problem["msg"]


def _short(value: Any) -> str:
    try:
        text = json.dumps(dict(value) if isinstance(value, Mapping) else value, default=repr)
    except (TypeError, ValueError):
        text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
