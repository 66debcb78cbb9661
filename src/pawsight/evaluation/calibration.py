"""Calibrate probabilities by temperature scaling.

A network is usually overconfident. Dividing its logits by a single number, the
temperature, corrects most of that and changes no decision. The temperature is fitted on
the validation part; the test part then shows how well the result is calibrated.
"""

from __future__ import annotations

import numpy as np

from pawsight.errors import ModelError, ShapeError
from pawsight.records import FloatArray, IntArray

MIN_TEMPERATURE = 0.05
MAX_TEMPERATURE = 20.0


def fit_label_temperature(logits: FloatArray, labels: IntArray) -> float:
    """Fit a single temperature for the sigmoids of all labels, as `fit_temperature` does.

    Args:
        logits: Shape [N, K].
        labels: 1 or 0 for each label, shape [N, K].

    Returns:
        A temperature from 0.05 to 20.

    Raises:
        ModelError: A logit is infinite or not a number.
    """
    flat = np.asarray(logits, np.float64).ravel()
    # sigmoid(z) = softmax([0, z])[1], for each photo and label.
    return fit_temperature(np.stack([np.zeros_like(flat), flat], axis=1), labels.ravel())


def fit_temperature(logits: FloatArray, labels: IntArray) -> float:
    """Fit the temperature that minimises the log loss.

    Without a mistake in the part, the best confidence would be infinite. So the
    targets are smoothed as if there were another correct and another wrong photo: 20
    correct photos of 20 then correspond to about 95 %, and with thousands of photos,
    the smoothing has hardly any effect.
    Sources: arXiv:1706.04599; Platt 1999, "Probabilistic outputs for support
    vector machines", section 2.2, for the smoothed targets.

    Args:
        logits: Shape [N, K], K at least 2.
        labels: True class indices, shape [N], values 0..K-1.

    Returns:
        A temperature from 0.05 to 20; 1, which changes nothing, if N is 0.

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
    from scipy.optimize import minimize_scalar  # here, since it is slow to import

    targets = np.full(logits.shape, 1 / (n + 2) / (num_classes - 1))
    targets[np.arange(n), labels] = (n + 1) / (n + 2)
    centred = logits - logits.max(axis=1, keepdims=True)

    def loss(log_temperature: float) -> float:
        scaled = centred / np.exp(log_temperature)
        log_sum = np.log(np.exp(scaled).sum(axis=1, keepdims=True))
        return float(((log_sum - scaled) * targets).sum() / n)

    # The loss is convex in 1 / T, so it has a single minimum in log T, too.
    minimum = minimize_scalar(
        loss,
        bounds=(np.log(MIN_TEMPERATURE), np.log(MAX_TEMPERATURE)),
        method="bounded",
        options={"xatol": 1e-4},
    )
    return float(np.exp(minimum.x))
