"""Train the trials of a search on a Ray cluster with Ray Tune; no other module imports Ray Tune.

Ray Tune starts a trial when a worker is free, restarts it if its worker is lost, and passes its
scores on. The study in this process chooses the settings and ends trials, because the Optuna search
of Ray Tune counts a trial that was ended early as complete. Written for Ray 2.60.
"""

from __future__ import annotations

import logging
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

from pawsight.errors import PawsightError
from pawsight.training.interrupts import stop_requests
from pawsight.workflow.ray_workers import RayCluster
from pawsight.workflow.shared_trials import Trial, TrialOutcome, train_trial
from pawsight.workflow.trial_study import TrialStudy

# Ray Tune has no arguments for these settings: no tables, no messages, no handler of Ctrl-C, and
# trials that stay in the working directory of the cluster.
os.environ |= {
    "RAY_AIR_NEW_OUTPUT": "0",  # which prints a table whatever `verbose` is
    "RAY_CHDIR_TO_TRIAL_DIR": "0",
    "TUNE_DISABLE_AUTO_CALLBACK_LOGGERS": "1",
    "TUNE_DISABLE_SIGINT_HANDLER": "1",
    "TUNE_PRINT_ALL_TRIAL_ERRORS": "0",
}

_MAX_LOSSES = 3  # how often a trial is restarted after its worker was lost
_FILES = ".ray-tune"  # in the folder of the search, while it runs


def train_on_cluster(address: str, count: int, study: TrialStudy, folder: Path) -> None:
    """Train trials until the study has no more.

    Args:
        address: The address of the cluster, as `ray.init` takes it.
        count: The number of trials at the same time, which share the cores equally; each has a
            GPU if there are enough.
        study: Chooses the trials, and receives their scores and outcomes.
        folder: The folder of the search.

    Raises:
        ConfigError: There is no cluster, or it has too few cores.
        KeyboardInterrupt: The user stopped the search; the study still has the running trials.
        PawsightError: The default recipe cannot be trained.
    """
    needs = RayCluster(address, count).needs
    from ray import tune

    logging.getLogger("ray.tune").setLevel(logging.CRITICAL)
    with stop_requests() as is_stopped:
        kind = type("StudySearch", (_Search, tune.search.Searcher, tune.Stopper), {})
        search = kind(study, is_stopped)
        tuner = tune.Tuner(
            tune.with_resources(_train, tune.PlacementGroupFactory([needs])),
            tune_config=tune.TuneConfig(
                search_alg=search,
                num_samples=-1,  # until `suggest` returns that the search is finished
                max_concurrent_trials=count,
                trial_dirname_creator=lambda trial: trial.trial_id,
            ),
            run_config=tune.RunConfig(
                name=_FILES,
                storage_path=str(folder.absolute()),
                stop=search,
                failure_config=tune.FailureConfig(max_failures=_MAX_LOSSES),
                verbose=0,
            ),
        )
        try:
            tuner.fit()
        finally:
            shutil.rmtree(folder / _FILES, ignore_errors=True)
        if search.failure is not None:
            raise search.failure
        if is_stopped():
            raise KeyboardInterrupt


def _train(config: dict[str, Any]) -> dict[str, Any]:
    """Train a trial in a process of the cluster, which Ray Tune ends if it falls behind."""
    from ray import tune

    def report(score: float, step: int) -> bool:
        tune.report({"score": score, "step": step})
        return False

    return {"outcome": train_trial(config["trial"], report)}


class _Search:
    """The methods of Ray Tune's `Searcher` and `Stopper`, called in the process of the command."""

    def __init__(self, study: TrialStudy, is_stopped: Callable[[], bool]) -> None:
        super().__init__()
        self._study, self._is_stopped = study, is_stopped
        self._trials: dict[str, Trial] = {}
        self.failure: PawsightError | None = None

    def __getstate__(self) -> dict[str, Any]:
        """Return nothing: a search is resumed from its study, not from what Ray Tune saves."""
        return {}

    def save(self, checkpoint_path: str) -> None:
        """Save nothing."""

    def suggest(self, trial_id: str) -> Any:
        """Return the next trial."""
        trial = self._study.ask()
        if trial is None:
            return "FINISHED"  # as `Searcher` defines it
        self._trials[trial_id] = trial
        return {"trial": trial}

    def __call__(self, trial_id: str, result: dict[str, Any]) -> bool:
        """Receive a score of a trial, and return whether to end the trial."""
        if "outcome" in result:
            return False
        return self._study.fell_behind(
            self._trials[trial_id].number, result["score"], result["step"]
        )

    def stop_all(self) -> bool:
        """Return whether to end all trials."""
        return self.failure is not None or self._is_stopped()

    def on_trial_complete(
        self, trial_id: str, result: dict[str, Any] | None = None, error: bool = False
    ) -> None:
        """Store the outcome of a trial; without an outcome it was ended early."""
        outcome = (result or {}).get("outcome", TrialOutcome("pruned"))
        if error:
            text = f"its worker was lost {_MAX_LOSSES + 1} times."
            outcome = TrialOutcome("failed", failure=("TrainingError", text))
        try:
            self._study.tell(self._trials.pop(trial_id).number, outcome)
        except PawsightError as failure:
            self.failure = failure
