"""Define ROC and precision-recall curves, the content of evaluation/curves.json."""

from __future__ import annotations

from typing import Self

from pydantic import TypeAdapter, model_validator

from pawsight.records import Part
from pawsight.runs import Run
from pawsight.storage.json_records import Record, load_record
from pawsight.text_field import Text


class _Curve(Record):
    """The points of a curve; each field has one coordinate of all points."""

    @model_validator(mode="after")
    def _has_points(self) -> Self:
        lengths = {len(getattr(self, name)) for name in type(self).model_fields}
        if len(lengths) != 1 or 0 in lengths:
            raise ValueError("its coordinates differ in length, or are empty")
        return self


class RocCurve(_Curve):
    """True positive rate against false positive rate, both ascending."""

    false_positive_rate: tuple[float, ...]
    true_positive_rate: tuple[float, ...]


class PrecisionRecallCurve(_Curve):
    """Precision against recall, in order of ascending recall."""

    recall: tuple[float, ...]
    precision: tuple[float, ...]


class ClassCurves(Record):
    """The curves of a class against the rest; None if undefined."""

    roc: RocCurve | None = None
    precision_recall: PrecisionRecallCurve | None = None


Curves = dict[Text, ClassCurves]  # by class name


def load_curves(run: Run) -> dict[Part, Curves]:
    """Read the curves.json of a run; an empty dict if there is none.

    Raises:
        RunError: The file is damaged.
    """
    advice = "Make it again with: pawsight evaluate RUN"
    return load_record(run.curves_path, TypeAdapter(dict[Part, Curves]), advice) or {}
