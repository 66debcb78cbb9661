"""The origin and the metrics of a model."""

from __future__ import annotations

import logging
import math
from dataclasses import dataclass
from typing import Any

from pawsight.errors import RunError
from pawsight.models import builtin
from pawsight.models.description import ModelDescription
from pawsight.runs import Run

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Provenance:
    """The origin of a model, JSON-ready."""

    name: str  # the run folder's name; "builtin" for the shipped model
    trained: dict[str, Any]  # see `ModelDescription.origin`
    # The metrics of each evaluated part that are single numbers; None without an evaluation.
    metrics: dict[str, Any] | None


def provenance(run: Run) -> Provenance:
    """Read the origin and the metrics of a run's model; raises RunError."""
    trained = ModelDescription.load(run).origin()
    path = run.path.resolve()
    name = "builtin" if path == builtin.folder().resolve() else path.name
    return Provenance(name, trained, _headline(run))


def _headline(run: Run) -> dict[str, Any] | None:
    """Return the metrics of each part that are numbers."""
    if not run.metrics_path.is_file():
        return None
    try:
        parts = run.metrics.get("parts")
    except RunError as error:  # the model can be used without its metrics
        logger.warning("%s", error)
        return None
    if not isinstance(parts, dict):
        return None
    numbers = {
        part: {
            name: value
            for name, value in metrics.items()
            if isinstance(value, int | float) and math.isfinite(value)
        }
        for part, metrics in parts.items()
        if isinstance(metrics, dict)
    }
    return numbers or None
