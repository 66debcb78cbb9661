"""Define the result of an evaluation, the content of metrics.json.

An undefined value, such as the recall of a class without photos, is None, neither 0 nor
1. Files of earlier versions lack some fields, which therefore have defaults. Needs
neither scikit-learn nor TensorFlow.
"""

from __future__ import annotations

import json
from functools import cached_property
from pathlib import Path
from typing import Any, Self

from pydantic import (
    BaseModel,
    Field,
    NonNegativeInt,
    ValidationError,
    model_serializer,
    model_validator,
)

from pawsight.errors import RunError, first_problem
from pawsight.evaluation.intervals import Interval
from pawsight.evaluation.reliability import Bin, CalibrationNoise, calibration_noise
from pawsight.records import Part
from pawsight.runs import Run
from pawsight.task import TaskName
from pawsight.text_field import Text

_MAX_PHOTOS = 2**53  # up to here, a count times a share is exact
_INTERVAL = "_interval"  # suffix of the key of a score's interval


class _Record(BaseModel, frozen=True):
    """A record that cannot be changed; unknown fields are ignored."""


class ClassMetrics(_Record):
    """Metrics of a class against the rest; the intervals are 95 % Wilson score intervals."""

    support: int  # photos of the class
    precision: float | None = None
    recall: float | None = None
    f1: float | None = None
    roc_auc: float | None = None
    average_precision: float | None = None
    precision_interval: Interval | None = None
    recall_interval: Interval | None = None


class LabelMetrics(ClassMetrics):
    """Metrics of a label at its threshold, for photos with several labels."""

    threshold: float  # the probability from which the label is predicted
    true_positives: int  # photos with the label for which it is predicted
    false_positives: int  # photos without the label for which it is predicted
    false_negatives: int  # photos with the label for which it is not predicted
    true_negatives: int  # photos without the label for which it is not predicted
    # 95 %: that of the Jaccard index J (Wilson score), converted by F1 = 2 J / (1 + J).
    f1_interval: Interval | None = None
    calibration_error: float  # of the probability of the label
    reliability: tuple[Bin, ...] = ()  # the bins with photos, from which this error is computed


class _EarliestMetrics(_Record):
    """Fields that the earliest versions wrote instead of `num_correct`."""

    accuracy: float = Field(ge=0, le=1)
    n: int = Field(ge=0, le=_MAX_PHOTOS)


class PartMetrics(_Record):
    """The metrics of a part.

    The prediction for a photo is its most probable class; of equally probable classes, the one
    with the lowest index. For photos with several labels, it is every label whose probability
    reaches its threshold.
    """

    # Whether photos have a class or several labels. In JSON only if "multi-label".
    task: TaskName = "single-label"
    n: int  # photos measured
    num_correct: int  # photos whose predicted class, or every label, is correct
    # By the key of each entry of `scores.SCORES` or `label_scores.LABEL_SCORES`; in JSON, scores
    # are next to the other fields.
    scores: dict[str, float | None] = {}
    # 95 % intervals, by the key of the score; in JSON `<key>_interval`.
    intervals: dict[str, Interval] = {}
    # Whether the class sizes here or in training differ by more than 1.5 to 1, so that the balanced
    # accuracy is the score to quote.
    is_imbalanced: bool = False
    log_loss_clip: float | None = None  # the log loss raises probabilities to this value
    # Accuracy of always predicting `baseline_class`, the most frequent class.
    baseline_accuracy: float | None = None
    baseline_class: Text = ""
    class_names: tuple[Text, ...] = ()  # `class_names[i]` is class i
    per_class: dict[Text, LabelMetrics | ClassMetrics] = {}  # by class name
    # A row for each true class, a column for each predicted class.
    confusion_matrix: tuple[tuple[NonNegativeInt, ...], ...] = ()
    # The bins with photos, from which the calibration error is computed. With several labels, both
    # fields are empty, and each label has its own bins.
    reliability: tuple[Bin, ...] = ()

    @property
    def accuracy(self) -> float:
        """Share of the photos that are classified correctly, 0..1."""
        return self.num_correct / self.n

    @property
    def main_score(self) -> str:
        """Key of the score to quote: "accuracy", or "balanced_accuracy" if imbalanced.

        With several labels "average_precision", which does not depend on thresholds.
        """
        if self.task == "multi-label":
            return "average_precision"
        return "balanced_accuracy" if self.is_imbalanced else "accuracy"

    @cached_property
    def calibration_noise(self) -> CalibrationNoise | None:
        """Calibration error of a perfectly calibrated model on these photos; None if unknown."""
        return calibration_noise(self.reliability) if self.reliability else None

    @model_validator(mode="before")
    @classmethod
    def _gather_scores(cls, content: Any) -> Any:
        """Collect the scores and intervals, which are next to the other fields in JSON."""
        if not isinstance(content, dict) or "scores" in content:
            return content
        if "num_correct" not in content and "accuracy" in content:  # the earliest versions
            earliest = _EarliestMetrics.model_validate(content)
            content = content | {"num_correct": round(earliest.accuracy * earliest.n)}
        rest = {key: value for key, value in content.items() if key not in cls.model_fields}
        intervals = {
            key.removesuffix(_INTERVAL): value
            for key, value in rest.items()
            if key.endswith(_INTERVAL) and isinstance(value, list | tuple)
        }
        scores = {key: v for key, v in rest.items() if isinstance(v, int | float) or v is None}
        return content | {"scores": scores, "intervals": intervals}

    @model_validator(mode="after")
    def _check_consistency(self) -> Self:
        """Refuse numbers that contradict each other, as in a damaged or edited file."""
        names = self.class_names
        if not 0 <= self.num_correct <= self.n <= _MAX_PHOTOS or self.n == 0:
            raise ValueError(f"{self.num_correct} of {self.n} photos correct")
        if self.per_class and names and set(self.per_class) != set(names):
            raise ValueError("per_class and class_names differ")
        matrix = self.confusion_matrix
        is_single = self.task == "single-label"
        if is_single and any(len(row) != len(names) for row in (matrix, *matrix)):
            raise ValueError("confusion_matrix does not have a row and a column for each class")
        if matrix and sum(map(sum, matrix)) != self.n:
            raise ValueError(f"confusion_matrix does not sum to {self.n} photos")
        return self

    @model_serializer(mode="plain")
    def _flat(self) -> dict[str, Any]:
        fields = {name: getattr(self, name) for name in type(self).model_fields}
        scores, intervals = fields.pop("scores"), fields.pop("intervals")
        named = {f"{key}{_INTERVAL}": interval for key, interval in intervals.items()}
        if self.task == "single-label":
            del fields["task"]
        noise = self.calibration_noise and self.calibration_noise._asdict()
        return {**fields, **scores, **named, "calibration_noise": noise}


class LostPhoto(_Record):
    """A photo that could no longer be read after ingest."""

    path: Text
    problem: Text


class TrainingCopies(_Record):
    """Photos of an evaluation that are copies of training photos."""

    num_photos: int
    # Of these, photos that show the same picture, but have other bytes: re-saved, resized, mirrored
    # or slightly cropped.
    num_near: int = 0
    without: PartMetrics | None = None  # the metrics of the other photos; None without other photos


class Evaluation(_Record):
    """The content of evaluation/metrics.json."""

    headline: Part  # the part to quote: the test part if there is one
    parts: dict[Part, PartMetrics] = Field(min_length=1)  # the metrics of each part
    source: Text | None = None  # the user's name of the photos, in an evaluation on other photos
    temperature: float | None = None  # by which the model's logits were divided
    # Number of groups of photos that show the same picture and are in more than one part.
    copies_across_parts: int | None = None
    lost: tuple[LostPhoto, ...] = ()  # photos that could no longer be read
    # In an evaluation on other photos of which some were trained on.
    training_copies: TrainingCopies | None = None

    @model_validator(mode="after")
    def _headline_is_a_part(self) -> Evaluation:
        if self.headline not in self.parts:
            raise ValueError(f"there is no part '{self.headline}'")
        return self

    @property
    def main(self) -> PartMetrics:
        """The metrics of the headline part."""
        return self.parts[self.headline]

    def to_json(self) -> dict[str, Any]:
        """Convert to plain dicts, lists and numbers; fields that do not apply are left out."""
        # By `json`, since pydantic's JSON mode refuses names that are not UTF-8.
        content: dict[str, Any] = json.loads(json.dumps(self.model_dump()))
        optional = ("source", "temperature", "copies_across_parts", "training_copies")
        return {k: v for k, v in content.items() if k not in optional or v is not None}

    @classmethod
    def from_json(cls, content: dict[str, Any], path: Path | None = None) -> Evaluation:
        """Read metrics.json of this or an earlier version.

        Args:
            content: The content of the file.
            path: The file, for the error.

        Raises:
            RunError: The content is not an evaluation.
        """
        try:
            return cls.model_validate(content)
        except ValidationError as error:
            raise RunError(
                f"{path or 'This'} is damaged, or not an evaluation: {first_problem(error)}.\n"
                f"Make it again with: pawsight evaluate RUN"
            ) from error

    @classmethod
    def load(cls, run: Run) -> Evaluation:
        """Read the metrics.json of a run.

        Raises:
            RunError: The file is missing or damaged.
        """
        return cls.from_json(run.metrics, run.metrics_path)
