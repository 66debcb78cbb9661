"""Settings from a command line: options win over `--set`, and both over a settings file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from pawsight.errors import ConfigError

if TYPE_CHECKING:
    from pawsight.config import TrainConfig

GROUP_BY = typer.Option(
    metavar="KEY",
    help="Keep such photos in one part: `folder`, those that lie in one folder inside a class; "
    "or a column of the .csv.",
)
CONFIG = typer.Option(metavar="FILE", help="Settings from a .json or .toml; options win over it.")
SET = typer.Option(
    "--set",
    metavar="NAME=VALUE",
    help="Any other setting, such as keep_truncated=true or split.test_fraction=0.2.",
)

# Options that are no settings of their own name.
_NOT_SETTINGS = ("source", "out", "config", "set_", "folds", "group_by")


def train_config(
    ctx: typer.Context, path: Path | None, assigned: list[str] | None, **split: Any
) -> TrainConfig:
    """Put together the settings of a training from what the user gave.

    Args:
        ctx: The command's context; options that were given are settings by their names.
        path: A settings file.
        assigned: The `--set` options.
        split: Settings of the split that the command itself decides.

    Raises:
        ConfigError: A setting is unknown or cannot be so.
    """
    given = {
        name: value
        for name, value in ctx.params.items()
        if name not in _NOT_SETTINGS and _is_given(ctx, name)
    }
    if ctx.params.get("group_by") is not None:
        split["group_by"] = ctx.params["group_by"]
    from pawsight.config import TrainConfig, settings

    merged = _read_settings(path)
    for text in assigned or ():
        _assign(merged, text)
    merged |= given
    if split:
        merged["split"] = {**merged.get("split", {}), **split}
    return settings(TrainConfig, **merged)


def _is_given(ctx: typer.Context, name: str) -> bool:
    source = ctx.get_parameter_source(name)
    return source is not None and source.name not in ("DEFAULT", "DEFAULT_MAP")


def _assign(merged: dict[str, Any], text: str) -> None:
    """Put one `a.b=value` in its place; a value that is no JSON is text."""
    name, equals, value = text.partition("=")
    if not equals or not name:
        raise ConfigError(f"--set takes NAME=VALUE, such as keep_truncated=true; got '{text}'.")
    *outer, last = name.strip().replace("-", "_").split(".")
    inside = merged
    for key in outer:
        found = inside.setdefault(key, {})
        inside[key] = dict(found) if isinstance(found, dict) else {}
        inside = inside[key]
    try:
        inside[last] = json.loads(value)
    except (ValueError, RecursionError):
        inside[last] = value


def _read_settings(path: Path | None) -> dict[str, Any]:
    """Read a settings file.

    Raises:
        ConfigError: It cannot be read, or holds something else.
    """
    if path is None:
        return {}
    try:
        text = path.read_text(encoding="utf-8")
        found = _parse(path.suffix.lower(), text)
    except OSError as error:
        raise ConfigError(f"The settings file {path} cannot be read: {error.strerror}.") from error
    except (ValueError, RecursionError) as error:
        raise ConfigError(
            f"The settings file {path} cannot be understood: {error}.\n"
            f"It holds settings as JSON or TOML, and its name ends in .json or .toml."
        ) from error
    if not isinstance(found, dict):
        raise ConfigError(f'The settings file {path} must hold settings by name: {{"epochs": 10}}.')
    # A run's own config.json keeps them beside the source, so that a run can be repeated.
    of_a_run = found.get("settings")
    return of_a_run if isinstance(of_a_run, dict) else found


def _parse(suffix: str, text: str) -> Any:
    if suffix == ".json":
        return json.loads(text)
    if suffix == ".toml":
        import tomllib

        return tomllib.loads(text)
    raise ValueError(f"its name ends in '{suffix}'")
