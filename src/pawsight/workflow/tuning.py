"""Search the settings of a recipe for a set of photos, and check whether the best one is better.

Trials are runs, whose settings Optuna chooses by the scores of earlier trials on the validation
photos; trials that fall behind are ended early. The best of many trials is also a lucky one, so the
winner and the default recipe are then trained again, equally long, and compared on the test photos,
which no trial has seen.
"""

from __future__ import annotations

import contextlib
import functools
import importlib.util
from pathlib import Path

from pawsight.config import TrainConfig
from pawsight.errors import ConfigError, ExtraError, StoppedError
from pawsight.evaluation.importance import importances
from pawsight.progress import SILENT, Progress
from pawsight.training.search_space import search_space
from pawsight.training.worker_group import WorkerGroup
from pawsight.workflow.compared_runs import compare
from pawsight.workflow.photo_sets import Source, checked_model
from pawsight.workflow.search_folder import search_folder
from pawsight.workflow.shared_trials import Trial, TrialJob, train_trial
from pawsight.workflow.training_runs import resume, train
from pawsight.workflow.trial_study import TrialStudy, in_words
from pawsight.workflow.tuning_results import Tuning, write_trials
from pawsight.workflow.worker_groups import worker_group

_SEARCH_SHARE = 0.7  # of the minutes; the rest trains the winner and the default recipe


def tune(
    source: Source,
    minutes: float,
    config: TrainConfig | None = None,
    out: Source | None = None,
    progress: Progress = SILENT,
    workers: int | None = None,
    cluster: str | None = None,
) -> Tuning:
    """Search the settings of a recipe, and compare the best settings with the default recipe.

    Args:
        source: As `train` takes it.
        minutes: The time for all runs, without reading photos; 70 % are for trials. If `tune` is
            called again with the same `out`, earlier trials count.
        config: The settings of every run; settings that are set are not searched. `epochs` is the
            length of every run; without it, the length follows from `minutes`.
        out: The folder; None creates `runs/<date>-<time>-<source>-tuning`.
        progress: Receives every stage.
        workers: The number of trials at the same time; None: one, in this process.
        cluster: The address of a Ray cluster for them; None is this machine.

    Returns:
        The trials, the importance of each setting, and the comparison of the final runs.

    Raises:
        ConfigError: `minutes` is not above 0, there is nothing to search, or the cluster has too
            few cores.
        ExtraError: Optuna or, for a cluster, Ray is not installed.
        RunError: `out` has other files, or a search with other settings.
        StoppedError: The user stopped the search; the same call continues it.
        PawsightError: As `train`.
    """
    if not minutes > 0:
        raise ConfigError(f"minutes must be above 0, got {minutes:g}.")
    if importlib.util.find_spec("optuna") is None:
        raise ExtraError("Tuning", "tune")
    config = checked_model(config or TrainConfig())
    space = search_space(config)
    if not space or config.source.multi_label or config.minutes is not None:
        raise ConfigError(
            "There is nothing to search: a linear head has no settings, `minutes` is the time of "
            "the whole search, and several labels a photo cannot be compared.\n"
            "Give --model swift, or leave out what fixes the settings."
        )
    if (cluster or "").startswith("ray://"):
        raise ConfigError(
            "A search needs the address of the cluster itself, not that of a Ray client.\n"
            "Start it on a machine of the cluster with --cluster auto."
        )
    group = worker_group(workers, cluster, trains=True)
    folder = search_folder(source, out, config)
    search_minutes, count = _SEARCH_SHARE * minutes, None if group is None else group.count
    study = TrialStudy(folder, source, config, space, search_minutes, count, progress)
    try:
        _train_trials(study, group, cluster, folder, progress)
    except (KeyboardInterrupt, StoppedError) as error:
        raise study.stopped() from error
    return _finish(study, folder, source, (minutes - search_minutes) / 2, progress)


def _train_trials(
    study: TrialStudy,
    group: WorkerGroup | None,
    cluster: str | None,
    folder: Path,
    progress: Progress,
) -> None:
    """Train trials until the time is over, each as soon as a worker is free."""
    trials = iter(study.ask, None)
    if group is None:
        for trial in trials:
            fell_behind = functools.partial(study.fell_behind, trial.number)
            study.tell(trial.number, train_trial(trial, fell_behind, progress))
        return
    progress.start("Training trials", None, "trials")
    if cluster is not None:
        from pawsight.workflow.ray_trials import train_on_cluster

        train_on_cluster(cluster, group.count, study, folder)
        return

    def lost(how: str, trial: Trial) -> None:
        progress.note(f"{how}; another worker continues trial {trial.number + 1}.")

    with contextlib.closing(group.run(TrialJob(), trials, lost)) as finished:
        for trial, outcome in finished:
            study.tell(trial.number, outcome)


def _finish(
    study: TrialStudy, folder: Path, source: Source, minutes: float, progress: Progress
) -> Tuning:
    """Write the results of the trials, and compare the winner with the default recipe."""
    trials, complete = study.trials(), study.complete()
    importance = importances(complete)
    write_trials(folder, list(study.defaults), trials, importance)
    best = max(complete, key=lambda trial: trial.value)
    if best.params == study.defaults:
        return Tuning(folder, trials, importance, None, None)
    runs = study.final_runs(best.number)
    for (name, run), values in zip(runs.items(), (study.defaults, best.params), strict=True):
        progress.note(f"Training the {name}: {in_words(values)}.")
        if not run.config_path.is_file():
            config = study.settings(values, max(study.run_minutes, minutes))
            train(source, config, run.path, progress)
        elif not run.is_complete:
            resume(run.path, progress)
    comparison = compare([run.path for run in runs.values()])
    return Tuning(folder, trials, importance, runs["winner"], comparison)
