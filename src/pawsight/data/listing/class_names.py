"""Names of classes, made of the names of folders."""

from __future__ import annotations

import os
import re
import unicodedata

from pawsight.formatting import printable


def class_name(folder_name: str) -> str:
    r"""Return a class name for a folder's name: the same text on any system, and always text.

    Accented letters are written in one way (macOS stores them in another). Bytes that are no
    UTF-8, line breaks and control characters but tabs are spelled out: `caf\xe9`, `a\nb`.
    """
    text = os.fsencode(folder_name).decode("utf-8", errors="backslashreplace")
    normalized = unicodedata.normalize("NFC", text)
    return _CONTROL.sub(lambda found: printable(found[0]), normalized)


_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f-\x9f\u2028\u2029]")
