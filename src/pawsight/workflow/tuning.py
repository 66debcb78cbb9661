"""Search the settings of a recipe for a set of photos, and check whether the best one is better.

Trials are runs, chosen by Optuna from their scores on the validation photos, and ended early
where they fall behind. Whoever is best of many has also been lucky, so the winner and the
default recipe are then trained anew, equally long, and compared on the test photos, which no
trial has seen.
"""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import Any

from pawsight.config import TrainConfig
from pawsight.errors import ConfigError, ExtraError, PawsightError, RunError, StoppedError
from pawsight.evaluation.importance import Importance, importances
from pawsight.formatting import counted
from pawsight.history import best_epoch, load_history
from pawsight.progress import Progress, Silent
from pawsight.runs import Run, check_outside, default_results_dir
from pawsight.storage.atomic import make_dir, write_json, write_text
from pawsight.training.search_space import SearchedSetting, Value, search_space, settings_of
from pawsight.workflow.compared_runs import compare
from pawsight.workflow.photo_sets import Source, checked_model
from pawsight.workflow.training_runs import resume, train
from pawsight.workflow.trial_progress import PRUNED_STEPS, PrunedError, TrialProgress
from pawsight.workflow.tuning_results import TunedTrial, Tuning

_SILENT = Silent()
_SEARCH_SHARE = 0.7  # of the minutes; the rest trains the winner and the default recipe
_TRIALS = 12  # so many are planned for, if each has at least a minute
_MIN_MINUTES, _MAX_MINUTES = 1.0, 10.0  # of a trial
_MIN_TRIALS = 4  # without pruning, before and within the search


def tune(
    source: Source,
    minutes: float,
    config: TrainConfig | None = None,
    out: Source | None = None,
    progress: Progress = _SILENT,
) -> Tuning:
    """Search the settings of a recipe, and compare the best ones with the default recipe.

    Args:
        source: As `train` takes it.
        minutes: For everything, reading photos apart; 70 % are for trials. Called again with the
            same `out`, what was done counts.
        config: Settings of every run; those that are set are not searched. `epochs` gives every
            run that length, else it follows from `minutes`.
        out: The folder; None makes `runs/<date>-<time>-<source>-tuning`.
        progress: Receives every stage.

    Raises:
        ConfigError: There is nothing to search, or a minute is too short.
        ExtraError: Optuna is not installed.
        RunError: `out` holds something else, or a search with other settings.
        StoppedError: The user stopped it; the same call continues it.
        PawsightError: As `train`.
    """
    try:
        import optuna
    except ImportError as error:
        raise ExtraError("Tuning", "tune") from error
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    config = checked_model(config or TrainConfig())
    space = search_space(config)
    if not space or config.source.multi_label or config.minutes is not None:
        raise ConfigError(
            "There is nothing to search: a linear head has no settings, minutes are those of the "
            "whole search, and several labels a photo cannot be compared.\n"
            "Give --model swift, or leave out what fixes the settings."
        )
    folder = _folder(source, out, config)
    study = optuna.create_study(
        storage=f"sqlite:///{folder / 'study.db'}",
        study_name="pawsight",
        direction="maximize",
        sampler=optuna.samplers.TPESampler(seed=config.seed, n_startup_trials=_MIN_TRIALS),
        pruner=optuna.pruners.MedianPruner(_MIN_TRIALS, n_warmup_steps=PRUNED_STEPS // 3),
        load_if_exists=True,
    )
    search = _Search(source, config, minutes, folder, study, space, progress)
    search.try_settings()
    return search.finish()


class _Search:
    """A search in its folder."""

    def __init__(
        self,
        source: Source,
        config: TrainConfig,
        minutes: float,
        folder: Path,
        study: Any,
        space: list[SearchedSetting],
        progress: Progress,
    ) -> None:
        self._source = source
        self._config = config
        self._minutes = minutes
        self._folder = folder
        self._study = study
        self._space = space
        self._progress = progress
        self._defaults = {one.name: one.default for one in space}

    def try_settings(self) -> None:
        """Train trials while their share of the minutes lasts; the first is the default recipe."""
        import optuna

        running = self._study.get_trials(states=[optuna.trial.TrialState.RUNNING])
        for trial in running:  # of a process that was killed
            self._study.tell(trial.number, state=optuna.trial.TrialState.FAIL)
            self._study.enqueue_trial(trial.params)
        if not self._study.trials:
            self._study.enqueue_trial(self._defaults)
        available = _SEARCH_SHARE * self._minutes
        self._run_minutes = min(_MAX_MINUTES, max(_MIN_MINUTES, available / _TRIALS))
        longest = self._run_minutes if self._config.epochs is None else 0.0
        while not (done := self.trials()) or sum(t.minutes for t in done) + longest <= available:
            self._try(self._study.ask())
            if self._config.epochs is not None:
                longest = max(one.minutes for one in self.trials())

    def _try(self, trial: Any) -> None:
        import optuna

        values = {one.name: one.suggest(trial) for one in self._space}
        self._progress.note(f"Trial {trial.number + 1}: {_in_words(values)}.")

        def fell_behind(score: float, step: int) -> bool:
            trial.report(score, step)
            return bool(trial.should_prune())

        path = self._folder / "trials" / f"{trial.number:04}"
        try:
            run = train(
                self._source,
                self._settings(values, self._run_minutes),
                path,
                TrialProgress(self._progress, fell_behind),
            )
        except PrunedError:
            self._study.tell(trial, state=optuna.trial.TrialState.PRUNED)
            self._progress.note(f"Trial {trial.number + 1} was pruned: it fell behind the others.")
        except StoppedError as error:
            self._study.tell(trial, state=optuna.trial.TrialState.FAIL)
            self._study.enqueue_trial(values)
            raise StoppedError(
                f"Stopped; {counted(len(self.trials()), 'trial is', 'trials are')} kept in "
                f"{self._folder}.\n"
                f"Continue with the same command and --out {self._folder}"
            ) from error
        except PawsightError as error:
            self._study.tell(trial, state=optuna.trial.TrialState.FAIL)
            if trial.number == 0:
                raise
            self._progress.note(f"Trial {trial.number + 1} failed: {error}")
        else:
            self._study.tell(trial, _score(run))

    def _settings(self, values: dict[str, Value], minutes: float) -> TrainConfig:
        found = settings_of(self._config, values)
        if self._config.epochs is not None:
            return found
        given = {name: getattr(found, name) for name in found.model_fields_set}
        return TrainConfig(**given, minutes=minutes)

    def finish(self) -> Tuning:
        """Train the winner and the default recipe, compare them, and write what mattered."""
        trials = self.trials()
        complete = [one for one in trials if one.state == "complete"]
        best = max(complete, key=lambda one: one.score or 0.0)
        found = importances([self._study.trials[one.number] for one in complete])
        self._write(trials, complete, found)
        if best.values == self._defaults:
            return Tuning(self._folder, trials, found, None, None)
        left = (1 - _SEARCH_SHARE) * self._minutes / 2
        each = max(_MIN_MINUTES, left, self._run_minutes)
        default = self._final("default", self._defaults, each)
        winner = self._final("winner", best.values, each)
        comparison = compare([default.path, winner.path])
        return Tuning(self._folder, trials, found, winner, comparison)

    def _final(self, name: str, values: dict[str, Value], minutes: float) -> Run:
        path = self._folder / name
        self._progress.note(f"Training the {name}: {_in_words(values)}.")
        run = Run(path)
        if not run.config_path.is_file():
            return train(self._source, self._settings(values, minutes), path, self._progress)
        return run if run.is_complete else resume(path, self._progress)

    def trials(self) -> list[TunedTrial]:
        """Return the trials that have ended."""
        return [
            TunedTrial(
                trial.number,
                dict(trial.params),
                trial.state.name.lower(),
                trial.value,
                trial.duration.total_seconds() / 60 if trial.duration else 0.0,
            )
            for trial in self._study.trials
            if trial.state.is_finished()
        ]

    def _write(
        self, trials: list[TunedTrial], complete: list[TunedTrial], found: list[Importance]
    ) -> None:
        from pawsight.report.figure_style import save_figure
        from pawsight.report.tuning_figure import draw_tuning

        text = io.StringIO()
        rows = csv.writer(text, lineterminator="\n")
        names = list(self._defaults)
        rows.writerow(["trial", "state", "score", "minutes", *names])
        for one in trials:
            score = "" if one.score is None else f"{one.score:.6g}"
            values = [one.values.get(name, "") for name in names]
            rows.writerow([one.number, one.state, score, f"{one.minutes:.3f}", *values])
        write_text(self._folder / "trials.csv", text.getvalue())
        scores = [one.score for one in complete if one.score is not None]
        save_figure(draw_tuning(scores, found), self._folder / "tuning")


def _score(run: Run) -> float:
    """Return the validation accuracy that chose the epoch of a run."""
    best = best_epoch(load_history(run.history_path))
    balanced = best.validation_balanced_accuracy
    return best.validation_accuracy if balanced is None else balanced


def _in_words(values: dict[str, Value]) -> str:
    texts = [
        f"{name} {value}" if isinstance(value, str) else f"{name} x {value:.3g}"
        for name, value in values.items()
    ]
    return ", ".join(texts)


def _folder(source: Source, out: Source | None, config: TrainConfig) -> Path:
    """Return the folder of the search, which holds the settings that it began with.

    Raises:
        RunError: It holds something else, or a search with other settings.
    """
    if out is None:
        folder = default_results_dir("runs", source, "-tuning")
    else:
        check_outside(out, source)
        folder = Path(out)
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
