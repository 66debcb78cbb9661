"""What a run goes on from whose network has learnt something already."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import keras

from pawsight.history import Epoch
from pawsight.training.plan import Plan
from pawsight.training.precision import Precision


@dataclass(frozen=True, slots=True, eq=False)
class Start:
    """A network as it stands before the first step.

    Attributes:
        build: Builds it for a plan, with its weights; what is not to learn is frozen.
        row: What it scores as it is, as row 0 of the history: if no later one is
            better, the network stays so.
        precision: What to multiply in.
        finish_seconds: What its end takes besides looking at photos, where nothing else runs.
        facts: What plan.json says besides.
    """

    build: Callable[[Plan], keras.Model]
    row: Epoch
    precision: Precision
    finish_seconds: float
    facts: dict[str, Any] = field(default_factory=dict)
