"""The report of a run: one HTML file that needs nothing else.

Reads the run folder only (and, for the gallery, the photos it names), so that
a report can be made again at any time. No script, no link to anything outside,
every name escaped: it can be mailed, printed, and opened anywhere.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from math import inf
from pathlib import Path

from markupsafe import Markup
from matplotlib.figure import Figure

from pawsight import __version__
from pawsight.data.auditing.findings import Audit, GroupItem, SentenceItem
from pawsight.data.catalog import Catalog
from pawsight.data.pixel_scale import STANDARD
from pawsight.evaluation.label_scores import scores_of
from pawsight.evaluation.results import PartMetrics
from pawsight.formatting import counted, percent, shell_quoted
from pawsight.history import best_epoch
from pawsight.records import PARTS, Predictions
from pawsight.report import figures, interpretation, label_figures
from pawsight.report.contents import Contents
from pawsight.report.coverage import coverage_sentence, draw_coverage, threshold_of
from pawsight.report.data_page import write_data_page
from pawsight.report.figure_style import inline_svg, save_figure
from pawsight.report.gallery import (
    LabelMistake,
    Mistake,
    most_confident_label_mistakes,
    most_confident_mistakes,
)
from pawsight.report.heat_pictures import HeatPicture, draw_heat_pictures
from pawsight.report.learning_figure import draw_learning_curve
from pawsight.report.robustness_figure import draw_robustness
from pawsight.report.run_facts import photo_counts, plan_rows, setting_rows, training_rows
from pawsight.report.summary import summarise
from pawsight.report.templates import load_template
from pawsight.runs import Run
from pawsight.storage.atomic import write_json, write_text
from pawsight.training.plan import HeadPlan

MAX_ROWS = 20  # of a list, before the rest is folded away

# Heat maps of mistakes, and of right answers: one for so many photos of the run, each takes 65 runs
# of the model.
_PHOTOS_PER_HEAT_MAP = 250
_MAX_HEAT_MAPS = 4


def write_report(run: Run, worst_images: int = 24) -> Path:
    """Draw the figures of a run and write its report.html and report.json.

    A run that was stopped, or has no test part, gets a report of what there is.

    Args:
        run: The run folder; its figures and report are replaced.
        worst_images: How many of the surest mistakes are shown with a picture.

    Returns:
        The path of the report.

    Raises:
        RunError: A file of the run is damaged.
        DiskError: The report cannot be written.
    """
    facts = Contents.load(run)
    summary, predictions = summarise(facts), facts.predictions
    mistakes = _mistakes(facts, predictions, worst_images) if predictions else []
    page = load_template("template.html.j2").render(
        summary=summary,
        is_multi_label=facts.task.is_multi_label,
        part=facts.part,
        metrics=facts.metrics,
        head=facts.plan.head if isinstance(facts.plan, HeadPlan) else None,
        best=best_epoch(facts.history) if facts.history else None,
        has_other_sizes=len({row.validation_scale for row in facts.history}) > 1,
        rules=interpretation.RULES,
        counts=photo_counts(facts.catalog),
        parts=PARTS,
        cards=_cards(facts),
        figures=_draw(facts),
        hardest_first=_hardest_first(facts.metrics),
        confusions=interpretation.top_confusions(facts.metrics, MAX_ROWS) if facts.metrics else [],
        mistakes=mistakes,
        heat_pictures=_heat_pictures(facts, mistakes),
        broken=_broken(facts.catalog),
        unusual=_unusual(facts.audit),
        lost=[(one.path, one.problem) for one in facts.lost],
        num_copies=facts.evaluation.copies_across_parts if facts.evaluation else None,
        coverage=coverage_sentence(predictions, threshold_of(facts.model))
        if predictions and summary.answers
        else "",
        temperature=facts.evaluation.temperature if facts.evaluation else None,
        training=training_rows(facts.plan, facts.model, facts.history, facts.averaging),
        settings=setting_rows(facts.config.get("settings", {})),
        plan=plan_rows(facts.plan) if facts.plan else [],
        source=facts.config.get("source", ""),
        run_path=str(run.path),
        shell_path=shell_quoted(str(run.path)),
        python_path=repr(str(run.path)),
        most_rows=MAX_ROWS,
        version=__version__,
    )
    write_text(run.report_path, page)
    write_json(run.report_json_path, summary.model_dump())
    if facts.audit is not None and facts.catalog is not None:
        write_data_page(facts.audit, facts.catalog, run.data_page_path)
    return run.report_path


def _mistakes(
    facts: Contents, predictions: Predictions, most: int
) -> Sequence[Mistake | LabelMistake]:
    scale = facts.model.pixel_scale if facts.model else STANDARD
    find = most_confident_label_mistakes if facts.task.is_multi_label else most_confident_mistakes
    return find(predictions, facts.root, most, scale)


def _heat_pictures(
    facts: Contents, mistakes: Sequence[Mistake | LabelMistake]
) -> list[HeatPicture]:
    predictions, num_photos = facts.predictions, len(facts.catalog.photos) if facts.catalog else 0
    if predictions is None:
        return []
    most = min(_MAX_HEAT_MAPS, max(1, num_photos // _PHOTOS_PER_HEAT_MAP))
    return draw_heat_pictures(facts.run, predictions, mistakes, facts.root, most)


def _draw(facts: Contents) -> dict[str, Markup]:
    """Draw every figure that there are numbers for; save it, and give it for the page."""
    drawings: dict[str, Callable[[], Figure]] = {}
    if facts.history and not facts.is_head:
        drawings["accuracy"] = lambda: figures.draw_history(facts.history, "accuracy")
        drawings["loss"] = lambda: figures.draw_history(facts.history, "loss")
    metrics, predictions = facts.metrics, facts.predictions
    curves = facts.curves.get(facts.part) if facts.part else None
    if metrics and facts.task.is_multi_label:
        drawings["reliability"] = lambda: label_figures.draw_label_reliability(metrics)
        if predictions is not None:
            drawings["thresholds"] = lambda: label_figures.draw_thresholds(predictions, metrics)
    elif metrics:
        if metrics.confusion_matrix:
            drawings["confusion"] = lambda: figures.draw_confusion(metrics)
        if metrics.reliability:
            drawings["reliability"] = lambda: figures.draw_reliability(metrics)
        if facts.forecast is not None:
            drawings["learning-curve"] = partial(draw_learning_curve, facts.forecast)
        if predictions is not None:
            drawings["coverage"] = lambda: draw_coverage(predictions, threshold_of(facts.model))
    if metrics and facts.robustness is not None:
        drawings["robustness"] = partial(draw_robustness, facts.robustness)
    if metrics and curves:
        drawings["roc"] = lambda: figures.draw_roc(curves, metrics)
        drawings["precision-recall"] = lambda: figures.draw_precision_recall(curves, metrics)
    drawn = {}
    for name, draw in drawings.items():
        svg = save_figure(draw(), facts.run.figures_dir / name)
        # Matplotlib has escaped the names inside.
        drawn[name] = Markup(inline_svg(svg, name))
    return drawn


def _hardest_first(metrics: PartMetrics | None) -> list[str]:
    """Return the classes by rising recall; those without photos last."""
    if metrics is None:
        return []
    recalls = {name: one.recall for name, one in metrics.per_class.items()}
    return sorted(recalls, key=lambda name: inf if (share := recalls[name]) is None else share)


def _unusual(audit: Audit | None) -> list[tuple[str, str]]:
    """Return what the audit of the photos found, and how much of it; the most serious first."""
    unusual = []
    for finding in audit.findings.values() if audit else ():
        if isinstance(first := next(iter(finding.items), None), SentenceItem):
            unusual.append((finding.title, first.reason))
        elif finding.items:
            noun = "group" if finding.kind is GroupItem else "photo"
            unusual.append((finding.title, counted(len(finding.items), noun)))
    return unusual


def _broken(catalog: Catalog | None) -> list[tuple[str, str]]:
    if catalog is None:
        return []
    return [(photo.path, photo.problem) for photo in catalog.photos if photo.problem]


def _cards(facts: Contents) -> list[tuple[str, str, str]]:
    """Return the figures at the top: value, name, what it means."""
    metrics = facts.metrics
    if metrics is None:
        return []
    cards = [
        (score.text(metrics.scores.get(score.key)), score.title, score.meaning)
        for score in scores_of(facts.task)
        if score.key != metrics.main_score  # that one is in the headline
    ]
    if facts.task.is_multi_label:
        return cards
    baseline = percent(metrics.baseline_accuracy)
    return [*cards, (baseline, "baseline", "always answering the most frequent class")]
