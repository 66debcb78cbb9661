"""Cache what was computed from all photos, beside the pixels it was computed from.

Searching for copies takes seconds for thousands of photos, and the result stays
the same until a photo, a label or the algorithm changes.
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


def cached_result(
    what: str, version: int | str, catalog: Catalog, pixels: Pixels, find: Callable[[], _Found]
) -> _Found:
    """Return what `find` returned for the same photos before, or call it now.

    Only for photos in a store; of a stream the result is computed each time.

    Args:
        what: A plain name; there is one result of each name for a store.
        version: Raised whenever `find` begins to return other results.
        catalog: The photos; their order, bytes and labels count.
        pixels: Their pixels.
        find: Returns plain lists, numbers and text: what JSON returns unchanged.
    """
    if not isinstance(pixels, PixelStore):
        return find()
    path = pixels.path.with_name(f"{what}.json")
    key = _key(version, catalog)
    with contextlib.suppress(OSError, ValueError, RecursionError, KeyError, TypeError):
        saved = json.loads(path.read_text(encoding="utf-8"))
        if saved["key"] == key:
            result: _Found = saved["found"]
            return result
    result = find()
    if path.parent.is_dir():
        with contextlib.suppress(DiskError):  # it is found again the next time
            write_json(path, {"key": key, "found": result})
    return result


def _key(version: int | str, catalog: Catalog) -> str:
    """Compute a key of the photos and the algorithm."""
    key = hashlib.sha256(f"{version}\n".encode())
    for photo in catalog.photos:
        content = photo.problem or photo.pixels_key
        key.update(f"{content}\0{photo.label}\n".encode("utf-8", "surrogateescape"))
    return key.hexdigest()
