"""The study of a search: chooses the next settings, and stores the results.

Optuna chooses the settings. Wherever trials are trained, only the process of the command writes
the SQLite file of the study. A trial that was stopped with its search is repeated by the next call.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from pawsight.config import TrainConfig
from pawsight.errors import StoppedError
from pawsight.formatting import counted, shell_quoted
from pawsight.progress import Progress
from pawsight.runs import Run
from pawsight.training.search_space import SearchedSetting, Value, settings_of
from pawsight.workflow.photo_sets import Source
from pawsight.workflow.shared_trials import (
    MIN_TRIALS,
    WARMUP_STEPS,
    Trial,
    TrialOutcome,
    medians_of,
)
from pawsight.workflow.tuning_results import TunedTrial
from pawsight.workflow.worker_processes import rebuilt

MIN_MINUTES, _MAX_MINUTES = 1.0, 10.0  # of a trial
_TRIALS = 12  # the planned number, if each can have at least a minute
_LOST = "lost"  # the trials of killed processes, whose durations are not known
_WINNERS = "winners"  # the trials whose settings were trained again at the end


class TrialStudy:
    """The study of a search in its folder.

    Args:
        folder: The folder of the search.
        source: The photos.
        config: The settings of every run.
        space: The searched settings.
        minutes: The time for all trials.
        count: The number of trials at the same time; None: one, in this process.
        progress: Receives a note for each trial.

    Attributes:
        defaults: The values of the default recipe.
        run_minutes: The duration of a trial, if the number of epochs is not set.
    """

    def __init__(
        self,
        folder: Path,
        source: Source,
        config: TrainConfig,
        space: list[SearchedSetting],
        minutes: float,
        count: int | None,
        progress: Progress,
    ) -> None:
        import optuna

        optuna.logging.set_verbosity(optuna.logging.ERROR)
        self._states = optuna.trial.TrialState
        self._study = optuna.create_study(
            storage=f"sqlite:///{folder / 'study.db'}",
            study_name="pawsight",
            direction="maximize",
            pruner=optuna.pruners.MedianPruner(MIN_TRIALS, n_warmup_steps=WARMUP_STEPS),
            load_if_exists=True,
        )
        self._study.sampler = optuna.samplers.TPESampler(
            # With the same seed, a continued search would repeat the first trials.
            seed=config.seed + len(self._study.trials),
            n_startup_trials=MIN_TRIALS,
            constant_liar=count is not None,
        )
        self._folder, self._source, self._config, self._space = folder, source, config, space
        self._minutes, self._count, self._progress = minutes, count, progress
        self._running: dict[int, Any] = {}  # the trials in training, by number
        self._reported: set[tuple[int, int]] = set()  # (trial, step) of all scores
        self.defaults = {setting.name: setting.default for setting in space}
        self.run_minutes = trial_minutes(minutes, count or 1)
        lost = self._study.get_trials(states=[self._states.RUNNING])
        for trial in lost:
            self._enqueue_again(trial.number, trial.params)
        known = self._study.user_attrs.get(_LOST, [])
        self._study.set_user_attr(_LOST, known + [trial.number for trial in lost])
        if not self._study.trials:
            self._study.enqueue_trial(self.defaults)
        spent = sum(trial.minutes for trial in self.trials()) / (count or 1)
        self._began = time.monotonic() - 60 * spent

    def ask(self) -> Trial | None:
        """Return the next trial, the first with the default recipe; None when the time is over."""
        ended = self.trials()
        longest = self.run_minutes
        if self._config.epochs is not None:
            longest = max((trial.minutes for trial in ended), default=0.0)
        is_any_complete = any(trial.state == "complete" for trial in ended)
        if is_any_complete and (time.monotonic() - self._began) / 60 + longest > self._minutes:
            return None
        trial = self._study.ask()
        self._running[trial.number] = trial
        values = {setting.name: setting.suggest(trial) for setting in self._space}
        self._progress.note(f"Trial {trial.number + 1}: {in_words(values)}.")
        source = Path(self._source)
        return Trial(
            trial.number,
            str(source.absolute() if source.exists() else self._source),
            self.settings(values, self.run_minutes),
            str((self._folder / "trials" / f"{trial.number:04}").absolute()),
            medians_of(self._study.trials),
        )

    def fell_behind(self, number: int, score: float, step: int) -> bool:
        """Store a score of a trial, and return whether to end the trial."""
        trial = self._running[number]
        if (number, step) not in self._reported:  # repeated after a lost worker
            self._reported.add((number, step))
            trial.report(score, step)
        return bool(trial.should_prune())

    def tell(self, number: int, outcome: TrialOutcome) -> None:
        """Store the outcome of a trial.

        Raises:
            PawsightError: The trial was the default recipe, and failed.
        """
        trial = self._running.pop(number)
        for step, score in outcome.scores.items():
            trial.report(score, step)
        if self._count is not None:
            self._progress.advance(1)
        if outcome.state == "complete":
            self._study.tell(trial, outcome.score)
        elif outcome.state == "pruned":
            self._study.tell(trial, state=self._states.PRUNED)
            self._progress.note(f"Trial {number + 1} was pruned: it fell behind the others.")
        elif trial.params == self.defaults:
            self._enqueue_again(number, trial.params)
            raise rebuilt(*outcome.failure)
        else:
            self._study.tell(trial, state=self._states.FAIL)
            self._progress.note(f"Trial {number + 1} failed: {outcome.failure[1]}")

    def stopped(self) -> StoppedError:
        """Enqueue the running trials again, and return the error of a stopped search."""
        for number, trial in self._running.items():
            self._enqueue_again(number, trial.params)
        return StoppedError(
            f"Stopped; {counted(len(self.trials()), 'trial is', 'trials are')} kept in "
            f"{self._folder}.\n"
            f"Continue with the same command and --out {shell_quoted(str(self._folder))}"
        )

    def _enqueue_again(self, number: int, params: dict[str, Any]) -> None:
        """End a trial as failed, and enqueue its settings."""
        self._study.tell(number, state=self._states.FAIL)
        self._study.enqueue_trial(params)

    def settings(self, values: dict[str, Value], minutes: float) -> TrainConfig:
        """Return the settings of a run with these values."""
        settings = settings_of(self._config, values)
        if self._config.epochs is not None:
            return settings
        set_fields = {name: getattr(settings, name) for name in settings.model_fields_set}
        return TrainConfig(**set_fields, minutes=minutes)

    def trials(self) -> list[TunedTrial]:
        """Return the trials that have ended."""
        lost = self._study.user_attrs.get(_LOST, [])
        return [
            TunedTrial(
                trial.number,
                dict(trial.params),
                trial.state.name.lower(),
                trial.value,
                0.0 if trial.number in lost else trial.duration.total_seconds() / 60,
            )
            for trial in self._study.trials
            if trial.state.is_finished()
        ]

    def final_runs(self, best: int) -> dict[str, Run]:
        """Return the final runs, "default" and "winner"; new ones for another best trial."""
        winners = self._study.user_attrs.get(_WINNERS, [])
        if best not in winners:
            winners = [*winners, best]
            self._study.set_user_attr(_WINNERS, winners)
        index = winners.index(best)
        suffix = f"-{index + 1}" if index else ""
        return {name: Run(self._folder / f"{name}{suffix}") for name in ("default", "winner")}

    def complete(self) -> list[Any]:
        """Return the Optuna trials that were trained to their end."""
        trials: list[Any] = self._study.get_trials(states=[self._states.COMPLETE])
        return trials


def trial_minutes(minutes: float, count: int) -> float:
    """Return the minutes of a trial: a twelfth of the search, within 1 to 10 minutes.

    Args:
        minutes: The time for all trials.
        count: The number of trials at the same time.
    """
    return min(_MAX_MINUTES, max(MIN_MINUTES, minutes * min(count, _TRIALS) / _TRIALS))


def in_words(values: dict[str, Value]) -> str:
    """Write values of settings for display."""
    texts = [
        f"{name} {value}" if isinstance(value, str) else f"{name} x {value:.3g}"
        for name, value in values.items()
    ]
    return ", ".join(texts)
