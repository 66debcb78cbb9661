"""Compute what the report of a run states: the fields of report.json."""

from __future__ import annotations

from collections.abc import Mapping

from pawsight import __version__
from pawsight.evaluation.label_scores import scores_of
from pawsight.evaluation.none_measurement import none_sentence
from pawsight.evaluation.results import PartMetrics
from pawsight.evaluation.slices import slices
from pawsight.evaluation.unknown_classes import unknown_classes_sentence
from pawsight.formatting import resume_command, shell_quoted
from pawsight.records import PARTS, Part, Photo, Predictions
from pawsight.report import first_screen, interpretation, label_interpretation
from pawsight.report.contents import Contents
from pawsight.report.coverage import coverage_and_risk, threshold_of
from pawsight.report.report_fields import (
    Answers,
    ClassSummary,
    ReportSummary,
    Score,
    ShortcutSummary,
    SliceSummary,
)
from pawsight.report.run_facts import photo_counts
from pawsight.training.plan import Plan

_MAX_CONFUSIONS = 20


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
        facts = _of_one_label(found, metrics, part)
    noise = metrics.calibration_noise if metrics else None
    photos = {photo.path: photo for photo in found.catalog.photos} if found.catalog else {}
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
            "slices": _slices(found, photos),
            "learning_curve": found.learning_curve,
            "more_photos": _more_photos(found, photos),
            "robustness": found.robustness,
            "shortcuts": _shortcuts(found),
            "answers": _answers(found),
            "unknown_classes": unknown_classes_sentence(found.run),
            "none": none_sentence(found.run),
            "photos": {
                name: {key: counts[key] for key in ("train", "validation", "test", "broken")}
                for name, counts in photo_counts(found.catalog).items()
            },
        },
        from_attributes=True,
    )


def _of_one_label(found: Contents, metrics: PartMetrics, part: Part) -> dict[str, object]:
    """Return the first screen and the confusions, where each photo has one label."""
    counted = photo_counts(found.catalog).values()
    steps = first_screen.next_steps(
        metrics,
        found.run.none_path.is_file(),
        shell_quoted(str(found.run.path)),
        found.shortcuts,
        found.forecast,
        max((sum(counts[p] for p in PARTS) for counts in counted), default=0),
    )
    return {
        "headline": first_screen.headline(part, metrics, found.num_network_photos > 0),
        "detail": first_screen.detail(part, metrics),
        "failures": first_screen.failures(metrics),
        "steps": steps,
        "confusions": interpretation.top_confusions(metrics, _MAX_CONFUSIONS),
    }


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


def _slices(found: Contents, photos: Mapping[str, Photo]) -> list[SliceSummary]:
    if found.predictions is None:
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
        for one in slices(found.predictions, photos)
    ]


def _more_photos(found: Contents, photos: Mapping[str, Photo]) -> list[str]:
    """Return what more photos would bring: of all, then of the classes that gain most."""
    curve, measured, metrics = found.forecast, found.learning_curve, found.curve_metrics
    if measured is None or metrics is None:
        return []
    part = measured.part or found.part or "test"
    if curve is None:
        return [measured.disagreement(metrics.accuracy, part)]
    gains = {name: one.twice.accuracy - one.now.accuracy for name, one in curve.classes.items()}
    return [curve.sentence(metrics.accuracy, part)] + [
        curve.class_sentence(name, _worst_kind(found.predictions, photos, name))
        for name in sorted(gains, key=lambda name: -gains[name])
    ]


def _worst_kind(predictions: Predictions | None, photos: Mapping[str, Photo], name: str) -> str:
    """Return the kind of photos of a class that is mistaken more often than its others, or ""."""
    if predictions is None or name not in predictions.class_names:
        return ""
    own = predictions.only(predictions.labels == predictions.class_names.index(name))
    worst = next((one for one in slices(own, photos) if one.is_worse), None)
    return worst.title if worst else ""


def _shortcuts(found: Contents) -> list[ShortcutSummary]:
    part = found.part or "test"
    return [
        ShortcutSummary(
            cue=one.cue,
            title=one.title,
            label=one.label,
            text=one.text,
            effect=one.effect,
            p_value=one.p_value,
            use=one.sentence(part),
            is_used=one.is_used,
        )
        for one in found.shortcuts
    ]


def _answers(found: Contents) -> Answers | None:
    if found.predictions is None or found.task.is_multi_label:
        return None
    threshold = threshold_of(found.model)
    answered, wrong = coverage_and_risk(found.predictions, threshold)
    return Answers(threshold=threshold, answered=answered, wrong=wrong)


def _caution(found: Contents) -> str:
    if found.evaluation is None:
        return f"Go on with: {resume_command(found.run.place)}"
    num_copies = found.evaluation.copies_across_parts or 0
    is_epoch_chosen = not found.is_head
    return first_screen.caution(
        found.evaluation.headline, num_copies, is_epoch_chosen, found.num_network_photos
    )


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
        text = interpretation.interpret(found.history)
        if found.averaging is None:
            return text
        return f"{found.averaging.in_words()} The curves are of the first: {text}"
    started_with = f"the model that training started from ({start})"
    return interpretation.interpret(found.history, started_with)
