"""ROC and precision-recall curves, as evaluation/curves.json holds them."""

from __future__ import annotations

from typing import Self

from pydantic import TypeAdapter, model_validator

from pawsight.records import Part
from pawsight.runs import Run
from pawsight.storage.json_records import Record, load_record
from pawsight.text_field import Text


class _Curve(Record):
    """Points; each field holds one of their coordinates."""

    @model_validator(mode="after")
    def _has_points(self) -> Self:
        lengths = {len(getattr(self, name)) for name in type(self).model_fields}
        if len(lengths) != 1 or 0 in lengths:
            raise ValueError("its coordinates are not equally many")
        return self


class RocCurve(_Curve):
    """True against false positive rate, both rising."""

    false_positive_rate: tuple[float, ...]
    true_positive_rate: tuple[float, ...]


class PrecisionRecallCurve(_Curve):
    """Precision against recall, the latter rising."""

    recall: tuple[float, ...]
    precision: tuple[float, ...]


class ClassCurves(Record):
    """The curves of one class against the rest; None where undefined."""

    roc: RocCurve | None = None
    precision_recall: PrecisionRecallCurve | None = None


Curves = dict[Text, ClassCurves]  # by class name


def load_curves(run: Run) -> dict[Part, Curves]:
    """Read the curves.json of a run; an empty dict where there is none; raises RunError."""
    advice = "Make it again with: pawsight evaluate RUN"
    return load_record(run.curves_path, TypeAdapter(dict[Part, Curves]), advice) or {}
