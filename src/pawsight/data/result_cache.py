"""Cache results that were computed from all photos, in the folder of their pixels.

The search for copies takes seconds for thousands of photos, and its result stays
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

_Result = TypeVar("_Result")


def cached_result(
    name: str, version: int | str, catalog: Catalog, pixels: Pixels, compute: Callable[[], _Result]
) -> _Result:
    """Return the saved result of `compute` for the same photos, or call it now.

    Results are saved only for pixels in a store.

    Args:
        name: The name of the result, a plain file name; a store keeps one result of each name.
        version: The version of the algorithm; another version is computed again.
        catalog: The photos; their order, bytes and labels count.
        pixels: The pixels of the photos.
        compute: Returns lists, numbers and text, which JSON preserves.
    """
    if not isinstance(pixels, PixelStore):
        return compute()
    path = pixels.path.with_name(f"{name}.json")
    key = _key(version, catalog)
    with contextlib.suppress(OSError, ValueError, RecursionError, KeyError, TypeError):
        saved = json.loads(path.read_text(encoding="utf-8"))
        if saved["key"] == key:
            result: _Result = saved["found"]
            return result
    result = compute()
    if path.parent.is_dir():
        with contextlib.suppress(DiskError):  # it is computed again the next time
            write_json(path, {"key": key, "found": result})
    return result


def _key(version: int | str, catalog: Catalog) -> str:
    """Compute a key of the photos and the algorithm."""
    key = hashlib.sha256(f"{version}\n".encode())
    for photo in catalog.photos:
        content = photo.problem or photo.pixels_key
        key.update(f"{content}\0{photo.label}\n".encode("utf-8", "surrogateescape"))
    return key.hexdigest()
