"""From which probability a model's answers are given, and what that costs."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from pawsight.storage.json_records import Record

_Share = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]


class OperatingPoint(Record):
    """A threshold and what it costs on the photos it was chosen on."""

    max_error: _Share  # the error rate that is not exceeded, 0..1
    confidence: _Share  # the probability with which that holds, 0..1
    threshold: _Share  # the least probability of an answer, 0..1; photos below it are unsure
    coverage: _Share  # share of the photos that are answered, 0..1
    error: _Share  # share of these answers that were wrong, 0..1
