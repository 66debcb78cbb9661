"""Calibrate probabilities by a temperature.

A network is usually too sure of itself. Dividing its logits by one number, the
temperature, corrects most of that and changes no decision. It is fitted on the
validation part; the test part then shows whether it holds.
"""

from __future__ import annotations

import numpy as np

from pawsight.errors import ModelError, ShapeError
from pawsight.records import FloatArray, IntArray

MIN_TEMPERATURE = 0.05
MAX_TEMPERATURE = 20.0


def fit_label_temperature(logits: FloatArray, labels: IntArray) -> float:
    """Find one temperature for the sigmoids of all labels; as `fit_temperature`.

    Args:
        logits: Shape [N, K].
        labels: 1 or 0 for each label, shape [N, K].
    """
    flat = np.asarray(logits, np.float64).ravel()
    # sigmoid(z) = softmax([0, z]), of each photo and label.
    return fit_temperature(np.stack([np.zeros_like(flat), flat], axis=1), labels.ravel())


def fit_temperature(logits: FloatArray, labels: IntArray) -> float:
    """Find the temperature at which the log loss is smallest.

    A part without a mistake would need infinite confidence. So the targets
    are softened as if one photo more had been right and one more wrong: 20
    right out of 20 then mean about 95 %, and with thousands of photos the
    softening is too small to see.
    Sources: arXiv:1706.04599; Platt 1999, "Probabilistic outputs for support
    vector machines", section 2.2, for the softened targets.

    Args:
        logits: Shape [N, K], K at least 2.
        labels: True class indices, shape [N], values 0..K-1.

    Returns:
        A temperature from 0.05 to 20; 1, which changes nothing, when N is 0.

    Raises:
        ShapeError: The arrays disagree on N, or K is below 2.
        ModelError: A logit is infinite or not a number.
    """
    logits = np.asarray(logits, np.float64)
    if logits.ndim != 2 or logits.shape[1] < 2 or labels.shape != (len(logits),):
        raise ShapeError(
            f"Logits [N, K] and labels [N] are needed, not {logits.shape} and {labels.shape}."
        )
    if not np.isfinite(logits).all():
        raise ModelError(
            "The model's outputs are not finite numbers, so its training has failed.\n"
            "Train again with a lower --learning-rate."
        )
    n, num_classes = logits.shape
    if n == 0:
        return 1.0
    from scipy.optimize import minimize_scalar  # slow to import, and a report fits nothing

    targets = np.full(logits.shape, 1 / (n + 2) / (num_classes - 1))
    targets[np.arange(n), labels] = (n + 1) / (n + 2)
    centred = logits - logits.max(axis=1, keepdims=True)

    def loss(log_temperature: float) -> float:
        scaled = centred / np.exp(log_temperature)
        log_sum = np.log(np.exp(scaled).sum(axis=1, keepdims=True))
        return float(((log_sum - scaled) * targets).sum() / n)

    # The loss is convex in 1 / T, so it has one valley in log T as well.
    minimum = minimize_scalar(
        loss,
        bounds=(np.log(MIN_TEMPERATURE), np.log(MAX_TEMPERATURE)),
        method="bounded",
        options={"xatol": 1e-4},
    )
    return float(np.exp(minimum.x))
