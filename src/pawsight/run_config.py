"""The content of config.json; not in `runs`, so that predicting does not import the settings."""

from __future__ import annotations

from pydantic import BaseModel

from pawsight.config import TrainConfig
from pawsight.text_field import Text


class RunConfig(BaseModel, frozen=True, extra="ignore"):
    """The source and the settings that a run began with."""

    source: Text  # as the user gave it; a path is absolute
    name: Text  # of the photos
    root: Text  # the folder that their paths are relative to
    settings: TrainConfig
    # (height, width) in pixels at which photos are kept; None in runs of earlier versions.
    working_size: tuple[int, int] | None = None
    # Of the shipped network's file if training begins with it; else, and in earlier versions, "".
    builtin_sha256: Text = ""
