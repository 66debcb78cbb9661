"""Search the settings of a recipe for a set of photos, and check whether the best one is better.

Trials are runs, chosen by Optuna from their scores on the validation photos, and ended early
where they fall behind. Whoever is best of many has also been lucky, so the winner and the
default recipe are then trained anew, equally long, and compared on the test photos, which no
trial has seen.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from pawsight.config import TrainConfig
from pawsight.errors import ConfigError, ExtraError, PawsightError, StoppedError, TrainingError
from pawsight.evaluation.importance import importances
from pawsight.formatting import counted
from pawsight.progress import Progress, Silent
from pawsight.runs import Run
from pawsight.training.search_space import SearchedSetting, Value, search_space, settings_of
from pawsight.training.worker_group import WorkerGroup
from pawsight.workflow.compared_runs import compare
from pawsight.workflow.photo_sets import Source, checked_model
from pawsight.workflow.search_folder import search_folder
from pawsight.workflow.shared_trials import (
    MIN_TRIALS,
    WARMUP_STEPS,
    Trial,
    TrialJob,
    medians_of,
    run_score,
)
from pawsight.workflow.training_runs import resume, train
from pawsight.workflow.trial_progress import PrunedError, TrialProgress
from pawsight.workflow.tuning_results import TunedTrial, Tuning, write_trials
from pawsight.workflow.worker_groups import worker_group

_SILENT = Silent()
_SEARCH_SHARE = 0.7  # of the minutes; the rest trains the winner and the default recipe
_TRIALS = 12  # so many are planned for, if each has at least a minute
_MIN_MINUTES, _MAX_MINUTES = 1.0, 10.0  # of a trial


def tune(
    source: Source,
    minutes: float,
    config: TrainConfig | None = None,
    out: Source | None = None,
    progress: Progress = _SILENT,
    workers: int | None = None,
    cluster: str | None = None,
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
        workers: How many trials are trained at the same time; None: one, in this process.
        cluster: The Ray cluster where they are; None is this machine.

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
    group = worker_group(workers, cluster)
    folder = search_folder(source, out, config)
    study = optuna.create_study(
        storage=f"sqlite:///{folder / 'study.db'}",
        study_name="pawsight",
        direction="maximize",
        sampler=optuna.samplers.TPESampler(
            seed=config.seed, n_startup_trials=MIN_TRIALS, constant_liar=group is not None
        ),
        pruner=optuna.pruners.MedianPruner(MIN_TRIALS, n_warmup_steps=WARMUP_STEPS),
        load_if_exists=True,
    )
    search = _Search(source, config, minutes, folder, study, space, progress, group)
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
        group: WorkerGroup | None = None,
    ) -> None:
        self._group = group
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
        # Trials side by side take their minutes at the same time.
        available = (
            _SEARCH_SHARE * self._minutes * (1 if self._group is None else self._group.count)
        )
        self._run_minutes = min(_MAX_MINUTES, max(_MIN_MINUTES, available / _TRIALS))
        longest = self._run_minutes if self._config.epochs is None else 0.0
        while not (done := self.trials()) or sum(t.minutes for t in done) + longest <= available:
            if self._group is None:
                self._try(self._study.ask())
            else:
                self._try_together(self._group)
            if self._config.epochs is not None:
                longest = max(one.minutes for one in self.trials())

    def _try(self, trial: Any) -> None:
        import optuna

        values = self._suggested(trial)

        def fell_behind(score: float, step: int) -> bool:
            trial.report(score, step)
            return bool(trial.should_prune())

        try:
            run = train(
                self._source,
                self._settings(values, self._run_minutes),
                self._path(trial),
                TrialProgress(self._progress, fell_behind),
            )
        except PrunedError:
            self._study.tell(trial, state=optuna.trial.TrialState.PRUNED)
            self._progress.note(f"Trial {trial.number + 1} was pruned: it fell behind the others.")
        except StoppedError as error:
            raise self._stopped([trial]) from error
        except PawsightError as error:
            self._study.tell(trial, state=optuna.trial.TrialState.FAIL)
            if trial.number == 0:
                raise
            self._progress.note(f"Trial {trial.number + 1} failed: {error}")
        else:
            self._study.tell(trial, run_score(run))

    def _try_together(self, group: WorkerGroup) -> None:
        """Train as many trials as there are workers at the same time."""
        import optuna

        states = optuna.trial.TrialState
        medians = medians_of(self._study.trials)
        asked = {trial.number: trial for trial in (self._study.ask() for _ in range(group.count))}
        items = [
            Trial(
                number,
                str(self._source),
                self._settings(self._suggested(trial), self._run_minutes),
                str(self._path(trial).absolute()),
                medians,
            )
            for number, trial in asked.items()
        ]
        self._progress.start("Training trials", len(items), "trials")
        try:
            with contextlib.closing(group.run(TrialJob(), items)) as done:
                for item, outcome in done:
                    trial = asked.pop(item.number)
                    for step, score in outcome.scores.items():
                        trial.report(score, step)
                    if outcome.state == "complete":
                        self._study.tell(trial, outcome.score)
                    else:
                        is_pruned = outcome.state == "pruned"
                        self._study.tell(trial, state=states.PRUNED if is_pruned else states.FAIL)
                        why = "was pruned: it fell behind the others."
                        why = why if is_pruned else f"failed: {outcome.error}"
                        self._progress.note(f"Trial {item.number + 1} {why}")
                    self._progress.advance(1)
        except KeyboardInterrupt as error:
            raise self._stopped(asked.values()) from error
        if self._study.trials[0].state == states.FAIL:
            raise TrainingError("The default recipe cannot be trained: see the message above.")

    def _suggested(self, trial: Any) -> dict[str, Value]:
        values = {one.name: one.suggest(trial) for one in self._space}
        self._progress.note(f"Trial {trial.number + 1}: {_in_words(values)}.")
        return values

    def _path(self, trial: Any) -> Path:
        return self._folder / "trials" / f"{trial.number:04}"

    def _stopped(self, trials: Iterable[Any]) -> StoppedError:
        """Return the error of a search that was stopped during trials, which are tried again."""
        import optuna

        for trial in trials:
            self._study.tell(trial, state=optuna.trial.TrialState.FAIL)
            self._study.enqueue_trial(trial.params)
        return StoppedError(
            f"Stopped; {counted(len(self.trials()), 'trial is', 'trials are')} kept in "
            f"{self._folder}.\n"
            f"Continue with the same command and --out {self._folder}"
        )

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
        write_trials(self._folder, list(self._defaults), trials, found)
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


def _in_words(values: dict[str, Value]) -> str:
    texts = [
        f"{name} {value}" if isinstance(value, str) else f"{name} x {value:.3g}"
        for name, value in values.items()
    ]
    return ", ".join(texts)
