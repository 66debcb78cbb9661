"""Write the report of a run as a self-contained HTML file.

Only the run folder is read (and, for the gallery, the photos of the run), so that a
report can be written again at any time. The page has no script and no external link, and
every name is escaped: it can be mailed, printed, and opened anywhere.
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

MAX_ROWS = 20  # of a list, before the rest is collapsed

# A heat map takes 65 runs of the model, so their number depends on the photos of the run.
_PHOTOS_PER_HEAT_MAP = 250
_MAX_HEAT_MAPS = 4  # of mistakes, and of correct answers


def write_report(run: Run, worst_images: int = 24) -> Path:
    """Draw the figures of a run and write its report.html and report.json.

    The report of a run that was stopped, or has no test part, leaves out what is missing.

    Args:
        run: The run folder; its figures and report are replaced.
        worst_images: How many of the most confident mistakes are shown with a picture.

    Returns:
        The path of the report.

    Raises:
        RunError: A file of the run is damaged.
        DiskError: The report cannot be written.
    """
    contents = Contents.load(run)
    summary, predictions, metrics = summarise(contents), contents.predictions, contents.metrics
    mistakes = _mistakes(contents, predictions, worst_images) if predictions else []
    page = load_template("template.html.j2").render(
        summary=summary,
        is_multi_label=contents.task.is_multi_label,
        part=contents.part,
        metrics=metrics,
        head=contents.plan.head if isinstance(contents.plan, HeadPlan) else None,
        best=best_epoch(contents.history) if contents.history else None,
        has_other_sizes=len({row.validation_scale for row in contents.history}) > 1,
        rules=interpretation.RULES,
        counts=photo_counts(contents.catalog),
        parts=PARTS,
        cards=_cards(contents),
        figures=_draw(contents),
        hardest_first=_hardest_first(metrics),
        confusions=interpretation.top_confusions(metrics, MAX_ROWS) if metrics else [],
        mistakes=mistakes,
        heat_pictures=_heat_pictures(contents, mistakes),
        broken=_broken(contents.catalog),
        unusual=_unusual(contents.audit),
        lost=[(photo.path, photo.problem) for photo in contents.lost],
        num_copies=contents.evaluation.copies_across_parts if contents.evaluation else None,
        coverage=_coverage(contents) if summary.answers else "",
        temperature=contents.evaluation.temperature if contents.evaluation else None,
        training=training_rows(
            contents.plan, contents.model, contents.history, contents.comparisons
        ),
        settings=setting_rows(contents.config.get("settings", {})),
        plan=plan_rows(contents.plan) if contents.plan else [],
        source=contents.config.get("source", ""),
        run_path=str(run.path),
        shell_path=shell_quoted(str(run.path)),
        python_path=repr(str(run.path)),
        most_rows=MAX_ROWS,
        version=__version__,
    )
    write_text(run.report_path, page)
    write_json(run.report_json_path, summary.model_dump())
    if contents.audit is not None and contents.catalog is not None:
        write_data_page(contents.audit, contents.catalog, run.data_page_path)
    return run.report_path


def _coverage(contents: Contents) -> str:
    predictions = contents.predictions
    return coverage_sentence(predictions, threshold_of(contents.model)) if predictions else ""


def _mistakes(
    contents: Contents, predictions: Predictions, most: int
) -> Sequence[Mistake | LabelMistake]:
    scale = contents.model.pixel_scale if contents.model else STANDARD
    find = (
        most_confident_label_mistakes if contents.task.is_multi_label else most_confident_mistakes
    )
    return find(predictions, contents.root, most, scale)


def _heat_pictures(
    contents: Contents, mistakes: Sequence[Mistake | LabelMistake]
) -> list[HeatPicture]:
    predictions, num_photos = (
        contents.predictions,
        len(contents.catalog.photos) if contents.catalog else 0,
    )
    if predictions is None:
        return []
    most = min(_MAX_HEAT_MAPS, max(1, num_photos // _PHOTOS_PER_HEAT_MAP))
    return draw_heat_pictures(contents.run, predictions, mistakes, contents.root, most)


def _draw(contents: Contents) -> dict[str, Markup]:
    """Draw and save every figure for which the run has numbers; return them as inline SVG."""
    drawings: dict[str, Callable[[], Figure]] = {}
    if contents.history and not contents.is_head:
        drawings["accuracy"] = lambda: figures.draw_history(contents.history, "accuracy")
        drawings["loss"] = lambda: figures.draw_history(contents.history, "loss")
    metrics, predictions = contents.metrics, contents.predictions
    curves = contents.curves.get(contents.part) if contents.part else None
    if metrics and contents.task.is_multi_label:
        drawings["reliability"] = lambda: label_figures.draw_label_reliability(metrics)
        if predictions is not None:
            drawings["thresholds"] = lambda: label_figures.draw_thresholds(predictions, metrics)
    elif metrics:
        if metrics.confusion_matrix:
            drawings["confusion"] = lambda: figures.draw_confusion(metrics)
        if metrics.reliability:
            drawings["reliability"] = lambda: figures.draw_reliability(metrics)
        if contents.forecast is not None:
            drawings["learning-curve"] = partial(draw_learning_curve, contents.forecast)
        if predictions is not None:
            drawings["coverage"] = lambda: draw_coverage(predictions, threshold_of(contents.model))
    if metrics and contents.robustness is not None:
        drawings["robustness"] = partial(draw_robustness, contents.robustness)
    if metrics and curves:
        drawings["roc"] = lambda: figures.draw_roc(curves, metrics)
        drawings["precision-recall"] = lambda: figures.draw_precision_recall(curves, metrics)
    drawn = {}
    for name, draw in drawings.items():
        svg = save_figure(draw(), contents.run.figures_dir / name)
        # Matplotlib has escaped the names inside.
        drawn[name] = Markup(inline_svg(svg, name))
    return drawn


def _hardest_first(metrics: PartMetrics | None) -> list[str]:
    """Return the classes in order of ascending recall; classes without photos last."""
    if metrics is None:
        return []
    recalls = {name: of_class.recall for name, of_class in metrics.per_class.items()}
    return sorted(recalls, key=lambda name: inf if (recall := recalls[name]) is None else recall)


def _unusual(audit: Audit | None) -> list[tuple[str, str]]:
    """Return the title of each finding of the audit, and its sentence or number of items."""
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


def _cards(contents: Contents) -> list[tuple[str, str, str]]:
    """Return the numbers at the top of the page as (value, name, meaning)."""
    metrics = contents.metrics
    if metrics is None:
        return []
    cards = [
        (score.text(metrics.scores.get(score.key)), score.title, score.meaning)
        for score in scores_of(contents.task)
        if score.key != metrics.main_score  # which is in the headline
    ]
    if contents.task.is_multi_label:
        return cards
    baseline = percent(metrics.baseline_accuracy)
    return [*cards, (baseline, "baseline", "always answering the most frequent class")]
