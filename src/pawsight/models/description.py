"""`model.json`: what the numbers of `model.onnx` mean, checked before it is believed."""

from __future__ import annotations

import json
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from pawsight.errors import RunError
from pawsight.records import Resize
from pawsight.runs import FORMAT_VERSION, Run

_Side = Annotated[int, Field(ge=1, le=4096)]


class Description(BaseModel):
    """What inference needs of `model.json`; other entries are for people and tools."""

    model_config = ConfigDict(frozen=True, strict=True, extra="ignore")

    format_version: int = Field(ge=1, le=FORMAT_VERSION)
    class_names: tuple[Annotated[str, Field(min_length=1)], ...] = Field(min_length=2)
    image_size: tuple[_Side, _Side]  # (height, width) in pixels
    resize: Resize
    temperature: Annotated[float, Field(gt=0, allow_inf_nan=False)] = 1.0
    input: Literal["images"] = "images"
    output: Literal["logits"] = "logits"

    @field_validator("class_names", mode="after")
    @classmethod
    def _names_differ(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        if len(set(names)) < len(names):
            raise ValueError("two classes have the same name")
        return names


def load_description(run: Run) -> Description:
    """Read and check a run's `model.json`.

    Raises:
        RunError: It is missing or damaged, or a newer pawsight wrote it.
    """
    found = run.read_json(run.model_path)
    version = found.get("format_version")
    if isinstance(version, int) and version > FORMAT_VERSION:
        raise RunError(
            f"{run.model_path} was written by a newer pawsight (format {version}; "
            f"this one reads up to {FORMAT_VERSION}).\n"
            f"Upgrade with: pip install --upgrade pawsight"
        )
    try:
        return Description.model_validate_json(json.dumps(found))
    except ValidationError as error:
        mistakes = [
            f"{'.'.join(map(str, mistake['loc']))}: {mistake['msg'].removeprefix('Value error, ')}"
            for mistake in error.errors()
        ]
        raise RunError(
            f"{run.model_path} is damaged:\n  " + "\n  ".join(mistakes) + "\n"
            "Train again, or copy the run folder anew."
        ) from error
