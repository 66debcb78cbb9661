"""The page /docs: the OpenAPI document as plain HTML.

FastAPI's own page loads scripts from a CDN; this one works without a network.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader


def documentation(openapi: dict[str, Any], address: str) -> str:
    """Render an OpenAPI document as the page; `address` is the URL of the service."""
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent), autoescape=True, trim_blocks=True
    )
    environment.filters["type_name"] = _type_name
    template = environment.get_template("documentation.html.j2")
    return template.render(openapi=openapi, address=address)


def _type_name(schema: dict[str, Any]) -> str:
    """Return a short description of a schema's type."""
    if "$ref" in schema:
        return str(schema["$ref"]).rpartition("/")[2]
    if "anyOf" in schema:
        return " or ".join(_type_name(option) for option in schema["anyOf"])
    if schema.get("format") == "binary":
        return "file"
    kind = str(schema.get("type", "anything"))
    if kind == "array":
        inside = schema.get("items") or (schema.get("prefixItems") or [{}])[0]
        return f"list of {_type_name(inside)}"
    if kind == "object" and isinstance(schema.get("additionalProperties"), dict):
        return f"object of {_type_name(schema['additionalProperties'])}"
    return kind
