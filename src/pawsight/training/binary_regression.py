"""Fit independent logistic regressions for all labels at once, on the same features.

Fitted together, each iteration is two matrix products, which take a fraction of the time of
fitting the labels one after the other.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from pawsight.probabilities import sigmoid
from pawsight.records import FloatArray, IntArray

_MAX_ITERATIONS = 300
_TOLERANCE = 1e-3  # of each component of the gradient of the mean loss, as in `linear_head`


def fit_binary(
    rows: FloatArray, targets: IntArray, strength: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Fit a logistic regression with an L2 penalty for each label.

    Args:
        rows: Features, float32 [N, F], N at least 1.
        targets: 1 or 0 for each label, [N, K].
        strength: The L2 penalty relative to the mean loss of a photo; the bias has no penalty.

    Returns:
        Kernel [F, K] and bias [K]. For a label that all photos have, or none, the kernel is 0
        and the bias is the log odds of the label, with 0.5 added to both counts.
    """
    from scipy.optimize import minimize  # slow to import, and most commands fit nothing

    num_rows, num_features = rows.shape
    num_positive = targets.sum(axis=0)
    bias = np.log((num_positive + 0.5) / (num_rows - num_positive + 0.5))
    kernel = np.zeros((num_features, targets.shape[1]))
    is_mixed = (num_positive > 0) & (num_positive < num_rows)
    if not is_mixed.any():
        return kernel, bias
    mixed_targets = targets[:, is_mixed].astype(np.float64)
    shape = (num_features + 1, mixed_targets.shape[1])

    def loss_and_gradient(flat: FloatArray) -> tuple[float, FloatArray]:
        weights = flat.reshape(shape)
        # Products in float32, like the features; sums in float64.
        logits = (rows @ weights[:-1].astype(np.float32)).astype(np.float64) + weights[-1]
        mean_loss = (np.logaddexp(0, logits) - logits * mixed_targets).sum() / num_rows
        errors = (sigmoid(logits) - mixed_targets) / num_rows
        gradient = np.empty(shape)
        gradient[:-1] = rows.T @ errors.astype(np.float32) + strength * weights[:-1]
        gradient[-1] = errors.sum(axis=0)
        return float(mean_loss + strength / 2 * (weights[:-1] ** 2).sum()), gradient.ravel()

    start = np.concatenate([np.zeros((num_features, shape[1])), bias[None, is_mixed]])
    minimum = minimize(
        loss_and_gradient,
        start.ravel(),
        jac=True,
        method="L-BFGS-B",
        options={"maxiter": _MAX_ITERATIONS, "gtol": _TOLERANCE, "ftol": 1e-9},
    ).x.reshape(shape)
    kernel[:, is_mixed], bias[is_mixed] = minimum[:-1], minimum[-1]
    return kernel, bias
