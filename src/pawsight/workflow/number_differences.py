"""Compare the numbers of two JSON documents."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any


def differences(saved: Any, again: Any, where: str) -> Iterator[str]:
    """Yield a sentence for each place where two JSON values differ.

    Args:
        saved: The saved value.
        again: The value as computed again. Keys that only one of both has are not compared, since
            versions differ in their keys. Floats may differ by 1e-6, relative, or 2e-6, absolute.
        where: The path of the values, with a dot at its end; or "".
    """
    if isinstance(saved, dict) and isinstance(again, dict):
        for key in saved.keys() & again.keys():
            yield from differences(saved[key], again[key], f"{where}{key}.")
    elif isinstance(saved, list | tuple) and isinstance(again, list | tuple):
        if len(saved) != len(again):
            yield f"{where[:-1]} has {len(saved)} entries instead of {len(again)}"
        for i, pair in enumerate(zip(saved, again, strict=False)):
            yield from differences(*pair, f"{where}{i}.")
    elif isinstance(saved, float) and isinstance(again, float | int):
        if not math.isclose(saved, again, rel_tol=1e-6, abs_tol=2e-6):
            yield f"{where[:-1]} is {saved:.7g} instead of {again:.7g}"
    elif saved != again:
        yield f"{where[:-1]} is {saved!r} instead of {again!r}"
