"""The head of the shipped model: logistic regression, its strength and temperature by folds."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedGroupKFold

from pawsight.evaluation.calibration import fit_temperature
from pawsight.evaluation.metrics import log_loss
from pawsight.probabilities import softmax

STRENGTHS = (1e-3, 3e-3, 1e-2)
_NUM_FOLDS = 5


@dataclass(frozen=True)
class Head:
    """Logits are `features @ weights + biases`.

    Attributes:
        weights: float32 [F, 2].
        biases: float32 [2].
        temperature: What the logits are divided by to make probabilities, above 0.
        figures: JSON-ready: how the strength was chosen.
    """

    weights: np.ndarray
    biases: np.ndarray
    temperature: float
    figures: dict[str, object]


View = tuple[np.ndarray, np.ndarray]  # features [N, F], and how familiar they are [N, 1]


def fit_head(plain: View, varied: View, labels: np.ndarray, groups: np.ndarray) -> Head:
    """Fit on photos as they are and varied, and choose the strength by the log loss over both.

    A photo's two views, and photos that show the same picture, are in the same fold.

    Args:
        plain: The photos as they are.
        varied: The same photos, varied.
        labels: 0 or 1, [N].
        groups: Photos of the same number show the same picture, [N].
    """
    folding = StratifiedGroupKFold(_NUM_FOLDS, shuffle=True, random_state=0)
    folds = list(folding.split(plain[0], labels, groups))
    both, familiar = (np.concatenate(pair) for pair in zip(plain, varied, strict=True))
    twice = np.concatenate([labels, labels])
    found: dict[float, np.ndarray] = {}
    for strength in STRENGTHS:
        logits = np.zeros((len(twice), 2))
        for train, held_out in folds:
            fitted_on, asked = (
                np.concatenate([some, some + len(labels)]) for some in (train, held_out)
            )
            weights, biases = _fit(both[fitted_on], twice[fitted_on], strength)
            logits[asked] = both[asked] @ weights + biases
        found[strength] = logits * familiar
        print(f"  C = {strength:g}: {_told(found[strength], twice)}", flush=True)
    losses = {strength: log_loss(twice, softmax(found[strength])) for strength in STRENGTHS}
    best = min(losses, key=losses.__getitem__)
    weights, biases = _fit(both, twice, best)
    temperature = fit_temperature(found[best], twice)
    figures = {
        "strength": best,
        "num_folds": _NUM_FOLDS,
        "held_out_by_strength": {
            f"{strength:g}": {
                "log_loss": round(losses[strength], 5),
                "accuracy_plain": _accuracy(found[strength][: len(labels)], labels),
                "accuracy_varied": _accuracy(found[strength][len(labels) :], labels),
            }
            for strength in STRENGTHS
        },
    }
    return Head(weights, biases, temperature, figures)


def _fit(
    features: np.ndarray, labels: np.ndarray, strength: float
) -> tuple[np.ndarray, np.ndarray]:
    mean, scale = features.mean(axis=0), features.std(axis=0) + 1e-6
    model = LogisticRegression(C=strength, max_iter=300).fit((features - mean) / scale, labels)
    # The scaling goes into the weights; each class takes half of the one logit.
    weights = (model.coef_[0] / scale).astype(np.float64)
    bias = model.intercept_[0] - weights @ mean
    return (
        np.stack([-weights / 2, weights / 2], axis=1).astype(np.float32),
        np.array([-bias / 2, bias / 2], np.float32),
    )


def _accuracy(logits: np.ndarray, labels: np.ndarray) -> float:
    return round(float((logits.argmax(axis=1) == labels).mean()), 5)


def _told(logits: np.ndarray, labels: np.ndarray) -> str:
    loss = log_loss(labels, softmax(logits))
    return f"log loss {loss:.4f}, accuracy {_accuracy(logits, labels):.4f}"
