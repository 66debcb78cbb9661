"""Options for how a source is read, and which of its photos are used.

The commands that train hide most of them, since they have many others.
"""

from __future__ import annotations

import copy
import inspect
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer

if TYPE_CHECKING:
    from pawsight.config import SourceConfig

_Command = TypeVar("_Command", bound=Callable[..., None])

ALLOW_MISSING = typer.Option(
    "--allow-missing", help="Continue without photos that could not be copied from an address."
)
_OPTIONS: dict[str, tuple[Any, Any]] = {  # by the name of the setting: the type and the option
    "labels": (
        str | None,
        typer.Option(
            metavar="FILE",
            help="A .csv of corrected labels, path and label; else corrections.csv among the "
            "photos. With none, no corrections are used.",
        ),
    ),
    "exclude": (
        list[str] | None,
        typer.Option(
            metavar="PATTERN",
            help="Leave out folders and files of that name: *_old; may be repeated.",
        ),
    ),
    "classes": (
        str | None,
        typer.Option(metavar="A,B,C", help="Use these classes only."),
    ),
    "merge": (
        list[str] | None,
        typer.Option(metavar="NEW=A+B", help="Make one class of several; may be repeated."),
    ),
    "parts": (
        str | None,
        typer.Option(
            metavar="PART=NAME",
            help="The folders, or values in a table, that are parts: "
            "train=learn,test=exam; or none.",
        ),
    ),
    "class_level": (
        int | None,
        typer.Option(
            min=1,
            metavar="N",
            help="The level of folders that names the class; 1 is the outermost.",
        ),
    ),
    "label_pattern": (
        str | None,
        typer.Option(
            metavar="REGEX", help=r"Finds the class in the name of each file: '(cat|dog)\.'"
        ),
    ),
    "columns": (
        str | None,
        typer.Option(
            metavar="ROLE=NAME", help="The columns of a table: path=id,label=breed,part=split."
        ),
    ),
    "encoding": (
        str | None,
        typer.Option(
            metavar="NAME", help="The encoding of a table, where it is not UTF-8: cp1252."
        ),
    ),
    "allow_missing": (bool, ALLOW_MISSING),
    "multi_label": (
        bool,
        typer.Option("--multi-label", help="A photo may have several labels, or none."),
    ),
    "label_separator": (
        str | None,
        typer.Option(
            metavar="TEXT", help="With --multi-label: what separates labels in one cell of a table."
        ),
    ),
}
SOURCE_OPTIONS = tuple(_OPTIONS)
MULTI_LABEL = ("multi_label", "label_separator")
RARE = tuple(name for name in _OPTIONS if name not in ("exclude", *MULTI_LABEL))


def with_source_options(
    *, hidden: Sequence[str] = (), without: Sequence[str] = ()
) -> Callable[[_Command], _Command]:
    """Build a decorator that adds the source options to a command, in place of its `**_`.

    Their values are in the command's context, for `source_config` and `settings.train_config`.

    Args:
        hidden: Names of options that the command's help leaves out.
        without: Names of options that the command does not have.
    """

    def decorate(command: _Command) -> _Command:
        signature = inspect.signature(command, eval_str=True)
        *parameters, _ = signature.parameters.values()
        added = [
            inspect.Parameter(
                name,
                inspect.Parameter.KEYWORD_ONLY,
                default=False if kind is bool else None,
                annotation=Annotated[kind, _hidden(option) if name in hidden else option],
            )
            for name, (kind, option) in _OPTIONS.items()
            if name not in without
        ]
        command.__signature__ = signature.replace(  # type: ignore[attr-defined]
            parameters=[*parameters, *added]
        )
        return command

    return decorate


def _hidden(option: Any) -> Any:
    hidden = copy.copy(option)
    hidden.hidden = True
    return hidden


def source_config(ctx: typer.Context) -> SourceConfig:
    """Build the settings of the source from the options of a command; raises ConfigError."""
    from pawsight.config import SourceConfig

    settings = {name: value for name in SOURCE_OPTIONS if (value := ctx.params.get(name))}
    return SourceConfig(**settings)
