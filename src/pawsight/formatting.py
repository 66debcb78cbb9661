"""Write numbers and texts for people: percentages, counts, durations, names, JSON, CSV cells."""

from __future__ import annotations

import html
import json
import os
import re
import shlex
from collections.abc import Iterable, Sequence
from typing import Any

MISSING = "-"


def percent(share: float | None, digits: int = 1) -> str:
    """Write a share as "96.4 %"; None, which is undefined, as a dash.

    A share just below 1 or just above 0 gets up to three digits, so that it is not
    rounded to "100.0 %" or "0.0 %".
    """
    if share is None:
        return MISSING
    texts = [f"{share * 100:.{d}f}" for d in range(digits, 4)]
    accurate = (text for text in texts if share in (0, 1) or float(text) not in (0.0, 100.0))
    return f"{next(accurate, texts[0])} %"


def percent_interval(low_high: Sequence[float]) -> str:
    """Write an interval of shares as "94.4 to 97.7"."""
    low, high = (percent(end).removesuffix(" %") for end in low_high)
    return f"{low} to {high}"


def decimal(value: float | None, digits: int = 3) -> str:
    """Write a number with `digits` digits after the point; None as a dash."""
    return MISSING if value is None else f"{value:.{digits}f}"


def counted(number: int, singular: str, plural: str = "") -> str:
    """Write a count with its noun: "1 photo", "1,200 photos"; the plural is by default with "s"."""
    return f"{number:,} {singular if number == 1 else plural or f'{singular}s'}"


def num_epochs(number: float) -> str:
    """Write a number of epochs to three digits: "1 epoch", "1.5 epochs", "12.3 epochs"."""
    text = f"{number:.3g}"
    return f"{text} epoch{'' if text == '1' else 's'}"


def resume_command(run_path: str | os.PathLike[str]) -> str:
    """Write the command that resumes a run, as a shell takes it."""
    return f"pawsight resume {shell_quoted(os.fspath(run_path))}"


def shell_quoted(text: str) -> str:
    r"""Quote an argument for a shell; one that is not printable is written as in $'a\012b'.

    Bash, zsh and ksh read that form. Source: POSIX.1-2024, Shell Command Language, 2.2.4.
    """
    if text.isprintable():
        return shlex.quote(text)
    escaped = "".join(
        (f"\\{letter}" if letter in "\\'" else letter)
        if letter.isprintable()
        else "".join(f"\\{byte:03o}" for byte in os.fsencode(letter))
        for letter in text
    )
    return f"$'{escaped}'"


def exclude_options(names: Iterable[str], most: int = 5) -> str:
    """Write the options that leave folders or photos out: "--exclude old --exclude 'b c'"."""
    options = [f"--exclude {shell_quoted(name)}" for name in names]
    return " ".join(options[:most] + ["..."][: len(options) > most])


def duration(seconds: float) -> str:
    """Write a duration: "45 s", "4 min 12 s", "2 h 5 min"."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"


def printable(text: str) -> str:
    """Escape what is not printable: control and bidirectional characters, undecodable bytes.

    A file or class name can then neither move the cursor of a terminal nor
    reorder or forge the text around it.
    """
    return "".join(
        letter if letter.isprintable() else letter.encode("unicode_escape").decode("ascii")
        for letter in text
    )


def encoded(data: str | bytes) -> bytes:
    """Encode a text in UTF-8, and keep bytes; undecodable bytes of names are kept, too."""
    return data.encode("utf-8", "surrogateescape") if isinstance(data, str) else data


def printable_lines(text: str) -> str:
    """Escape each line of a text as `printable` does."""
    return "\n".join(map(printable, text.split("\n")))


def listed(names: Iterable[object], most: int = 5, between: str = ", ") -> str:
    """Write the first names, escaped, and the number of the others: "a, b and 3 more"."""
    texts = [printable(str(name)) for name in names]
    first = between.join(texts[:most])
    return first if len(texts) <= most else f"{first} and {len(texts) - most:,} more"


def markdown_text(text: str) -> str:
    """Escape a text, such as the name of a class, for Markdown."""
    return _MARKDOWN.sub(r"\\\1", html.escape(printable(text), quote=False))


def to_json(value: Any, indent: int | None = None) -> str:
    """Write JSON, with non-ASCII letters as they are unless names have undecodable bytes."""
    text = json.dumps(value, indent=indent, ensure_ascii=False, allow_nan=False)
    try:
        text.encode()
    except UnicodeEncodeError:
        return json.dumps(value, indent=indent, allow_nan=False)
    return text


def inert_cell(text: str) -> str:
    """Return a CSV cell that no spreadsheet takes for a formula: an apostrophe before "=", "@" ...

    `original_cell` is its inverse, so a text that begins with apostrophes before a formula has
    one more. Source: OWASP, CSV Injection.
    """
    return f"'{text}" if _FORMULA.match(text.lstrip("'")) else text


def original_cell(cell: str) -> str:
    """Return the text of a cell that `inert_cell` wrote."""
    return cell[1:] if cell.startswith("'") and _FORMULA.match(cell.lstrip("'")) else cell


def inert_path(path: str) -> str:
    """Return a path that names the same file, and that no spreadsheet takes for a formula.

    `original_path` is its inverse.
    """
    return f"./{path}" if _FORMULA_PATH.match(path) else path


def original_path(cell: str) -> str:
    """Return the path of a cell that `inert_path` wrote."""
    return cell[2:] if cell.startswith("./") and _FORMULA_PATH.match(cell) else cell


_MARKDOWN = re.compile(r"([\\`*_\[\]|#~!])")
# East Asian keyboards also have full-width forms, which Excel reads as the ASCII characters.
_FORMULA = re.compile(r"[=@\t\r\n\uff1d\uff20]|[+\-\uff0b\uff0d](?![\d.]+$)")
_FORMULA_PATH = re.compile(rf"(?:\./)*(?:{_FORMULA.pattern})")
