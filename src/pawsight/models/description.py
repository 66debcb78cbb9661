"""`model.json`: the description of a model, its inputs and its outputs, validated when it is read.

The file contains plain data, never code or a serialised graph: loading an untrusted folder can
fail, but cannot execute anything. Needs no TensorFlow.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    field_validator,
    model_validator,
)

from pawsight.data.pixel_scale import STANDARD, PixelScale
from pawsight.errors import RunError
from pawsight.models.operating_point import OperatingPoint
from pawsight.records import Resize
from pawsight.runs import FORMAT_VERSION, Run
from pawsight.storage.atomic import write_json
from pawsight.task import Task, TaskName, task_of

_MULTI_LABEL_VERSION = 2  # format of multi-label models, so that earlier versions refuse them
_MULTI_LABEL_FIELDS = {"task", "thresholds"}  # written for multi-label models only
_Side = Annotated[int, Field(ge=1, le=4096)]
_PACKAGES = ("pawsight", "keras", "tensorflow", "numpy", "pillow", "onnxruntime")
# Fields that a program needs to run the model.
_USAGE = {
    "class_names",
    "image_size",
    "resize",
    "temperature",
    "pixel_scale",
    "input",
    "input_type",
    "input_colours",
    "input_range",
    "outputs",
    "task",
    "thresholds",
}
# Fields that affect predictions, besides the weights.
_DECISIVE = {
    "format_version",
    "class_names",
    "image_size",
    "resize",
    "temperature",
    "pixel_scale",
    "operating_points",
    "task",
    "thresholds",
}
_ORIGIN = {"source", "architecture", "created", "weights", "versions"}


class ModelDescription(BaseModel):
    """The contents of model.json."""

    model_config = ConfigDict(frozen=True, strict=True, extra="allow")

    # 1; for multi-label models 2.
    format_version: int = Field(FORMAT_VERSION, ge=1, le=_MULTI_LABEL_VERSION)
    architecture: str | None = None  # name of the network in the registry; None for other programs
    options: dict[str, Any] = {}  # what the network is built from, besides its name; JSON-ready
    # Whether the logits of each image and of its mirror image are averaged, within the network.
    is_mirrored: bool = False
    # `class_names[i]` is class i, length K.
    class_names: tuple[Annotated[str, Field(min_length=1)], ...] = Field(min_length=2)
    image_size: tuple[_Side, _Side]  # (height, width) in pixels
    resize: Resize  # how photos are resized to that size
    task: TaskName = "single-label"  # whether a photo has one class, or several labels
    # For multi-label models: the least probability at which each label is predicted, length K;
    # empty means 0.5 for all labels.
    thresholds: tuple[Annotated[float, Field(ge=0, le=1)], ...] = ()
    # What logits are divided by before the softmax (for multi-label models, the sigmoid).
    temperature: Annotated[float, Field(gt=0, allow_inf_nan=False)] = 1.0
    pixel_scale: PixelScale = STANDARD  # how values of more than 8 bits become pixels
    input: Literal["images"] = "images"  # name of the input, [N, height, width, 3]
    input_type: Literal["float32"] = "float32"  # type of its numbers
    input_colours: Literal["RGB"] = "RGB"  # order of its channels
    # Values of black and of full colour; any other scaling is part of the network.
    input_range: tuple[float, float] = (0.0, 255.0)
    outputs: tuple[str, ...] = ("logits",)  # names of the outputs, [N, K] each
    # Thresholds that keep given error rates, ascending by the rate; empty where there are too few
    # photos to prove a rate.
    operating_points: tuple[OperatingPoint, ...] = ()
    source: str | None = None  # the photos' folder or address, as the user gave it
    created: str | None = None  # date and time, ISO 8601
    # Where the initial weights came from, for a network that starts from weights.
    weights: str | None = None
    # The largest difference of any probability between the Keras weights and model.onnx.
    onnx_largest_difference: float | None = None
    versions: dict[str, str] = {}  # of the packages that the model was made with
    # Checksums of the files beside it, by name; earlier versions wrote none.
    sha256: dict[str, str] = {}

    @field_validator("class_names", mode="after")
    @classmethod
    def _names_differ(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        if len(set(names)) < len(names):
            raise ValueError("two classes have the same name")
        return names

    @model_validator(mode="after")
    def _has_a_threshold_for_each_label(self) -> Self:
        if self.thresholds and len(self.thresholds) != len(self.class_names):
            raise ValueError("thresholds must have one value for each class")
        return self

    @property
    def labelling(self) -> Task:
        """The task, with its thresholds."""
        return task_of(self.task, self.thresholds)

    @classmethod
    def load(cls, run: Run, path: Path | None = None) -> Self:
        """Read and validate a run's `model.json`.

        Args:
            run: The run, or a folder with a model.
            path: Another file in it to read instead; None reads `model.json`.

        Raises:
            RunError: The file is missing or damaged, or a newer pawsight wrote it.
        """
        path = path or run.model_path
        content = run.read_json(path)
        version = content.get("format_version")
        if isinstance(version, int) and version > _MULTI_LABEL_VERSION:
            raise RunError(
                f"{path} was written by a newer pawsight (format {version}; "
                f"this one reads up to {_MULTI_LABEL_VERSION}).\n"
                f"Upgrade with: pip install --upgrade pawsight"
            )
        try:
            return cls.model_validate_json(json.dumps(content))
        except ValidationError as error:
            mistakes = [
                f"{'.'.join(map(str, item['loc']))}: {item['msg'].removeprefix('Value error, ')}"
                for item in error.errors()
            ]
            raise RunError(
                f"{path} is damaged:\n  " + "\n  ".join(mistakes) + "\n"
                "Train again, or copy the run folder again."
            ) from error

    def save(self, run: Run) -> None:
        """Write a run's `model.json`, and add date, versions and checksums if they are missing.

        Raises:
            DiskError: The file cannot be written.
        """
        paths = (run.weights_path, run.keras_path, run.onnx_path)
        files = [path for path in paths if path.is_file()]
        added: dict[str, Any] = {
            "created": self.created or datetime.now(UTC).isoformat(timespec="seconds"),
            "versions": self.versions or versions(),
            "sha256": self.sha256 or {path.name: _sha256(path.read_bytes()) for path in files},
        }
        if self.labelling.is_multi_label:
            added["format_version"] = _MULTI_LABEL_VERSION
        described = self.model_copy(update=added)
        write_json(run.model_path, described._dumped(exclude_none=True))

    def check(self, path: Path, content: bytes) -> None:
        """Compare the content of one of the model's files with its checksum, if there is one.

        Raises:
            RunError: The content has another checksum.
        """
        if self.sha256.get(path.name, digest := _sha256(content)) != digest:
            raise RunError(
                f"{path} is damaged: its checksum is not the one in model.json beside it.\n"
                f"Train again, or copy the run folder again."
            )

    def usage(self) -> dict[str, Any]:
        """Return the fields that a program needs to run the model, JSON-ready."""
        return self._dumped(include=_USAGE)

    def metadata(self) -> dict[str, str]:
        """Return the fields of `usage`, each as JSON text, for formats whose metadata is text."""
        return {name: json.dumps(value) for name, value in self.usage().items()}

    def origin(self) -> dict[str, Any]:
        """Return source, network, date, weights and versions as far as recorded, JSON-ready."""
        return self.model_dump(mode="json", include=_ORIGIN, exclude_none=True, exclude_unset=True)

    def decisive(self) -> str:
        """Return the fields that affect predictions, besides the weights, as JSON text."""
        left_out = set() if self.labelling.is_multi_label else _MULTI_LABEL_FIELDS
        return self.model_dump_json(include=_DECISIVE - left_out)

    def _dumped(self, **options: Any) -> dict[str, Any]:
        """Return the fields that the model's task has, JSON-ready."""
        content = self.model_dump(mode="json", **options)
        if not self.labelling.is_multi_label:
            for name in _MULTI_LABEL_FIELDS & content.keys():
                del content[name]
        return content


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def versions() -> dict[str, str]:
    """Return the installed versions of the packages that a model depends on."""
    installed = {}
    for name in _PACKAGES:
        for package in (name, f"{name}-cpu"):
            try:
                installed[name] = importlib.metadata.version(package)
                break
            except importlib.metadata.PackageNotFoundError:
                continue
    return installed
