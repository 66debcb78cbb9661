"""Trials of a search, as this process, others of this machine and those of a cluster train them."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Literal

from pawsight.config import TrainConfig
from pawsight.errors import PawsightError, StoppedError
from pawsight.history import best_epoch, load_history
from pawsight.progress import SILENT, Progress
from pawsight.runs import Run
from pawsight.workflow.training_runs import resume, train
from pawsight.workflow.trial_progress import PRUNED_STEPS, PrunedError, TrialProgress

MIN_TRIALS = 4  # without pruning, before and within the search
WARMUP_STEPS = PRUNED_STEPS // 3


@dataclass(frozen=True, slots=True)
class Trial:
    """A trial for a worker; paths are those of every machine."""

    number: int  # from 0
    source: str
    config: TrainConfig
    path: str
    medians: dict[int, float]  # the median score of ended trials by step


@dataclass(slots=True)
class TrialOutcome:
    """What came out of a trial."""

    state: Literal["complete", "pruned", "failed"] = "complete"  # how it ended
    score: float = 0.0  # that of its run
    # Its scores by step, where they were not reported before.
    scores: dict[int, float] = field(default_factory=dict)
    failure: tuple[str, str] = ("", "")  # the class and the text of the error with which it failed


@dataclass(frozen=True, slots=True)
class TrialJob:
    """The job of training trials, each compared with those that had ended before it began."""

    is_single_core: ClassVar[bool] = False

    def worker(self) -> Callable[[Trial], TrialOutcome]:
        """Return what trains a trial; see `Job`."""
        return _train_alone


def _train_alone(trial: Trial) -> TrialOutcome:
    scores: dict[int, float] = {}

    def fell_behind(score: float, step: int) -> bool:
        scores[step] = score
        return max(scores.values()) < trial.medians.get(step, 0.0)

    outcome = train_trial(trial, fell_behind)
    outcome.scores = scores
    return outcome


def train_trial(
    trial: Trial, fell_behind: Callable[[float, int], bool], progress: Progress = SILENT
) -> TrialOutcome:
    """Train a trial, or continue one whose worker was lost.

    Args:
        trial: What is trained.
        fell_behind: Receives its score and step; returns whether it is to end.
        progress: Receives every stage.

    Raises:
        StoppedError: The user stopped it.
    """
    progress, path = TrialProgress(progress, fell_behind), Path(trial.path)
    try:
        if Run(path).config_path.is_file():
            run = resume(path, progress)
        else:
            run = train(trial.source, trial.config, path, progress)
        return TrialOutcome(score=run_score(run))
    except PrunedError:
        return TrialOutcome("pruned")
    except StoppedError:
        raise
    except PawsightError as error:
        return TrialOutcome("failed", failure=(type(error).__name__, str(error)))


def run_score(run: Run) -> float:
    """Return the validation accuracy that chose the epoch of a run."""
    return best_epoch(load_history(run.history_path)).main_accuracy


def medians_of(trials: Sequence[Any]) -> dict[int, float]:
    """Return the median score of complete Optuna trials by step; nothing while they are few."""
    complete = [one for one in trials if one.state.name == "COMPLETE"]
    if len(complete) < MIN_TRIALS:
        return {}
    found: dict[int, list[float]] = {}
    for one in complete:
        for step, score in one.intermediate_values.items():
            found.setdefault(step, []).append(score)
    return {
        step: statistics.median(scores) for step, scores in found.items() if step >= WARMUP_STEPS
    }
