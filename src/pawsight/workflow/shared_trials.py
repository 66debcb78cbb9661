"""Trials of a search that workers train at the same time, here or on a cluster.

The process of the command asks for the settings of a round of trials and stores what came out, so
that the study is one file that one process writes. A trial is compared with the medians of those
that had ended before it began.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Literal

from pawsight.config import TrainConfig
from pawsight.errors import PawsightError
from pawsight.history import best_epoch, load_history
from pawsight.progress import Silent
from pawsight.runs import Run
from pawsight.workflow.training_runs import resume, train
from pawsight.workflow.trial_progress import PRUNED_STEPS, PrunedError, TrialProgress

MIN_TRIALS = 4  # without pruning, before and within the search
WARMUP_STEPS = PRUNED_STEPS // 3


@dataclass(frozen=True, slots=True)
class Trial:
    """A trial for a worker; paths are those of every machine.

    Attributes:
        number: From 0.
        source: Its photos.
        config: Its settings.
        path: Its run folder.
        medians: The median score of ended trials by step.
    """

    number: int
    source: str
    config: TrainConfig
    path: str
    medians: dict[int, float]


@dataclass(slots=True)
class TrialOutcome:
    """What came out of a trial.

    Attributes:
        state: How it ended.
        scores: Its scores by step.
        score: That of its run.
        error: Why it failed.
    """

    state: Literal["complete", "pruned", "failed"] = "complete"
    scores: dict[int, float] = field(default_factory=dict)
    score: float = 0.0
    error: str = ""


@dataclass(frozen=True, slots=True)
class TrialJob:
    """The job of training trials."""

    is_single_core: ClassVar[bool] = False

    def worker(self) -> Callable[[Trial], TrialOutcome]:
        """Return what trains a trial; see `Job`."""
        return train_trial


def train_trial(trial: Trial) -> TrialOutcome:
    """Train a trial, or continue one whose worker was lost."""
    found = TrialOutcome()

    def fell_behind(score: float, step: int) -> bool:
        found.scores[step] = score
        return max(found.scores.values()) < trial.medians.get(step, 0.0)

    progress, path = TrialProgress(Silent(), fell_behind), Path(trial.path)
    try:
        if Run(path).config_path.is_file():
            run = resume(path, progress)
        else:
            run = train(trial.source, trial.config, path, progress)
        found.score = run_score(run)
    except PrunedError:
        found.state = "pruned"
    except PawsightError as error:
        found.state, found.error = "failed", str(error)
    return found


def run_score(run: Run) -> float:
    """Return the validation accuracy that chose the epoch of a run."""
    best = best_epoch(load_history(run.history_path))
    balanced = best.validation_balanced_accuracy
    return best.validation_accuracy if balanced is None else balanced


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
