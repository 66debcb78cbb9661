"""Cross-validation: a run per fold, so that every photo outside the test part is validated once."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Any

from pawsight.config import TrainConfig
from pawsight.errors import ConfigError, RunError
from pawsight.notebook import live_in_notebooks
from pawsight.progress import SILENT, Progress
from pawsight.results_folders import folder_of_runs
from pawsight.runs import Run
from pawsight.storage.atomic import write_json
from pawsight.workflow.photo_sets import Source, checked_model
from pawsight.workflow.training_runs import resume, train

_DEFAULT_FOLDS = 5
_SUMMARY = "folds.json"


@live_in_notebooks
def cross_validate(
    source: Source,
    config: TrainConfig | None = None,
    out: Source | None = None,
    progress: Progress = SILENT,
) -> dict[str, Any]:
    """Train once per fold, and summarise how the score varies from fold to fold.

    The test part, if there are enough photos for one, is the same in all folds
    and no fold trains on it. If it is called again with the same `out`, finished
    folds are kept and a stopped fold is resumed.

    Args:
        source: As `train` takes it. Its train and validation parts, if it has them,
            are joined and divided into folds; its test part stays.
        config: The settings of each run; `split.folds` is the number of folds, 5 by default.
        out: The folder for the runs; None creates `runs/<date>-<time>-<source>-folds`.
        progress: Receives every stage.

    Returns:
        The content of `folds.json` in that folder: `folder`, `runs`, and what
        `summarize_folds` returns for their validation parts.

    Raises:
        ConfigError: Photos have several labels.
        RunError: `out` has other files, or folds with other settings.
        PawsightError: As `train`.
    """
    from pawsight.evaluation.folds import summarize_folds
    from pawsight.evaluation.results import Evaluation

    config = checked_model(config or TrainConfig())  # as each fold will save it
    if config.source.multi_label:
        raise ConfigError(
            "Cross-validation is for one label a photo.\nTrain a single run with --multi-label: "
            "pawsight train"
        )
    folds = config.split.folds or _DEFAULT_FOLDS
    folder = _folder(source, out)
    runs = []
    for fold in range(1, folds + 1):
        split = config.split.model_copy(update={"folds": folds, "fold": fold})
        progress.note(f"Fold {fold} of {folds}.")
        settings = config.model_copy(update={"split": split})
        runs.append(_fold_run(source, settings, folder / f"fold-{fold}", progress))
    summary = {
        "folder": str(folder),
        "runs": [str(run.path) for run in runs],
        **summarize_folds([Evaluation.load(run) for run in runs]).model_dump(mode="json"),
    }
    write_json(folder / _SUMMARY, summary)
    return summary


def _fold_run(source: Source, config: TrainConfig, path: Path, progress: Progress) -> Run:
    """Return the finished run of one fold: kept, resumed, or trained."""
    run = Run(path)
    if not run.config_path.is_file():
        return train(source, config, path, progress)
    if run.load_config().settings != config:
        raise RunError(
            f"{path} was trained with other settings.\n"
            f"Give the settings it began with, or another --out folder."
        )
    return run if run.is_complete else resume(path, progress)


def _folder(source: Source, out: Source | None) -> Path:
    """Return the folder for the runs: new, or with folds alone; raises RunError."""
    folder = folder_of_runs(source, out, "-folds")
    with contextlib.suppress(FileNotFoundError, NotADirectoryError):
        if any(not entry.name.startswith("fold") for entry in folder.iterdir()):
            raise RunError(f"{folder} is not empty.\nChoose another --out folder.")
    return folder
