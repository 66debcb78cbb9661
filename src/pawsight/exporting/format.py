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
    """A format by name.

    Attributes:
        name: What --format takes.
        summary: What it is for, in a few words.
        write: Write the model into a folder that is there and empty; returns the file to open.
        open_runner: Open such a file as its users will, to be compared with the model.
        snippet: How Python runs it, for the README beside it: lines that take `images` and give
            `probabilities`; a function where they depend on the model, "" where it is used
            otherwise.
        advice: How else it is used, in Markdown.
        needs: Packages without which it cannot be written and checked.
        extra: The extras of pawsight that include them.
        input_range: What black and full colour are in its input; pawsight's own images have 0 to
            255, so `open_runner` scales where it is another one.
        is_int8: Its numbers are rounded to 8 bits, so its answers differ from the model's.
        is_keras: It is made from the model in Keras, which the shipped one does not have.
        takes_one: It takes one photo at a time.
        takes_labels: It is for models of several labels a photo, too.
        has_ood_score: Its file computes `ood_score` if the run has a detector.
        has_any_size: A second file of it takes photos of any size, with the resizing inside.
    """

    name: str
    summary: str
    write: Callable[[ModelFolder, Path, Progress], Path]
    open_runner: Callable[[Path], Runner]
    snippet: str | Callable[[ModelDescription], str] = ""
    advice: str = ""
    needs: tuple[str, ...] = ("onnx",)
    extra: str = "train"
    input_range: tuple[float, float] = (0.0, 255.0)
    is_int8: bool = False
    is_keras: bool = False
    takes_one: bool = False
    takes_labels: bool = True
    has_ood_score: bool = False
    has_any_size: bool = False

    def snippet_for(self, description: ModelDescription) -> str:
        """Return how Python runs the export of a model; "" where that is not how it is used."""
        return self.snippet if isinstance(self.snippet, str) else self.snippet(description)

    def check_installed(self) -> None:
        """Check that all that it needs is there, before anything is begun.

        Raises:
            ExtraError: Something is not installed.
        """
        if any(importlib.util.find_spec(package) is None for package in self.needs):
            raise ExtraError(f"Export to {self.name}", self.extra)
