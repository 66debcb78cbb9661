"""The folder of a search, with the settings that the search began with."""

from __future__ import annotations

from pathlib import Path

from pawsight.config import TrainConfig
from pawsight.errors import RunError
from pawsight.results_folders import folder_of_runs
from pawsight.runs import Run
from pawsight.storage.atomic import make_dir, write_json
from pawsight.workflow.photo_sets import Source


def search_folder(source: Source, out: Source | None, config: TrainConfig) -> Path:
    """Return the folder of a search; create it and save the settings if it is new.

    Raises:
        RunError: The folder has other files, or a search with other settings.
    """
    folder = folder_of_runs(source, out, "-tuning")
    path = folder / "tuning.json"
    settings = config.model_dump(mode="json")
    if path.is_file():
        if Run(folder).read_json(path) != settings:
            raise RunError(
                f"{folder} holds a search with other settings.\nGive the settings it began with, "
                f"or another --out folder."
            )
        return folder
    if folder.is_dir() and any(folder.iterdir()):
        raise RunError(f"{folder} is not empty.\nChoose another --out folder.")
    make_dir(folder)
    write_json(path, settings)
    return folder
