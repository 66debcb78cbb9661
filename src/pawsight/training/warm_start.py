"""A network that has learnt something before the first step of a run."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import keras

from pawsight.history import Epoch
from pawsight.training.plan import Plan
from pawsight.training.precision import Precision

# Inference in float32 on ONNX Runtime takes so many times as long as a validation.
EVALUATION_SLOWDOWN = 1.3


@dataclass(frozen=True, slots=True, eq=False)
class WarmStart:
    """Weights to start from, and what they score."""

    # Builds the network for a plan, with its weights; layers that must not learn are frozen.
    build: Callable[[Plan], keras.Model]
    # The score before the first step, as row 0 of the history: where no later row is better, the
    # initial weights are kept. None where it is still to be measured.
    row: Epoch | None
    precision: Precision  # the number format to train in
    # What the end of the run takes besides running inference on its photos, on a machine that does
    # nothing else.
    finish_seconds: float
    weights: str | None = None  # the key of the pretrained weights, for plan.json
    # The L2 penalty that the head was fitted with, for plan.json.
    head_strength: float | None = None
    # About how many photos the head was fitted to, for plan.json.
    num_head_photos: int | None = None
    # Share of photos, 0..1, that the initial weights get wrong; None where not known.
    error: float | None = None
    # What a second network gets of the budget afterwards; None trains none.
    second_seconds: float | None = None
    # The time that the exported model takes for a photo, as a multiple of what validation takes.
    evaluation_slowdown: float = EVALUATION_SLOWDOWN
