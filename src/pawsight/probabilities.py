"""Convert logits to probabilities."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from pawsight.records import FloatArray

SURE = 0.8  # the lowest probability at which an answer counts as sure


def softmax(logits: FloatArray, temperature: float = 1.0) -> NDArray[np.float64]:
    """Compute probabilities from logits.

    Args:
        logits: Shape [N, K]; any finite values.
        temperature: Divides the logits, above 0. Above 1 makes the model less
            sure of itself, below 1 surer; the order of the classes stays.
            Source: arXiv:1706.04599.

    Returns:
        Shape [N, K], float64, each row sums to 1.
    """
    scaled = np.asarray(logits, np.float64) / temperature
    # exp overflows above 709.
    scaled -= scaled.max(axis=-1, keepdims=True)
    odds = np.exp(scaled)
    return np.asarray(odds / odds.sum(axis=-1, keepdims=True))


def sigmoid(logits: FloatArray, temperature: float = 1.0) -> NDArray[np.float64]:
    """Compute the probability of each label on its own.

    Args:
        logits: Shape [N, K]; any finite values.
        temperature: Divides the logits, above 0; see `softmax`.

    Returns:
        Shape [N, K], float64, values 0..1.
    """
    # tanh does not overflow, as exp does.
    return np.asarray(0.5 * (1 + np.tanh(np.asarray(logits, np.float64) / (2 * temperature))))
