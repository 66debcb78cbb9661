"""Pause the cyclic garbage collector while many records are made."""

from __future__ import annotations

import contextlib
import gc
from collections.abc import Iterator


@contextlib.contextmanager
def many_records() -> Iterator[None]:
    """Pause the search for objects that refer to each other in circles.

    It goes through all that was made so far, ever again while more is made; records
    never be in such circles.
    """
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()
