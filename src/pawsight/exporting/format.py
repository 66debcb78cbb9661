"""What an export format is: plain facts, and two functions that its module gives."""

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
    """A format by name."""

    name: str  # what --format takes
    summary: str  # what it is for, in a few words
    # Write the model into a folder that is there and empty; returns the file to open.
    write: Callable[[ModelFolder, Path, Progress], Path]
    # Open such a file as its users will, to be compared with the model.
    open_runner: Callable[[Path], Runner]
    # How Python runs it, for the README beside it: lines that take `images` and give
    # `probabilities`; a function where they depend on the model, "" where it is used otherwise.
    snippet: str | Callable[[ModelDescription], str] = ""
    advice: str = ""  # how else it is used, in Markdown
    needs: tuple[str, ...] = ("onnx",)  # packages without which it cannot be written and checked
    extra: str = "train"  # the extras of pawsight that include them
    # What black and full colour are in its input; pawsight's own images have 0 to 255, so
    # `open_runner` scales where it is another one.
    input_range: tuple[float, float] = (0.0, 255.0)
    # Its numbers are rounded to 8 bits, so its answers differ from the model's.
    is_int8: bool = False
    # It is made from the model in Keras, which the shipped one does not have.
    is_keras: bool = False
    takes_one: bool = False  # it takes one photo at a time
    takes_labels: bool = True  # it is for models of several labels a photo, too
    has_ood_score: bool = False  # its file computes `ood_score` if the run has a detector
    # A second file of it takes photos of any size, with the resizing inside.
    has_any_size: bool = False

    def snippet_for(self, description: ModelDescription) -> str:
        """Return how Python runs the export of a model; "" where that is not how it is used."""
        return self.snippet if isinstance(self.snippet, str) else self.snippet(description)

    def check_installed(self) -> None:
        """Check that all that it needs is there, before anything is begun; raises ExtraError."""
        if any(importlib.util.find_spec(package) is None for package in self.needs):
            raise ExtraError(f"Export to {self.name}", self.extra)
