"""Estimate how much each searched setting affects the score, and how certain the estimate is.

fANOVA: a random forest predicts the score of a trial from its settings, and the variance of
the prediction is divided among the settings (Hutter, Hoos, Leyton-Brown, ICML 2014). With few
trials, the forest depends on which trials were run, so it is fitted to bootstrap samples of
the trials, each with its own seed; the spread of the results is reported with their mean.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

_SAMPLES = 20
MIN_TRIALS = 6


@dataclass(frozen=True, slots=True)
class Importance:
    """The importance of a setting."""

    name: str
    mean: float  # share of the variance of the score, 0..1; the shares of all settings sum to 1
    spread: float  # standard deviation of the share over bootstrap samples of the trials


def importances(trials: Sequence[Any], seed: int = 0) -> list[Importance]:
    """Estimate the importance of each setting.

    Args:
        trials: Completed trials of an Optuna study that is maximised.
        seed: Of the samples and the forests.

    Returns:
        The largest importance first; empty with fewer than `MIN_TRIALS` trials, or if all
        scores are equal.
    """
    import optuna

    scores = [trial.value for trial in trials]
    if len(trials) < MIN_TRIALS or len(set(scores)) < 2:
        return []
    random = np.random.default_rng(seed)
    shares_of: dict[str, list[float]] = {}
    for number in range(_SAMPLES):
        chosen = [trials[i] for i in random.integers(0, len(trials), len(trials))]
        if len({trial.value for trial in chosen}) < 2:
            continue
        sample = optuna.create_study(direction="maximize")
        sample.add_trials(chosen)
        forest = optuna.importance.FanovaImportanceEvaluator(n_trees=32, seed=seed + number)
        names = list(trials[0].params)
        shares = optuna.importance.get_param_importances(sample, evaluator=forest, params=names)
        for name, share in shares.items():
            shares_of.setdefault(name, []).append(share)
    summary = [
        Importance(name, float(np.mean(shares)), float(np.std(shares, ddof=1)))
        for name, shares in shares_of.items()
        if len(shares) > 1
    ]
    return sorted(summary, key=lambda importance: -importance.mean)
