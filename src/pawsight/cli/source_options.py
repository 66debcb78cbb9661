"""Options for how a source is read, and which of its photos are used.

`audit` and `evaluate` show all of them; the commands that train hide most, since they have many.
"""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from pawsight.config import SourceConfig

SOURCE_OPTIONS = (
    *("labels", "exclude", "classes", "merge", "parts", "class_level", "label_pattern", "columns"),
    *("multi_label", "label_separator"),
)


def _hidden(option: Any) -> Any:
    found = copy.copy(option)
    found.hidden = True
    return found


_CLASSES = typer.Option(metavar="A,B,C", help="Use these classes only.")
_MERGE = typer.Option(metavar="NEW=A+B", help="Make one class of several; may be repeated.")
_PARTS = typer.Option(
    metavar="PART=NAME",
    help="The folders, or values in a table, that are parts: train=learn,test=exam; or none.",
)
_CLASS_LEVEL = typer.Option(
    min=1, metavar="N", help="The level of folders that names the class; 1 is the outermost."
)
_LABEL_PATTERN = typer.Option(
    metavar="REGEX", help=r"Finds the class in the name of each file: '(cat|dog)\.'"
)
_COLUMNS = typer.Option(
    metavar="ROLE=NAME", help="The columns of a table: path=id,label=breed,part=split."
)
_LABELS = typer.Option(
    metavar="FILE",
    help="A .csv of corrected labels, path and label; else corrections.csv among the photos. "
    "With none, no corrections are used.",
)
_LABEL_SEPARATOR = typer.Option(
    metavar="TEXT", help="With --multi-label: what separates labels in one cell of a table."
)

Exclude = Annotated[
    list[str] | None,
    typer.Option(
        metavar="PATTERN", help="Leave out folders and files of that name: *_old; may be repeated."
    ),
]
Labels = Annotated[str | None, _LABELS]
Classes = Annotated[str | None, _CLASSES]
Merge = Annotated[list[str] | None, _MERGE]
Parts = Annotated[str | None, _PARTS]
ClassLevel = Annotated[int | None, _CLASS_LEVEL]
LabelPattern = Annotated[str | None, _LABEL_PATTERN]
Columns = Annotated[str | None, _COLUMNS]
HiddenLabels = Annotated[str | None, _hidden(_LABELS)]
MultiLabel = Annotated[
    bool, typer.Option("--multi-label", help="A photo may have several labels, or none.")
]
LabelSeparator = Annotated[str | None, _LABEL_SEPARATOR]
HiddenClasses = Annotated[str | None, _hidden(_CLASSES)]
HiddenMerge = Annotated[list[str] | None, _hidden(_MERGE)]
HiddenParts = Annotated[str | None, _hidden(_PARTS)]
HiddenClassLevel = Annotated[int | None, _hidden(_CLASS_LEVEL)]
HiddenLabelPattern = Annotated[str | None, _hidden(_LABEL_PATTERN)]
HiddenColumns = Annotated[str | None, _hidden(_COLUMNS)]
HiddenLabelSeparator = Annotated[str | None, _hidden(_LABEL_SEPARATOR)]


def source_config(ctx: typer.Context) -> SourceConfig:
    """Return what the options of a command choose of a source.

    Raises:
        ConfigError: A value of an option is invalid.
    """
    from pawsight.config import SourceConfig

    given = {name: value for name in SOURCE_OPTIONS if (value := ctx.params.get(name))}
    return SourceConfig(**given)
