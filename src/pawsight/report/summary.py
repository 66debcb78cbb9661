"""Compute the summary of a run that its report states: the fields of report.json."""

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


def summarise(contents: Contents) -> ReportSummary:
    """Compute the summary from the records of a run."""
    metrics, part = contents.metrics, contents.part
    first: dict[str, object] = {}
    if metrics is None or part is None:
        first = {"headline": "Not evaluated yet: this run did not get that far", "detail": ""}
    elif contents.task.is_multi_label:
        first = {
            "headline": label_interpretation.headline(part, metrics),
            "detail": label_interpretation.detail(part, metrics),
            "failures": label_interpretation.failures(metrics),
        }
    else:
        first = _single_label_fields(contents, metrics, part)
    noise = metrics.calibration_noise if metrics else None
    photos = {photo.path: photo for photo in contents.catalog.photos} if contents.catalog else {}
    defaults: dict[str, object] = {"failures": (), "steps": (), "confusions": ()}
    return ReportSummary.model_validate(
        defaults
        | first
        | {
            "version": __version__,
            "name": contents.name,
            "task": contents.task.name,
            "part": part,
            "caution": _caution(contents),
            "findings": _of_metrics(contents)
            + ([] if contents.is_head else [_of_curves(contents)]),
            "num_photos": metrics.n if metrics else 0,
            "num_correct": metrics.num_correct if metrics else 0,
            "scores": _scores(contents, metrics) if metrics else (),
            "calibration_noise": noise.mean if noise else None,
            "classes": _classes(metrics) if metrics else {},
            "slices": _slices(contents, photos),
            "learning_curve": contents.learning_curve,
            "more_photos": _more_photos(contents, photos),
            "robustness": contents.robustness,
            "shortcuts": _shortcuts(contents),
            "answers": _answers(contents),
            "unknown_classes": unknown_classes_sentence(contents.run),
            "none": none_sentence(contents.run),
            "photos": {
                name: {key: counts[key] for key in ("train", "validation", "test", "broken")}
                for name, counts in photo_counts(contents.catalog).items()
            },
        },
        from_attributes=True,
    )


def _single_label_fields(contents: Contents, metrics: PartMetrics, part: Part) -> dict[str, object]:
    """Return the fields of the first screen and the confusions, for photos with one label each."""
    counts_of_classes = photo_counts(contents.catalog).values()
    steps = first_screen.next_steps(
        metrics,
        contents.run.none_path.is_file(),
        shell_quoted(str(contents.run.path)),
        contents.shortcuts,
        contents.forecast,
        max((sum(counts[p] for p in PARTS) for counts in counts_of_classes), default=0),
    )
    return {
        "headline": first_screen.headline(part, metrics, contents.num_network_photos > 0),
        "detail": first_screen.detail(part, metrics),
        "failures": first_screen.failures(metrics),
        "steps": steps,
        "confusions": interpretation.top_confusions(metrics, _MAX_CONFUSIONS),
    }


def _scores(contents: Contents, metrics: PartMetrics) -> list[Score]:
    scores = [
        Score(
            key=score.key,
            title=score.title,
            value=metrics.scores.get(score.key),
            interval=metrics.intervals.get(score.key),
            meaning=score.meaning,
        )
        for score in scores_of(contents.task)
    ]
    return sorted(scores, key=lambda score: score.key != metrics.main_score)


def _classes(metrics: PartMetrics) -> dict[str, ClassSummary]:
    return {
        name: ClassSummary(
            photos=of_class.support,
            precision=of_class.precision,
            precision_interval=of_class.precision_interval,
            recall=of_class.recall,
            recall_interval=of_class.recall_interval,
            f1=of_class.f1,
        )
        for name, of_class in metrics.per_class.items()
    }


def _slices(contents: Contents, photos: Mapping[str, Photo]) -> list[SliceSummary]:
    if contents.predictions is None:
        return []
    return [
        SliceSummary(
            title=part_slice.title,
            photos=part_slice.num_photos,
            correct=part_slice.num_correct,
            interval=part_slice.interval,
            rest_accuracy=part_slice.rest_accuracy,
            p_value=part_slice.p_value,
        )
        for part_slice in slices(contents.predictions, photos)
    ]


def _more_photos(contents: Contents, photos: Mapping[str, Photo]) -> list[str]:
    """Describe the effect of more photos: of all classes, then of the classes that gain most."""
    curve, measured, metrics = contents.forecast, contents.learning_curve, contents.curve_metrics
    if measured is None or metrics is None:
        return []
    part = measured.part or contents.part or "test"
    if curve is None:
        return [measured.disagreement(metrics.accuracy, part)]
    gains = {
        name: needs.twice.accuracy - needs.now.accuracy for name, needs in curve.classes.items()
    }
    return [curve.sentence(metrics.accuracy, part)] + [
        curve.class_sentence(name, _worst_kind(contents.predictions, photos, name))
        for name in sorted(gains, key=lambda name: -gains[name])
    ]


def _worst_kind(predictions: Predictions | None, photos: Mapping[str, Photo], name: str) -> str:
    """Return the slice of a class with significantly more mistakes than the rest of it, or ""."""
    if predictions is None or name not in predictions.class_names:
        return ""
    of_class = predictions.only(predictions.labels == predictions.class_names.index(name))
    return next((worst.title for worst in slices(of_class, photos) if worst.is_worse), "")


def _shortcuts(contents: Contents) -> list[ShortcutSummary]:
    part = contents.part or "test"
    return [
        ShortcutSummary(
            cue=shortcut.cue,
            title=shortcut.title,
            label=shortcut.label,
            text=shortcut.text,
            effect=shortcut.effect,
            p_value=shortcut.p_value,
            use=shortcut.sentence(part),
            is_used=shortcut.is_used,
        )
        for shortcut in contents.shortcuts
    ]


def _answers(contents: Contents) -> Answers | None:
    if contents.predictions is None or contents.task.is_multi_label:
        return None
    threshold = threshold_of(contents.model)
    answered, wrong = coverage_and_risk(contents.predictions, threshold)
    return Answers(threshold=threshold, answered=answered, wrong=wrong)


def _caution(contents: Contents) -> str:
    if contents.evaluation is None:
        return f"Continue with: {resume_command(contents.run.place)}"
    num_copies = contents.evaluation.copies_across_parts or 0
    is_epoch_chosen = not contents.is_head
    return first_screen.caution(
        contents.evaluation.headline, num_copies, is_epoch_chosen, contents.num_network_photos
    )


def _of_metrics(contents: Contents) -> list[str]:
    if contents.part is None or contents.metrics is None:
        return []
    if contents.task.is_multi_label:
        return label_interpretation.findings(contents.part, contents.metrics, len(contents.lost))
    return interpretation.findings(
        contents.part,
        contents.metrics,
        {name: row["train"] for name, row in photo_counts(contents.catalog).items()},
        is_weighted=contents.plan is not None and contents.plan.class_weights is not None,
        num_lost=len(contents.lost),
    )


def _of_curves(contents: Contents) -> str:
    """Describe the curves; for a run that started from another model, name that model."""
    start = contents.config.get("settings", {}).get("start_from")
    began_with_head = isinstance(contents.plan, Plan) and contents.plan.head_strength is not None
    if start is None or began_with_head:
        text = interpretation.interpret(contents.history)
        if contents.averaging is None:
            return text
        return f"{contents.averaging.in_words()} The curves are of the first: {text}"
    started_with = f"the model that training started from ({start})"
    return interpretation.interpret(contents.history, started_with)
