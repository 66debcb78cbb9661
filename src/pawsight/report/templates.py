"""Load the pages' templates: one style; every name is escaped and unprintable letters replaced."""

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
    """Return the environment that keeps templates compiled: compiling takes half a second."""
    environment = Environment(
        loader=FunctionLoader(_read),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        # Whatever is printed, a name above all, is made showable on its way out.
        finalize=lambda value: interpretation.sanitize(value) if type(value) is str else value,
    )
    environment.filters["percent"] = lambda *given: _unbroken(formatting.percent(*given))
    environment.filters["interval"] = formatting.percent_interval
    environment.filters["decimal"] = formatting.decimal
    environment.filters["unbroken"] = _unbroken
    return environment


def _read(name: str) -> str:
    return files("pawsight.report").joinpath(name).read_text(encoding="utf-8")


def _unbroken(text: str) -> str:
    """Keep each number on the line of its percent sign."""
    return re.sub(r"(?<=\d) %", "\N{NO-BREAK SPACE}%", text)
