"""Define the fields of report.json, the content of a report.

The fields are described in docs/run-folder.md, and by a JSON schema in docs/report.schema.json.
"""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from pawsight.evaluation.intervals import Interval
from pawsight.evaluation.photo_needs import LearningCurve
from pawsight.evaluation.robustness import Robustness
from pawsight.records import Part
from pawsight.task import TaskName
from pawsight.text_field import Text

FORMAT_VERSION: Literal[1] = 1


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Score(_Record):
    """A score of the headline part; `value` is null if undefined."""

    key: str = Field(description="as in metrics.json")
    title: str
    value: float | None
    interval: Interval | None = Field(description="95 %; null if there is no interval")
    meaning: str


class NextStep(_Record):
    """A next step for the user."""

    title: Text
    reason: Text
    command: Text = Field(description='for a shell; "" if there is no command')
    link: str = Field(description="id of the section of report.html that shows the reason")


class Confusion(_Record):
    """How often a class was predicted for photos of another class."""

    truth: Text
    predicted: Text
    count: int
    share: float = Field(description="of the photos of the true class, 0 to 1")


class ClassSummary(_Record):
    """A class or a label."""

    photos: int = Field(description="of the class in the headline part")
    precision: float | None
    precision_interval: Interval | None
    recall: float | None
    recall_interval: Interval | None
    f1: float | None


class SliceSummary(_Record):
    """Photos of the part that have something in common."""

    title: str
    photos: int
    correct: int
    interval: Interval = Field(description="95 %, of the accuracy")
    rest_accuracy: float = Field(description="of the other photos of the part")
    p_value: float = Field(description="one-sided, times the number of slices")


class ShortcutSummary(_Record):
    """A cue that separates a class from the others without being the subject of the photos."""

    cue: str
    title: str
    label: Text = Field(description="the class that differs from the others")
    text: Text = Field(description="how the class differs")
    effect: float = Field(description="Cliff's delta, -1 to 1")
    p_value: float = Field(description="adjusted for the number of cues and classes")
    use: Text = Field(description="sentence on whether the model uses it")
    is_used: bool = Field(description="whether the model's mistakes follow it")


class Answers(_Record):
    """Answered photos of the headline part, and their error rate."""

    threshold: float = Field(description="the lowest probability of an answer")
    answered: float = Field(description="share of the photos that are answered")
    wrong: float | None = Field(
        description="share of the answers that are wrong; null without answers"
    )


class ReportSummary(_Record):
    """The content of a report."""

    format_version: Literal[1] = FORMAT_VERSION
    version: str = Field(description="of pawsight")
    name: Text = Field(description="of the photos")
    task: TaskName
    part: Part | None = Field(description="that is reported, null before an evaluation")
    headline: Text = Field(description="sentence with the main score")
    detail: Text = Field(description="its 95 % interval, and the counts that it is computed from")
    caution: Text = Field(description='a caveat, "" if there is none')
    failures: tuple[Text, ...] = Field(description="where it fails, the most frequent first")
    steps: tuple[NextStep, ...] = Field(description="up to three, the most useful first")
    findings: tuple[Text, ...] = Field(description="sentences of the section What this says")
    num_photos: int = Field(description="of the part")
    num_correct: int
    scores: tuple[Score, ...] = Field(description="the score in the headline first")
    calibration_noise: float | None = Field(
        description="calibration error that a perfectly calibrated model would show on these photos"
    )
    classes: dict[Text, ClassSummary]
    confusions: tuple[Confusion, ...] = Field(description="at most 20, the most frequent first")
    slices: tuple[SliceSummary, ...] = Field(description="the lowest accuracy first")
    learning_curve: LearningCurve | None = Field(
        description="accuracy by number of training photos, and forecasts with 90 % intervals"
    )
    more_photos: tuple[Text, ...] = Field(
        description="sentences on the effect of more photos, of all classes and of each class"
    )
    robustness: Robustness | None = Field(
        description="correct answers on corrupted photos; null if not measured"
    )
    shortcuts: tuple[ShortcutSummary, ...] = Field(description="the largest effect first")
    answers: Answers | None = Field(description="null for photos with several labels")
    unknown_classes: str = Field(
        description='the answer none with each class left out in turn; "" with fewer than 3 classes'
    )
    none: str = Field(
        description='the answer none on photos of none of the classes; "" without such photos'
    )
    photos: dict[Text, dict[str, int]] = Field(
        description="by class: number of photos in train, validation and test, and broken"
    )
