"""Train a trial of a search, in this process, in another process, or on a cluster."""

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

MIN_TRIALS = 4  # complete trials before others are pruned
WARMUP_STEPS = PRUNED_STEPS // 3


@dataclass(frozen=True, slots=True)
class Trial:
    """A trial for a worker; paths must exist on every machine."""

    number: int  # from 0
    source: str
    config: TrainConfig
    path: str
    medians: dict[int, float]  # the median score of ended trials by step


@dataclass(slots=True)
class TrialOutcome:
    """The outcome of a trial."""

    state: Literal["complete", "pruned", "failed"] = "complete"  # how it ended
    score: float = 0.0  # of the run, if it is complete
    # The scores by step, if they were not reported during training.
    scores: dict[int, float] = field(default_factory=dict)
    failure: tuple[str, str] = ("", "")  # the class and the text of the error


@dataclass(frozen=True, slots=True)
class TrialJob:
    """The job of training trials; each is compared with trials that ended before it began."""

    is_single_core: ClassVar[bool] = False

    def worker(self) -> Callable[[Trial], TrialOutcome]:
        """Return the function that trains a trial; see `Job`."""
        return _train_alone


def _train_alone(trial: Trial) -> TrialOutcome:
    """Train a trial without a connection to the study."""
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
    """Train a trial, or continue a trial whose worker was lost.

    Args:
        trial: The trial.
        fell_behind: Receives a score and its step; returns whether to end the trial.
        progress: Receives every stage.

    Raises:
        StoppedError: The user stopped the search.
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
    """Return the validation accuracy of the best epoch of a run, balanced if imbalanced."""
    return best_epoch(load_history(run.history_path)).main_accuracy


def medians_of(trials: Sequence[Any]) -> dict[int, float]:
    """Return the median score of complete Optuna trials by step; {} with fewer than four trials."""
    complete = [trial for trial in trials if trial.state.name == "COMPLETE"]
    if len(complete) < MIN_TRIALS:
        return {}
    scores_by_step: dict[int, list[float]] = {}
    for trial in complete:
        for step, score in trial.intermediate_values.items():
            scores_by_step.setdefault(step, []).append(score)
    return {
        step: statistics.median(scores)
        for step, scores in scores_by_step.items()
        if step >= WARMUP_STEPS
    }
