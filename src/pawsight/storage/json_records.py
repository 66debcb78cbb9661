"""Small typed records in the JSON files of a run; errors state how to repair a damaged file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, TypeAdapter, ValidationError

from pawsight.errors import RunError

_T = TypeVar("_T")


class Record(BaseModel, frozen=True):
    """An immutable record; unknown fields, such as those of later versions, are ignored."""


def load_record(path: Path, adapter: TypeAdapter[_T], advice: str) -> _T | None:
    """Read and validate a JSON file; return None if the file does not exist.

    Args:
        path: The file, in UTF-8; bytes that are not UTF-8 become surrogates.
        adapter: Validates the content.
        advice: How to repair a damaged file: the last line of the message.

    Raises:
        RunError: The file cannot be read, is no JSON, or does not contain such a record.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8", errors="surrogateescape"))
        return adapter.validate_python(content)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise RunError(f"{path} cannot be read: {error.strerror or error}.") from error
    except (ValueError, RecursionError, ValidationError) as error:
        raise RunError(f"{path} is damaged.\n{advice}") from error
