"""Make names of classes from the names of folders."""

from __future__ import annotations

import os
import re
import unicodedata

from pawsight.formatting import printable


def class_name(folder_name: str) -> str:
    r"""Return the class name for the name of a folder, which is the same on every system.

    Accented letters are normalized to NFC (macOS uses another form). Bytes that are not UTF-8,
    line breaks, and control characters except tabs are escaped: `caf\xe9`, `a\nb`.
    """
    text = os.fsencode(folder_name).decode("utf-8", errors="backslashreplace")
    normalized = unicodedata.normalize("NFC", text)
    return _CONTROL.sub(lambda match: printable(match[0]), normalized)


_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f-\x9f\u2028\u2029]")
