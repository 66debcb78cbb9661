"""Show the progress of a call in the cell of a notebook.

`live_in_notebooks` decorates the functions of the workflow: in Jupyter, Colab and
other front ends with a kernel they show their progress, and curves during
training; elsewhere they are silent. IPython is used only where it already runs.
`PAWSIGHT_LIVE=off` disables the display, `progress=Silent()` does for one call.
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

__all__ = ["NotebookProgress", "live_in_notebooks"]

_Parameters = ParamSpec("_Parameters")
_Result = TypeVar("_Result")


def live_in_notebooks(
    function: Callable[_Parameters, _Result],
) -> Callable[_Parameters, _Result]:
    """Display a call's progress in the notebook's cell, unless the caller gives a `progress`.

    Args:
        function: A function with a parameter `progress`.
    """
    position = list(inspect.signature(function).parameters).index("progress")

    @functools.wraps(function)
    def shown(*args: _Parameters.args, **kwargs: _Parameters.kwargs) -> _Result:
        if "progress" in kwargs or len(args) > position or not _is_live():
            return function(*args, **kwargs)
        from IPython.display import display

        with contextlib.closing(NotebookProgress(display)) as cell:
            return function(*args, **{**kwargs, "progress": cell})  # type: ignore[arg-type]

    return shown


def _is_live() -> bool:
    """Return whether there is a kernel, unlike in a terminal, and the display is not disabled."""
    ipython = sys.modules.get("IPython")
    shell = None if ipython is None else ipython.get_ipython()
    is_off = os.environ.get("PAWSIGHT_LIVE", "").lower() in ("off", "0", "false", "no")
    return getattr(shell, "kernel", None) is not None and not is_off
