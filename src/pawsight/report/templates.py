"""The pages' templates: one look, every name escaped and made legible on its way out."""

from __future__ import annotations

from importlib.resources import files

from jinja2 import Environment, FunctionLoader, StrictUndefined, Template

from pawsight.report import interpretation


def load_template(name: str) -> Template:
    """Load a template of this package, such as "template.html.j2"."""
    environment = Environment(
        loader=FunctionLoader(_read),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        # Whatever is printed, a name above all, is made showable on its way out.
        finalize=lambda value: interpretation.legible(value) if type(value) is str else value,
    )
    environment.filters["percent"] = interpretation.percent
    return environment.get_template(name)


def _read(name: str) -> str:
    return files("pawsight.report").joinpath(name).read_text(encoding="utf-8")
