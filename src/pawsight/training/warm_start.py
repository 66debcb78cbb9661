"""The start of a training from weights that were trained before."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import keras

from pawsight.history import Epoch
from pawsight.training.plan import Plan
from pawsight.training.precision import Precision

# Time of float32 inference in ONNX Runtime relative to a validation.
EVALUATION_SLOWDOWN = 1.3


@dataclass(frozen=True, slots=True, eq=False)
class WarmStart:
    """Weights to start from, and their score."""

    # Builds the network for a plan, with its weights and its frozen layers.
    build: Callable[[Plan], keras.Model]
    # The score before the first step, as row 0 of the history: if no later row is better, the
    # initial weights are kept. None if it is not measured yet.
    row: Epoch | None
    precision: Precision  # the number format to train in
    finish_seconds: float  # time after training, besides inference on photos, on an idle machine
    weights: str | None = None  # the key of the weights, for plan.json
    head_strength: float | None = None  # the L2 penalty of the fitted head, for plan.json
    num_head_photos: int | None = None  # photos requested for the fitted head, for plan.json
    error: float | None = None  # error rate of the initial weights, 0..1; None if unknown
    second_seconds: float | None = None  # time reserved for a second network; None trains none
    # Time of the exported model for a photo, relative to a validation.
    evaluation_slowdown: float = EVALUATION_SLOWDOWN
