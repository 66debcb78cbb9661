"""What a run began with; apart from `runs`, so that predicting does not load the settings."""

from __future__ import annotations

from pydantic import BaseModel

from pawsight.config import TrainConfig
from pawsight.text_field import Text


class RunConfig(BaseModel, frozen=True, extra="ignore"):
    """What a run began with, as config.json holds it."""

    source: Text  # as the user gave it; a path is absolute
    name: Text  # of the photos
    root: Text  # the folder that their paths are relative to
    settings: TrainConfig
    # (height, width) in pixels at which photos are kept; None in runs of earlier versions.
    working_size: tuple[int, int] | None = None
    # Of the shipped network's file, if training begins with it; in runs of earlier versions "".
    builtin_sha256: Text = ""
