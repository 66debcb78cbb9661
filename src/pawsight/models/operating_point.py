"""Thresholds of the probability below which a prediction is reported as unsure."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from pawsight.storage.json_records import Record

_Share = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]


class OperatingPoint(Record):
    """A threshold, and its coverage and error on the photos that it was chosen on."""

    max_error: _Share  # upper bound of the error rate, 0..1
    confidence: _Share  # confidence level of that bound, 0..1
    threshold: _Share  # least probability of the predicted class, 0..1; below it, photos are unsure
    coverage: _Share  # share of the photos that are not unsure, 0..1
    error: _Share  # share of their predictions that are wrong, 0..1
