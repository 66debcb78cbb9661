"""The definition of an export format: plain data, and two functions of its module."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from pawsight.errors import ExtraError
from pawsight.exporting.model_folder import ModelFolder
from pawsight.models.description import ModelDescription
from pawsight.progress import Progress
from pawsight.records import FloatArray, ImageArray

Runner = Callable[[ImageArray], FloatArray]  # uint8 [N, H, W, 3] -> probabilities [N, K]


@dataclass(frozen=True, slots=True, kw_only=True)
class Format:
    """An export format."""

    name: str  # for --format
    summary: str  # its purpose, in a few words
    # Writes a model into an existing, empty folder; returns the path of the file to open.
    write: Callable[[ModelFolder, Path, Progress], Path]
    # Opens that file in the runtime of its users, for the comparison with the model.
    open_runner: Callable[[Path], Runner]
    # Python code for the README that computes `probabilities` from `images`; a function if the code
    # depends on the model; "" if the export is not used from Python.
    snippet: str | Callable[[ModelDescription], str] = ""
    advice: str = ""  # other ways to use it, in Markdown
    needs: tuple[str, ...] = ("onnx",)  # packages that writing and checking it needs
    extra: str = "train"  # the extras of pawsight with these packages
    # Values of black and of full colour in its input; if it is not 0..255, `open_runner` has to
    # scale images.
    input_range: tuple[float, float] = (0.0, 255.0)
    is_int8: bool = False  # whether its numbers have 8 bits, so that its predictions differ
    is_keras: bool = False  # whether it needs the model in Keras, which the shipped model lacks
    takes_one: bool = False  # whether it takes only one photo at a time
    takes_labels: bool = True  # whether it also supports multi-label models
    has_ood_score: bool = False  # whether it computes `ood_score` if the run has a detector
    has_any_size: bool = False  # whether `any_size` adds a file for photos of any size

    def snippet_for(self, description: ModelDescription) -> str:
        """Return the Python code for the README of a model's export; "" if there is none."""
        return self.snippet if isinstance(self.snippet, str) else self.snippet(description)

    def check_installed(self) -> None:
        """Check that all needed packages are installed; raises ExtraError."""
        if any(importlib.util.find_spec(package) is None for package in self.needs):
            raise ExtraError(f"Export to {self.name}", self.extra)
