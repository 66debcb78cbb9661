"""Load the templates of pages; every text is escaped, and unprintable characters are replaced."""

from __future__ import annotations

import re
from functools import cache
from importlib.resources import files

from jinja2 import Environment, FunctionLoader, StrictUndefined, Template

from pawsight import formatting
from pawsight.report import interpretation


def load_template(name: str) -> Template:
    """Load a template of this package, such as "template.html.j2"."""
    return _environment().get_template(name)


@cache
def _environment() -> Environment:
    """Return the environment, which caches compiled templates: compiling takes half a second."""
    environment = Environment(
        loader=FunctionLoader(_read),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        # Applied to every printed text, such as the name of a class.
        finalize=lambda value: interpretation.sanitize(value) if type(value) is str else value,
    )
    environment.filters["percent"] = lambda *args: _unbroken(formatting.percent(*args))
    environment.filters["interval"] = formatting.percent_interval
    environment.filters["decimal"] = formatting.decimal
    environment.filters["unbroken"] = _unbroken
    return environment


def _read(name: str) -> str:
    return files("pawsight.report").joinpath(name).read_text(encoding="utf-8")


def _unbroken(text: str) -> str:
    """Replace the space before each percent sign by a non-breaking space."""
    return re.sub(r"(?<=\d) %", "\N{NO-BREAK SPACE}%", text)
