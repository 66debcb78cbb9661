"""Write docs/reference.md from the public names of pawsight and their docstrings.

`python docs/generate_reference.py` writes the page; with `--check` it reports
whether the page is up to date.
"""

import ast
import inspect
import re
import sys
import textwrap
from dataclasses import is_dataclass
from pathlib import Path
from typing import Any

from pydantic import BaseModel

import pawsight
from pawsight.tensorflow_setup import prepare_tensorflow

PAGE = Path(__file__).with_name("reference.md")
HEAD = """\
<!-- Written by docs/generate_reference.py from the code. Do not edit: run `make docs`. -->

# Python reference

Every public name of `pawsight`, as `import pawsight` offers it. Those of `pawsight.compat` are
Keras' own, for old scripts: [Old scripts](compat.md) describes each argument.
Examples are in [From Python](python.md).
"""
SECTION = re.compile(r"(Args|Returns|Raises|Yields|Attributes|Example|Examples):\s*")


def page() -> str:
    """The whole page, in the order of `pawsight.__all__`."""
    prepare_tensorflow()
    names = [name for name in pawsight.__all__ if not name.startswith("__")]
    return HEAD + "".join(entry(name, getattr(pawsight, name)) for name in names)


def entry(name: str, found: Any) -> str:
    """A public name: its signature, its docstring and, of a class, what it has."""
    text = f"\n## {name}\n"
    if inspect.isclass(found):
        text += class_signature(name, found) + described(found) + "".join(members(found))
    elif callable(found):
        text += signature(name, found) + described(found)
    return text


def class_signature(name: str, found: type) -> str:
    """How an object is made; nothing for an error or a protocol."""
    if issubclass(found, BaseModel) or is_dataclass(found):
        return block(f"class {name}:\n{fields(found)}")
    if issubclass(found, Exception) or getattr(found, "_is_protocol", False):
        return ""
    return signature(name, found)


def fields(found: type) -> str:
    """The fields of a record or config as its source has them, units and limits included."""
    of_own = (c for c in found.__mro__ if c.__module__.startswith("pawsight"))
    return "\n".join(line for one in of_own for line in field_lines(one))


def field_lines(found: type) -> list[str]:
    """The lines of the fields that the class itself defines."""
    source = textwrap.dedent(inspect.getsource(found))
    lines = source.splitlines()
    (node,) = ast.parse(source).body
    assert isinstance(node, ast.ClassDef)
    return [
        line
        for field in node.body
        if isinstance(field, ast.AnnAssign)
        for line in lines[field.lineno - 1 : field.end_lineno]
    ]


def members(found: type) -> list[str]:
    """Public methods and properties that the class itself defines, in their order."""
    entries = []
    for name, member in vars(found).items():
        if name.startswith("_") or name.startswith("model_"):
            continue
        plain = member.__func__ if isinstance(member, classmethod | staticmethod) else member
        if inspect.isfunction(plain) and not (is_dataclass(found) and plain.__doc__ is None):
            entries.append(f"\n### {found.__name__}.{name}\n" + signature(name, plain))
        elif isinstance(plain, property):
            entries.append(f"\n### {found.__name__}.{name}\n")
        else:
            continue
        entries.append(described(plain))
    return entries


def signature(name: str, found: Any) -> str:
    """The signature as code, one parameter a line where it is long."""
    known = inspect.signature(found)
    parameters = [
        plain(one) for one in known.parameters.values() if one.name not in ("self", "cls")
    ]
    result = known.return_annotation
    arrow = "" if result is known.empty or inspect.isclass(found) else f" -> {annotation(result)}"
    text = f"{name}({', '.join(map(str, parameters))}){arrow}"
    if len(text) > 88:
        text = f"{name}(\n" + "".join(f"    {one},\n" for one in parameters) + f"){arrow}"
    return block(text)


def plain(parameter: inspect.Parameter) -> inspect.Parameter:
    """A parameter whose type and default read as they are written."""
    if parameter.annotation is not parameter.empty:
        parameter = parameter.replace(annotation=Raw(annotation(parameter.annotation)))
    if " object at 0x" in repr(parameter.default):
        parameter = parameter.replace(default=Raw(f"{type(parameter.default).__name__}()"))
    return parameter


class Raw(str):
    """Text that is shown without quotes."""

    __slots__ = ()

    def __repr__(self) -> str:
        return str(self)


def annotation(found: Any) -> str:
    """A type as a reader writes it: without the modules it comes from."""
    text = found if isinstance(found, str) else inspect.formatannotation(found)
    return re.sub(r"\b(?:[a-z_]+\.)+(?=[A-Za-z])", "", text)


def described(found: Any) -> str:
    """A docstring in Google's style as Markdown."""
    text, is_example, is_list = "", False, False
    for line in (inspect.getdoc(found) or "").splitlines():
        section = SECTION.fullmatch(line)
        if section:
            if is_example:
                text += "```\n"
            is_example = section[1].startswith("Example")
            is_list = not is_example and section[1] not in ("Returns", "Yields")
            text += f"\n**{section[1]}**\n\n" + ("```python\n" if is_example else "")
        elif is_example:
            if line and not line.startswith("    "):
                text, is_example = text.rstrip("\n") + "\n```\n\n", False
            text += line.removeprefix("    ") + "\n"
        elif is_list and re.match(r" {4}[\w*]", line):
            name, _, words = line.strip().partition(": ")
            text += f"- `{name}`: {words}\n"
        else:
            text += (("  " + line.strip()) if is_list and line else line.strip()) + "\n"
    text += "```\n" if is_example else ""
    return "\n" + re.sub(r"\n{3,}", "\n\n", text.strip("\n")) + "\n"


def block(text: str) -> str:
    """Code, set apart."""
    return f"\n```python\n{text}\n```\n"


def main() -> int:
    """Write or check the page; 1 where it is out of date."""
    text = page()
    if "--check" in sys.argv[1:]:
        if not PAGE.is_file() or PAGE.read_text(encoding="utf-8") != text:
            print(f"{PAGE} does not match the code.", file=sys.stderr)
            return 1
        return 0
    PAGE.write_text(text, encoding="utf-8")
    print(f"Wrote {PAGE}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
