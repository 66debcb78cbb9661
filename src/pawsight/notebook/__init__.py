"""What a call shows of itself in the cell of a notebook, without a setting.

`live_in_notebooks` is put on the functions of the workflow: called in Jupyter,
Colab or another front end with a kernel, they show how far they are and draw
the curves while they train; elsewhere they stay silent. IPython is used where
it runs already, and never loaded. `PAWSIGHT_LIVE=off` turns it off, and so
does `progress=Silent()` for one call.
"""

from __future__ import annotations

import contextlib
import functools
import inspect
import os
import sys
from collections.abc import Callable
from typing import ParamSpec, TypeVar

from pawsight.notebook.cell import NotebookProgress

__all__ = ["Cell", "live_in_notebooks"]

_Takes = ParamSpec("_Takes")
_Gives = TypeVar("_Gives")


def live_in_notebooks(function: Callable[_Takes, _Gives]) -> Callable[_Takes, _Gives]:
    """Display a call's progress in the notebook's cell, unless the caller gives a `progress`.

    Args:
        function: One of its parameters is `progress`, a `Progress`.
    """
    place = list(inspect.signature(function).parameters).index("progress")

    @functools.wraps(function)
    def shown(*args: _Takes.args, **kwargs: _Takes.kwargs) -> _Gives:
        if "progress" in kwargs or len(args) > place or not _is_wanted():
            return function(*args, **kwargs)
        from IPython.display import display

        with contextlib.closing(NotebookProgress(display)) as cell:
            return function(*args, **{**kwargs, "progress": cell})  # type: ignore[arg-type]

    return shown


def _is_wanted() -> bool:
    """Return whether this runs in a kernel, which IPython in a terminal has not, and is on."""
    ipython = sys.modules.get("IPython")
    shell = None if ipython is None else ipython.get_ipython()
    is_off = os.environ.get("PAWSIGHT_LIVE", "").lower() in ("off", "0", "false", "no")
    return getattr(shell, "kernel", None) is not None and not is_off
