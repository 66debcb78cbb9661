"""The fields of report.json: what a report states.

They are described in docs/run-folder.md, and as a JSON schema in docs/report.schema.json.
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
    """A score of the headline part; `value` is null where it is undefined."""

    key: str = Field(description="as in metrics.json")
    title: str
    value: float | None
    interval: Interval | None = Field(description="95 %, null where there is none")
    meaning: str


class NextStep(_Record):
    """Something to do next."""

    title: Text
    reason: Text
    command: Text = Field(description='for a shell, "" where there is none')
    link: str = Field(description="id of the section of report.html that shows why")


class Confusion(_Record):
    """How often one class was taken for another."""

    truth: Text
    predicted: Text
    count: int
    share: float = Field(description="of the photos of the true class, 0 to 1")


class ClassSummary(_Record):
    """A class, or one of several labels."""

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
    label: Text = Field(description="the class it sets apart")
    text: Text = Field(description="how the class differs")
    effect: float = Field(description="Cliff's delta, -1 to 1")
    p_value: float = Field(description="of all cues and classes together")
    use: Text = Field(description="what the photos of the part show about the model")
    is_used: bool = Field(description="whether the model's mistakes follow it")


class Answers(_Record):
    """What the threshold of an answer costs on the photos of the headline part."""

    threshold: float = Field(description="the least probability of an answer")
    answered: float = Field(description="share of the photos that are answered")
    wrong: float | None = Field(
        description="share of the answers that are wrong; null where none is given"
    )


class ReportSummary(_Record):
    """What a report states."""

    format_version: Literal[1] = FORMAT_VERSION
    version: str = Field(description="of pawsight")
    name: Text = Field(description="of the photos")
    task: TaskName
    part: Part | None = Field(description="that is reported, null before an evaluation")
    headline: Text = Field(description="one number, in words")
    detail: Text = Field(description="its 95 % interval and the counts behind it")
    caution: Text = Field(description='a caveat, "" if there is none')
    failures: tuple[Text, ...] = Field(description="where it fails, the most frequent first")
    steps: tuple[NextStep, ...] = Field(description="up to three, the most useful first")
    findings: tuple[Text, ...] = Field(description="sentences of the section What this says")
    num_photos: int = Field(description="of the part")
    num_correct: int
    scores: tuple[Score, ...] = Field(description="the one in the headline first")
    calibration_noise: float | None = Field(
        description="calibration error that a perfectly calibrated model would show on so many "
        "photos"
    )
    classes: dict[Text, ClassSummary]
    confusions: tuple[Confusion, ...] = Field(description="at most 20, the most frequent first")
    slices: tuple[SliceSummary, ...] = Field(description="the lowest accuracy first")
    learning_curve: LearningCurve | None = Field(
        description="accuracy by number of training photos, and what to expect of more; 90 % "
        "intervals"
    )
    more_photos: tuple[Text, ...] = Field(
        description="sentences on what more photos would bring, of all and of each class"
    )
    robustness: Robustness | None = Field(
        description="right answers on changed photos; null where it was not measured"
    )
    shortcuts: tuple[ShortcutSummary, ...] = Field(description="the largest effect first")
    answers: Answers | None = Field(description="null for several labels a photo")
    unknown_classes: str = Field(
        description='the answer none with each class left out in turn; "" below 3 classes'
    )
    none: str = Field(description='the answer none on photos of none of the classes; "" without')
    photos: dict[Text, dict[str, int]] = Field(
        description="by class: how many are in train, validation and test, and broken"
    )
