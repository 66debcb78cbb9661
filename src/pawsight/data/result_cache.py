"""Remember what was found by looking at all photos, beside the pixels it was found in.

Looking for copies takes seconds for thousands of photos, and the answer stays
the same until a photo, a label or the way of looking changes.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
from collections.abc import Callable
from typing import TypeVar

from pawsight.data.catalog import Catalog
from pawsight.data.reading.store import PixelStore
from pawsight.errors import DiskError
from pawsight.records import Pixels
from pawsight.storage.atomic import write_json

_Found = TypeVar("_Found")


def remembered(
    what: str, version: int, catalog: Catalog, pixels: Pixels, find: Callable[[], _Found]
) -> _Found:
    """Give what `find` gave for the same photos before, or call it now.

    Only for photos that lie in a store: what streams is looked at anew.

    Args:
        what: A plain name; there is one answer of each name for a store.
        version: Raised whenever `find` begins to give other answers.
        catalog: The photos it looks at; their order, bytes and labels count.
        pixels: Their pixels.
        find: Gives plain lists, numbers and text: what JSON gives back unchanged.
    """
    if not isinstance(pixels, PixelStore):
        return find()
    path = pixels.path.with_name(f"{what}.json")
    key = _key(version, catalog)
    with contextlib.suppress(OSError, ValueError, RecursionError, KeyError, TypeError):
        saved = json.loads(path.read_text(encoding="utf-8"))
        if saved["key"] == key:
            found: _Found = saved["found"]
            return found
    found = find()
    if path.parent.is_dir():
        with contextlib.suppress(DiskError):  # it is found again the next time
            write_json(path, {"key": key, "found": found})
    return found


def _key(version: int, catalog: Catalog) -> str:
    """Identify the photos and the way of looking."""
    key = hashlib.sha256(f"{version}\n".encode())
    for photo in catalog.photos:
        content = photo.problem or photo.pixels_key
        key.update(f"{content}\0{photo.label}\n".encode("utf-8", "surrogateescape"))
    return key.hexdigest()
