"""Small typed records in JSON files of a run, read with an error that says how to mend them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, TypeAdapter, ValidationError

from pawsight.errors import RunError

_T = TypeVar("_T")


class Record(BaseModel, frozen=True):
    """A record that cannot be changed; fields of later versions are passed over."""


def load_record(path: Path, adapter: TypeAdapter[_T], advice: str) -> _T | None:
    """Read and validate a JSON file; None where there is no such file.

    Args:
        path: The file, in UTF-8; names that are not UTF-8 are kept as surrogates.
        adapter: Validates the content.
        advice: What mends a damaged file: a sentence of the error.

    Raises:
        RunError: The file cannot be read, is no JSON, or does not hold such a record.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8", errors="surrogateescape"))
        return adapter.validate_python(content)
    except FileNotFoundError:
        return None
    except (OSError, ValueError, RecursionError, ValidationError) as error:
        raise RunError(f"{path} is damaged.\n{advice}") from error
