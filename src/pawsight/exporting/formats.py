"""The formats a model can be exported to, by name.

A format is one module of this room with two functions:

    write(model: ModelFolder, folder: Path, progress: Progress) -> Path
        Write the model into a folder that is there and empty; returns the file to open.
    open_runner(path: Path) -> Runner
        Open such a file as its users will, to be compared with the model.

and a text for the README beside it: `SNIPPET`, how Python runs it, or `ADVICE`, how else it is
used.
"""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

from pawsight.errors import ConfigError, ExtraError
from pawsight.exporting.model_folder import ModelFolder
from pawsight.progress import Progress
from pawsight.records import FloatArray, ImageArray

Runner = Callable[[ImageArray], FloatArray]  # uint8 [N, H, W, 3] -> probabilities [N, K]


@dataclass(frozen=True, slots=True)
class Format:
    """A format by name.

    Attributes:
        name: What --format takes.
        summary: What it is for, in a few words.
        module: Of this package; imported when it is used.
        needs: Packages without which it cannot be written and checked.
        extra: The extras of pawsight that bring them.
        is_int8: Its numbers are rounded to 8 bits, so its answers differ from the model's.
        is_keras: It is made from the model in Keras, which the shipped one does not have.
        takes_one: It takes one photo at a time.
        has_any_size: A second file of it takes photos of any size, with the resizing inside.
    """

    name: str
    summary: str
    module: str
    needs: tuple[str, ...] = ("onnx",)
    extra: str = "train"
    is_int8: bool = False
    is_keras: bool = False
    takes_one: bool = False
    has_any_size: bool = False

    def write(self, model: ModelFolder, folder: Path, progress: Progress) -> Path:
        """Write the model into an empty folder; returns the file or folder to open."""
        path: Path = self._load().write(model, folder, progress)
        return path

    def open_runner(self, path: Path) -> Runner:
        """Open what `write` returned."""
        runner: Runner = self._load().open_runner(path)
        return runner

    def snippet(self) -> str:
        """How Python runs it; "" where that is not how it is used."""
        return str(getattr(self._load(), "SNIPPET", ""))

    def advice(self) -> str:
        """How it is used where that is not Python, for the README beside it; else ""."""
        return str(getattr(self._load(), "ADVICE", ""))

    def check_installed(self) -> None:
        """Look whether all that it needs is there, before anything is begun.

        Raises:
            ExtraError: Something is not installed.
        """
        if any(importlib.util.find_spec(package) is None for package in self.needs):
            raise ExtraError(f"Export to {self.name}", self.extra)

    def _load(self) -> ModuleType:
        return importlib.import_module(f"pawsight.exporting.{self.module}")


_KERAS = ("keras", "tensorflow")

FORMATS: dict[str, Format] = {
    found.name: found
    for found in (
        Format(
            "onnx",
            "ONNX Runtime, on any system and in many languages",
            "onnx_format",
            has_any_size=True,
        ),
        Format("web", "a web page that answers in the browser, from any host", "web_page"),
        Format("onnx-int8", "ONNX Runtime, smaller: 8 bits a number", "onnx_int8", is_int8=True),
        Format(
            "openvino",
            "OpenVINO, on hardware of Intel",
            "openvino",
            needs=("onnx", "openvino"),
            extra="train,export",
            takes_one=True,
        ),
        Format("keras", "Keras, without pawsight", "keras_file", _KERAS, is_keras=True),
        Format("savedmodel", "TensorFlow and its server", "saved_model", _KERAS, is_keras=True),
        Format(
            "litert",
            "LiteRT (TensorFlow Lite), on phones and small computers",
            "litert",
            (*_KERAS, "ai_edge_litert"),
            "train,export",
            is_keras=True,
            takes_one=True,
        ),
        Format(
            "litert-int8",
            "LiteRT, smaller: 8 bits a number",
            "litert_int8",
            (*_KERAS, "ai_edge_litert"),
            "train,export",
            is_int8=True,
            is_keras=True,
            takes_one=True,
        ),
        Format("colab", "a notebook for Google Colab, with the ONNX file", "colab_notebook"),
    )
}


def chosen_formats(names: Sequence[str]) -> list[Format]:
    """Look formats up by name, each once.

    Raises:
        ConfigError: There is none of that name; the text lists those there are.
    """
    unknown = [name for name in names if name not in FORMATS]
    if unknown or not names:
        known = "\n".join(f"  {one.name:13} {one.summary}" for one in FORMATS.values())
        what = f"There is no format '{unknown[0]}'." if unknown else "No format was named."
        raise ConfigError(f"{what} Choose one or more of these with --format:\n{known}")
    return [FORMATS[name] for name in dict.fromkeys(names)]
