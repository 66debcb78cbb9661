"""The study of a search: which settings to try next, and what came of them.

Optuna chooses, in one SQLite file that only the process of the command writes, wherever trials
are trained. A trial that was stopped with its search is tried again by the next call.
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
_TRIALS = 12  # so many are planned for, if each has at least a minute
_LOST = "lost"  # the trials of processes that were killed, whose minutes nobody knows
_WINNERS = "winners"  # the trials whose settings were trained anew


class TrialStudy:
    """The study of a search in its folder.

    Args:
        folder: Of the search.
        source: Its photos.
        config: Settings of every run.
        space: What is searched.
        minutes: For all trials.
        count: How many trials are trained at the same time; None: one, in this process.
        progress: Receives a note for each trial.

    Attributes:
        defaults: The values of the default recipe.
        run_minutes: How long a trial lasts, if the number of epochs is not given.
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
            # One seed would begin a search that is continued with the trials it has.
            seed=config.seed + len(self._study.trials),
            n_startup_trials=MIN_TRIALS,
            constant_liar=count is not None,
        )
        self._folder, self._source, self._config, self._space = folder, source, config, space
        self._minutes, self._count, self._progress = minutes, count, progress
        self._asked: dict[int, Any] = {}  # the trials that are trained now
        self._reported: set[tuple[int, int]] = set()  # the steps with a score of each
        self.defaults = {one.name: one.default for one in space}
        self.run_minutes = trial_minutes(minutes, count or 1)
        lost = self._study.get_trials(states=[self._states.RUNNING])
        for trial in lost:
            self._try_again(trial.number, trial.params)
        known = self._study.user_attrs.get(_LOST, [])
        self._study.set_user_attr(_LOST, known + [trial.number for trial in lost])
        if not self._study.trials:
            self._study.enqueue_trial(self.defaults)
        spent = sum(one.minutes for one in self.trials()) / (count or 1)
        self._began = time.monotonic() - 60 * spent

    def ask(self) -> Trial | None:
        """Return the next trial, the first with the default recipe; None: the minutes are spent."""
        done = self.trials()
        longest = self.run_minutes
        if self._config.epochs is not None:
            longest = max((one.minutes for one in done), default=0.0)
        is_any_complete = any(one.state == "complete" for one in done)
        if is_any_complete and (time.monotonic() - self._began) / 60 + longest > self._minutes:
            return None
        trial = self._study.ask()
        self._asked[trial.number] = trial
        values = {one.name: one.suggest(trial) for one in self._space}
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
        """Store a score of a trial; return whether it is to end."""
        trial = self._asked[number]
        if (number, step) not in self._reported:  # as after a lost worker
            self._reported.add((number, step))
            trial.report(score, step)
        return bool(trial.should_prune())

    def tell(self, number: int, outcome: TrialOutcome) -> None:
        """Store what came out of a trial.

        Raises:
            PawsightError: It was the default recipe, which cannot be trained.
        """
        trial = self._asked.pop(number)
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
            self._try_again(number, trial.params)
            raise rebuilt(*outcome.failure)
        else:
            self._study.tell(trial, state=self._states.FAIL)
            self._progress.note(f"Trial {number + 1} failed: {outcome.failure[1]}")

    def stopped(self) -> StoppedError:
        """Return the error of a search that the user stopped; what was running is tried again."""
        for number, trial in self._asked.items():
            self._try_again(number, trial.params)
        return StoppedError(
            f"Stopped; {counted(len(self.trials()), 'trial is', 'trials are')} kept in "
            f"{self._folder}.\n"
            f"Continue with the same command and --out {shell_quoted(str(self._folder))}"
        )

    def _try_again(self, number: int, params: dict[str, Any]) -> None:
        self._study.tell(number, state=self._states.FAIL)
        self._study.enqueue_trial(params)

    def settings(self, values: dict[str, Value], minutes: float) -> TrainConfig:
        """Return the settings of a run with these values."""
        found = settings_of(self._config, values)
        if self._config.epochs is not None:
            return found
        given = {name: getattr(found, name) for name in found.model_fields_set}
        return TrainConfig(**given, minutes=minutes)

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
        """Return the runs of the default recipe and of the best trial, new ones for each trial."""
        winners = self._study.user_attrs.get(_WINNERS, [])
        if best not in winners:
            winners = [*winners, best]
            self._study.set_user_attr(_WINNERS, winners)
        place = winners.index(best)
        ending = f"-{place + 1}" if place else ""
        return {name: Run(self._folder / f"{name}{ending}") for name in ("default", "winner")}

    def complete(self) -> list[Any]:
        """Return the Optuna trials that were trained to their end."""
        found: list[Any] = self._study.get_trials(states=[self._states.COMPLETE])
        return found


def trial_minutes(minutes: float, count: int) -> float:
    """Return how long a trial lasts: 1 to 10 minutes, a twelfth of the search where that allows.

    Args:
        minutes: For all trials.
        count: Trials at the same time, which take their minutes side by side.
    """
    return min(_MAX_MINUTES, max(MIN_MINUTES, minutes * min(count, _TRIALS) / _TRIALS))


def in_words(values: dict[str, Value]) -> str:
    """Return values of settings as a user reads them."""
    texts = [
        f"{name} {value}" if isinstance(value, str) else f"{name} x {value:.3g}"
        for name, value in values.items()
    ]
    return ", ".join(texts)
