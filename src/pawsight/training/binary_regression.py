"""Logistic regressions on the same features, one for each label, fitted at once.

They share nothing but the features. Fitted together, each step is two products of matrices, which
takes a fraction of the time that the labels take one after the other.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from pawsight.probabilities import sigmoid
from pawsight.records import FloatArray, IntArray

_MAX_ITERATIONS = 300
_TOLERANCE = 1e-3  # of any component of the gradient of the mean loss, as scikit-learn is given


def fit_binary(
    rows: FloatArray, targets: IntArray, strength: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Fit a logistic regression with an L2 penalty for each label.

    Args:
        rows: Features, float32 [N, F], N at least 1.
        targets: 1 or 0 for each label, [N, K].
        strength: The penalty, relative to the mean loss of a photo; the bias has none.

    Returns:
        Kernel [F, K] and bias [K]. A label that all photos have, or none, gets no weights, and
        the bias of its rate with half a photo more on either side.
    """
    from scipy.optimize import minimize  # slow to import, and most commands fit nothing

    num_rows, num_features = rows.shape
    num_on = targets.sum(axis=0)
    bias = np.log((num_on + 0.5) / (num_rows - num_on + 0.5))
    kernel = np.zeros((num_features, targets.shape[1]))
    is_mixed = (num_on > 0) & (num_on < num_rows)
    if not is_mixed.any():
        return kernel, bias
    wanted = targets[:, is_mixed].astype(np.float64)
    shape = (num_features + 1, wanted.shape[1])

    def loss(flat: FloatArray) -> tuple[float, FloatArray]:
        weights = flat.reshape(shape)
        # The products in float32, as the features are; the sums in float64.
        logits = (rows @ weights[:-1].astype(np.float32)).astype(np.float64) + weights[-1]
        mean = (np.logaddexp(0, logits) - logits * wanted).sum() / num_rows
        off = (sigmoid(logits) - wanted) / num_rows
        slope = np.empty(shape)
        slope[:-1] = rows.T @ off.astype(np.float32) + strength * weights[:-1]
        slope[-1] = off.sum(axis=0)
        return float(mean + strength / 2 * (weights[:-1] ** 2).sum()), slope.ravel()

    start = np.concatenate([np.zeros((num_features, shape[1])), bias[None, is_mixed]])
    minimum = minimize(
        loss,
        start.ravel(),
        jac=True,
        method="L-BFGS-B",
        options={"maxiter": _MAX_ITERATIONS, "gtol": _TOLERANCE, "ftol": 1e-9},
    ).x.reshape(shape)
    kernel[:, is_mixed], bias[is_mixed] = minimum[:-1], minimum[-1]
    return kernel, bias
