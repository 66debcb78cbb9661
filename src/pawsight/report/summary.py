"""The report as data: what its page states, as report.json holds it.

The fields are described in docs/run-folder.md, and as a JSON schema in
docs/report.schema.json.
"""

from __future__ import annotations

import shlex
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from pawsight import __version__
from pawsight.evaluation.intervals import Interval
from pawsight.evaluation.label_scores import scores_of
from pawsight.evaluation.none_measurement import none_sentence
from pawsight.evaluation.results import PartMetrics
from pawsight.evaluation.slices import slices
from pawsight.records import Part, Text
from pawsight.report import first_screen, interpretation, label_interpretation
from pawsight.report.answered import answered_and_wrong, threshold_of
from pawsight.report.contents import Contents
from pawsight.report.run_facts import photo_counts
from pawsight.task import TaskName
from pawsight.training.plan import Plan

FORMAT_VERSION: Literal[1] = 1
_MOST_CONFUSIONS = 20


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


class Answers(_Record):
    """What the threshold of an answer costs on the photos of the headline part."""

    threshold: float = Field(description="the least probability of an answer")
    answered: float = Field(description="share of the photos that are answered")
    wrong: float = Field(description="share of the answers that are wrong")


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
    answers: Answers | None = Field(description="null for several labels a photo")
    none: str = Field(description='the answer none on photos of none of the classes; "" without')
    photos: dict[Text, dict[str, int]] = Field(
        description="by class: how many are in train, validation and test, and broken"
    )


def summarise(found: Contents) -> ReportSummary:
    """Compute what the report of a run states."""
    metrics, part = found.metrics, found.part
    facts: dict[str, object] = {}
    if metrics is None or part is None:
        facts = {"headline": "Not evaluated yet: this run did not get that far", "detail": ""}
    elif found.task.is_multi_label:
        facts = {
            "headline": label_interpretation.headline(part, metrics),
            "detail": label_interpretation.detail(part, metrics),
            "failures": label_interpretation.failures(metrics),
        }
    else:
        steps = first_screen.next_steps(
            metrics, found.run.none_path.is_file(), shlex.quote(str(found.run.path))
        )
        facts = {
            "headline": first_screen.headline(part, metrics),
            "detail": first_screen.detail(part, metrics),
            "failures": first_screen.failures(metrics),
            "steps": [
                NextStep(title=s.title, reason=s.reason, command=s.command, link=s.link)
                for s in steps
            ],
            "confusions": [
                Confusion(truth=c.truth, predicted=c.predicted, count=c.count, share=c.share)
                for c in interpretation.top_confusions(metrics, _MOST_CONFUSIONS)
            ],
        }
    noise = metrics.calibration_noise if metrics else None
    nothing: dict[str, object] = {"failures": (), "steps": (), "confusions": ()}
    return ReportSummary.model_validate(
        nothing
        | facts
        | {
            "version": __version__,
            "name": found.name,
            "task": found.task.name,
            "part": part,
            "caution": _caution(found),
            "findings": _findings(found),
            "num_photos": metrics.n if metrics else 0,
            "num_correct": metrics.num_correct if metrics else 0,
            "scores": _scores(found, metrics) if metrics else (),
            "calibration_noise": noise.mean if noise else None,
            "classes": _classes(metrics) if metrics else {},
            "slices": _slices(found),
            "answers": _answers(found),
            "none": none_sentence(found.run),
            "photos": {
                name: {key: counts[key] for key in ("train", "validation", "test", "broken")}
                for name, counts in photo_counts(found.catalog).items()
            },
        }
    )


def _scores(found: Contents, metrics: PartMetrics) -> list[Score]:
    scores = [
        Score(
            key=score.key,
            title=score.title,
            value=metrics.scores.get(score.key),
            interval=metrics.intervals.get(score.key),
            meaning=score.meaning,
        )
        for score in scores_of(found.task)
    ]
    return sorted(scores, key=lambda score: score.key != metrics.main_score)


def _classes(metrics: PartMetrics) -> dict[str, ClassSummary]:
    return {
        name: ClassSummary(
            photos=one.support,
            precision=one.precision,
            precision_interval=one.precision_interval,
            recall=one.recall,
            recall_interval=one.recall_interval,
            f1=one.f1,
        )
        for name, one in metrics.per_class.items()
    }


def _slices(found: Contents) -> list[SliceSummary]:
    if found.predictions is None or found.catalog is None:
        return []
    return [
        SliceSummary(
            title=one.title,
            photos=one.num_photos,
            correct=one.num_correct,
            interval=one.interval,
            rest_accuracy=one.rest_accuracy,
            p_value=one.p_value,
        )
        for one in slices(found.predictions, found.catalog)
    ]


def _answers(found: Contents) -> Answers | None:
    if found.predictions is None or found.task.is_multi_label:
        return None
    threshold = threshold_of(found.model)
    answered, wrong = answered_and_wrong(found.predictions, threshold)
    return Answers(threshold=threshold, answered=answered, wrong=wrong)


def _caution(found: Contents) -> str:
    if found.evaluation is None:
        return f"Go on with: pawsight resume {shlex.quote(str(found.run.path))}"
    num_copies = found.evaluation.copies_across_parts or 0
    is_epoch_chosen = not found.is_head
    return first_screen.caution(found.evaluation.headline, num_copies, is_epoch_chosen)


def _findings(found: Contents) -> list[str]:
    """Return the sentences on the numbers, and on the curves where there are any."""
    return [*_of_metrics(found), *([] if found.is_head else [_of_curves(found)])]


def _of_metrics(found: Contents) -> list[str]:
    if found.part is None or found.metrics is None:
        return []
    if found.task.is_multi_label:
        return label_interpretation.findings(found.part, found.metrics, len(found.lost))
    return interpretation.findings(
        found.part,
        found.metrics,
        {name: row["train"] for name, row in photo_counts(found.catalog).items()},
        is_weighted=found.plan is not None and found.plan.class_weights is not None,
        num_lost=len(found.lost),
    )


def _of_curves(found: Contents) -> str:
    """Describe the curves; of a run that grew, with what it started from."""
    start = found.config.get("settings", {}).get("start_from")
    began_with_head = isinstance(found.plan, Plan) and found.plan.head_strength is not None
    if start is None or began_with_head:
        return interpretation.reading(found.history)
    started_with = f"the model that training started from ({start})"
    return interpretation.reading(found.history, started_with)
