"""Settings from a command line: options override `--set`, and both override a settings file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pawsight.cli.options import run_place
from pawsight.errors import ConfigError

if TYPE_CHECKING:
    from pawsight.config import PixelsConfig, TrainConfig

# The options of the commands that train.
Model = Annotated[
    str,
    typer.Option(
        metavar="NAME",
        help="The network: `auto`, the best that the time allows; `swift`, trained from scratch; "
        "`builtin`, one of keras.applications such as `mobilenetv2`, or KerasHub's `hub:PRESET`, "
        "which come with weights; `colab`, the Colab script's own.",
    ),
]
Build = Annotated[
    str | None,
    typer.Option(
        metavar="FUNCTION",
        help="Your own network: module:function or file.py:function, which is run; see Networks.",
    ),
]
Workers = Annotated[
    int | None,
    typer.Option(
        metavar="N",
        help="Train the network with N processes together, here or on --cluster.",
        hidden=True,
    ),
]
Cluster = Annotated[
    str | None,
    typer.Option(
        metavar="ADDRESS",
        help="The Ray cluster for --workers: head:6379, or auto.",
        hidden=True,
    ),
]
Weights = Annotated[
    str | None,
    typer.Option(
        metavar="FILE",
        help="The network's weights, instead of those it fetches: .h5 or .keras.",
        hidden=True,
    ),
]
Finetune = Annotated[
    bool,
    typer.Option(
        "--finetune",
        help="Fine-tune a network with weights after its head is fitted, while time lasts.",
        hidden=True,
    ),
]
Epochs = Annotated[
    int | None,
    typer.Option(min=1, metavar="N", help="Passes over the training photos; or give --minutes."),
]
Minutes = Annotated[
    float | None,
    typer.Option(metavar="N", help="How long training may take; or give --epochs."),
]
Seed = Annotated[
    int,
    typer.Option(
        min=0,
        metavar="N",
        help="Seed of weights, order and augmentation; parts have their own: --set split.seed=N.",
        hidden=True,
    ),
]
GroupBy = Annotated[
    str | None,
    typer.Option(
        metavar="KEY",
        help="Keep such photos in one part: `folder`, those in one folder inside a class; a column "
        r"of the .csv; or what a pattern finds in the names of files: 'person(\d+)'.",
    ),
]
RunsFolder = Annotated[
    Any,
    typer.Option(
        parser=run_place, metavar="FOLDER", help="For the runs; given again, it resumes there."
    ),
]
Config = Annotated[
    Path | None,
    typer.Option(metavar="FILE", help="Settings from a .json or .toml; options win over it."),
]
Assigned = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="NAME=VALUE",
        help="Any other setting, such as keep_truncated=true or split.test_fraction=0.2.",
    ),
]

# Options that are no settings. All others are settings by their names, of any group.
_NOT_SETTINGS = ("source", "out", "build", "config", "set_", "as_json", "workers", "cluster")


def train_config(ctx: typer.Context, path: Path | None, assigned: list[str] | None) -> TrainConfig:
    """Build the settings of a training from the options.

    Args:
        ctx: The command's context; its options are settings of the same names.
        path: A settings file.
        assigned: The `--set` options.

    Raises:
        ConfigError: A setting is unknown or invalid.
    """
    from pawsight.config import TrainConfig
    from pawsight.setting_errors import nested_settings

    path_of = {name: path for path, name in nested_settings(TrainConfig).items()}
    path_of |= {name: name for name in TrainConfig.model_fields}
    merged = _read_settings(path)
    for text in assigned or ():
        name, value = _assignment(text)
        _put(merged, name, value)
    for name, value in ctx.params.items():
        if name not in _NOT_SETTINGS and _is_given(ctx, name):
            _put(merged, path_of.get(name, name), value)
    return TrainConfig(**merged)


def pixels_config(assigned: list[str] | None) -> PixelsConfig:
    """Build the settings of how files of more than 8 bits are read from `--set` options.

    Raises:
        ConfigError: Another setting is named, or a value is invalid.
    """
    from pawsight.config import PixelsConfig

    merged: dict[str, Any] = {}
    for text in assigned or ():
        name, value = _assignment(text)
        if not name.startswith("pixels."):
            raise ConfigError(
                f"An audit has no setting {name}; --set takes pixels.bands and pixels.range."
            )
        merged[name.removeprefix("pixels.")] = value
    return PixelsConfig(**merged)


def _is_given(ctx: typer.Context, name: str) -> bool:
    source = ctx.get_parameter_source(name)
    return source is not None and source.name not in ("DEFAULT", "DEFAULT_MAP")


def _assignment(text: str) -> tuple[str, Any]:
    """Parse NAME=VALUE; a value that is not JSON is text."""
    name, equals, value = text.partition("=")
    if not equals or not name.strip():
        raise ConfigError(f"--set takes NAME=VALUE, such as keep_truncated=true; got '{text}'.")
    try:
        return name.strip().replace("-", "_"), json.loads(value)
    except (ValueError, RecursionError):
        return name.strip().replace("-", "_"), value


def _put(merged: dict[str, Any], name: str, value: Any) -> None:
    """Set the value of a nested name such as `split.seed`."""
    *outer, last = name.split(".")
    for key in outer:
        inside = merged.get(key)
        if not isinstance(inside, dict | None):
            raise ConfigError(
                f"'{key}' is a group of settings and cannot be {json.dumps(inside)}.\n"
                f"Set one of them, such as {key}.{last}=VALUE."
            )
        merged[key] = dict(inside or {})
        merged = merged[key]
    merged[last] = value


def _read_settings(path: Path | None) -> dict[str, Any]:
    """Read a settings file."""
    if path is None:
        return {}
    try:
        text = path.read_text(encoding="utf-8")
        settings = _parse(path.suffix.lower(), text)
    except OSError as error:
        raise ConfigError(f"The settings file {path} cannot be read: {error.strerror}.") from error
    except (ValueError, RecursionError) as error:
        raise ConfigError(
            f"The settings file {path} cannot be understood: {error}.\n"
            f"It holds settings as JSON or TOML, and its name ends in .json or .toml."
        ) from error
    if not isinstance(settings, dict):
        raise ConfigError(f'The settings file {path} must hold settings by name: {{"epochs": 10}}.')
    # config.json of a run has the settings beside the source, so that a run can be repeated.
    run_settings = settings.get("settings")
    return run_settings if isinstance(run_settings, dict) else settings


def _parse(suffix: str, text: str) -> Any:
    if suffix == ".json":
        return json.loads(text)
    if suffix == ".toml":
        import tomllib

        return tomllib.loads(text)
    raise ValueError(f"its name ends in '{suffix}'")
