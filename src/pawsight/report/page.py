"""The report of a run: one HTML file that needs nothing else.

Reads the run folder only (and, for the gallery, the photos it names), so that
a report can be made again at any time. No script, no link to anything outside,
every name escaped: it can be mailed, printed, and opened anywhere.
"""

from __future__ import annotations

import shlex
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from markupsafe import Markup
from matplotlib.figure import Figure

from pawsight import __version__
from pawsight.data.auditing.findings import Audit, GroupItem, SentenceItem
from pawsight.data.catalog import Catalog
from pawsight.data.pixel_scale import STANDARD
from pawsight.evaluation.label_scores import scores_of
from pawsight.evaluation.none_measurement import none_sentence
from pawsight.evaluation.predictions import load_predictions
from pawsight.evaluation.results import Curves, Evaluation, LostPhoto, PartMetrics, load_curves
from pawsight.formatting import counted, percent
from pawsight.history import Epoch, best_epoch, load_history
from pawsight.models.description import ModelDescription
from pawsight.records import PARTS, Part, Predictions
from pawsight.report import figures, interpretation, label_figures, label_interpretation
from pawsight.report.answered import answered, draw_coverage, threshold_of
from pawsight.report.data_page import write_data_page
from pawsight.report.figure_style import inline_svg, save_figure
from pawsight.report.gallery import surest_label_mistakes, surest_mistakes
from pawsight.report.run_facts import photo_counts, setting_rows, training_rows
from pawsight.report.templates import load_template
from pawsight.runs import Run
from pawsight.storage.atomic import write_text
from pawsight.task import MULTI_LABEL, SINGLE_LABEL, Task

MOST_ROWS = 20  # of a list, before the rest is folded away
_NOT_SHOWN = (
    "kind",
    "versions",
    "pieces",
)  # of the plan: shown elsewhere, or long and for programs


@dataclass(frozen=True, slots=True)
class _Facts:
    """What the run folder holds; whatever the run did not get to is empty."""

    config: dict[str, Any]
    plan: dict[str, Any]
    model: ModelDescription | None
    history: list[Epoch]
    evaluation: Evaluation | None
    curves: dict[Part, Curves]
    task: Task
    catalog: Catalog | None
    audit: Audit | None

    @property
    def part(self) -> Part | None:
        """The part that makes the headline."""
        return self.evaluation.headline if self.evaluation else None

    @property
    def metrics(self) -> PartMetrics | None:
        """The metrics of that part."""
        return self.evaluation.main if self.evaluation else None

    @property
    def lost(self) -> tuple[LostPhoto, ...]:
        """Photos that could no longer be read."""
        return self.evaluation.lost if self.evaluation else ()


def write_report(run: Run, worst_images: int = 24) -> Path:
    """Draw the figures of a run and write its report.html.

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
    facts = _gather(run)
    predictions = None
    if facts.part and run.predictions_path(facts.part).is_file():
        predictions = load_predictions(run.predictions_path(facts.part), facts.task)
    page = load_template("template.html.j2").render(
        name=_name(run, facts),
        is_multi_label=facts.task.is_multi_label,
        part=facts.part,
        metrics=facts.metrics,
        headline=_headline(facts),
        caution=_caution(run, facts),
        curves_reading=None if "head" in facts.plan else _curves_reading(facts),
        head=facts.plan.get("head"),
        best=best_epoch(facts.history) if facts.history else None,
        findings=_findings(facts),
        rules=interpretation.RULES,
        counts=photo_counts(facts.catalog),
        parts=PARTS,
        cards=_cards(facts),
        figures=_draw(run, facts, predictions),
        hardest_first=_hardest_first(facts.metrics),
        confusions=interpretation.top_confusions(facts.metrics, MOST_ROWS) if facts.metrics else [],
        mistakes=_mistakes(facts, predictions, worst_images) if predictions else [],
        broken=_broken(facts.catalog),
        unusual=_unusual(facts.audit),
        lost=[(one.path, one.problem) for one in facts.lost],
        num_copies=facts.evaluation.copies_across_parts if facts.evaluation else None,
        none_sentence=none_sentence(run),
        **answered(run, facts.model, facts.metrics, predictions),
        temperature=facts.evaluation.temperature if facts.evaluation else None,
        training=training_rows(facts.plan, facts.model, facts.history),
        settings=setting_rows(facts.config.get("settings", {})),
        plan=setting_rows(_shown(facts.plan)),
        source=facts.config.get("source", ""),
        run_path=str(run.path),
        shell_path=shlex.quote(str(run.path)),
        python_path=repr(str(run.path)),
        most_rows=MOST_ROWS,
        version=__version__,
    )
    write_text(run.report_path, page)
    if facts.audit is not None and facts.catalog is not None:
        write_data_page(facts.audit, facts.catalog, run.data_page_path)
    return run.report_path


def _mistakes(facts: _Facts, predictions: Predictions, most: int) -> Sequence[object]:
    scale = facts.model.pixel_scale if facts.model else STANDARD
    find = surest_label_mistakes if facts.task.is_multi_label else surest_mistakes
    return find(predictions, Path(facts.config.get("root", "")), most, scale)


def _shown(plan: dict[str, Any]) -> dict[str, Any]:
    return {key: plan[key] for key in plan if key not in _NOT_SHOWN and plan[key] is not None}


def _gather(run: Run) -> _Facts:
    def json_of(path: Path) -> dict[str, Any]:
        return run.read_json(path) if path.is_file() else {}

    config = json_of(run.config_path)
    is_done = run.model_path.is_file()
    task = ModelDescription.load(run).labelling if is_done else _planned_task(config)
    has_catalog = run.catalog_path.is_file()
    return _Facts(
        config=config,
        plan=json_of(run.plan_path),
        model=ModelDescription.load(run) if run.model_path.is_file() else None,
        history=load_history(run.history_path) if run.history_path.is_file() else [],
        evaluation=Evaluation.load(run) if run.metrics_path.is_file() else None,
        curves=load_curves(run),
        task=task,
        catalog=Catalog.load(run.catalog_path, Path(config.get("root", "")), task)
        if has_catalog
        else None,
        audit=Audit.from_json(run.read_json(run.audit_path), run.audit_path)
        if run.audit_path.is_file()
        else None,
    )


def _planned_task(config: dict[str, Any]) -> Task:
    is_several = config.get("settings", {}).get("source", {}).get("multi_label", False)
    return MULTI_LABEL if is_several else SINGLE_LABEL


def _draw(run: Run, facts: _Facts, predictions: Predictions | None) -> dict[str, Markup]:
    """Draw every figure that there are numbers for; save it, and give it for the page."""
    wanted: dict[str, Callable[[], Figure]] = {}
    if facts.history and "head" not in facts.plan:
        wanted["accuracy"] = lambda: figures.draw_history(facts.history, "accuracy")
        wanted["loss"] = lambda: figures.draw_history(facts.history, "loss")
    metrics = facts.metrics
    curves = facts.curves.get(facts.part) if facts.part else None
    if metrics and facts.task.is_multi_label:
        wanted["reliability"] = lambda: label_figures.draw_label_reliability(metrics)
        if predictions is not None:
            wanted["thresholds"] = lambda: label_figures.draw_thresholds(predictions, metrics)
    elif metrics:
        wanted["confusion"] = lambda: figures.draw_confusion(metrics)
        wanted["reliability"] = lambda: figures.draw_reliability(metrics)
        if predictions is not None:
            wanted["coverage"] = lambda: draw_coverage(predictions, threshold_of(facts.model))
    if metrics and curves:
        wanted["roc"] = lambda: figures.draw_roc(curves, metrics)
        wanted["precision-recall"] = lambda: figures.draw_precision_recall(curves, metrics)
    drawn = {}
    for name, draw in wanted.items():
        figure = draw()
        save_figure(figure, run.figures_dir / name)
        # Matplotlib has escaped the names inside.
        drawn[name] = Markup(inline_svg(figure, name))
    return drawn


def _name(run: Run, facts: _Facts) -> str:
    """Return what the photos are called."""
    source = Path(facts.config.get("source", "")).name
    return facts.config.get("name") or source or run.path.name


def _curves_reading(facts: _Facts) -> str:
    """Describe the curves; of a run that grew, with what it started from."""
    start = facts.config.get("settings", {}).get("start_from")
    if start is None or facts.plan.get("head_strength") is not None:
        return interpretation.reading(facts.history)
    return interpretation.reading(facts.history, f"the model that training started from ({start})")


def _headline(facts: _Facts) -> str:
    if facts.part is None or facts.metrics is None:
        return "Not evaluated yet: this run did not get that far"
    if facts.task.is_multi_label:
        return label_interpretation.headline(facts.part, facts.metrics)
    return interpretation.headline(facts.part, facts.metrics)


def _caution(run: Run, facts: _Facts) -> str:
    if facts.evaluation is None:
        return f"Go on with: pawsight resume {shlex.quote(str(run.path))}"
    num_copies = facts.evaluation.copies_across_parts or 0
    return interpretation.caution(
        facts.evaluation.headline, num_copies, is_epoch_chosen="head" not in facts.plan
    )


def _hardest_first(metrics: PartMetrics | None) -> list[str]:
    """Return the classes by rising recall; those without photos last."""
    if metrics is None:
        return []
    recalls = {name: found.recall for name, found in metrics.per_class.items()}
    return sorted(recalls, key=lambda name: 2.0 if (share := recalls[name]) is None else share)


def _findings(facts: _Facts) -> list[str]:
    if facts.part is None or facts.metrics is None:
        return []
    if facts.task.is_multi_label:
        return label_interpretation.findings(facts.part, facts.metrics, len(facts.lost))
    counts = photo_counts(facts.catalog)
    num_train = {name: row["train"] for name, row in counts.items()}
    return interpretation.findings(
        facts.part,
        facts.metrics,
        num_train,
        is_weighted=facts.plan.get("class_weights") is not None,
        num_lost=len(facts.lost),
    )


def _unusual(audit: Audit | None) -> list[tuple[str, str]]:
    """Return what the audit of the photos found, and how much of it; the most serious first."""
    unusual = []
    for found in audit.findings.values() if audit else ():
        if isinstance(first := next(iter(found.items), None), SentenceItem):
            unusual.append((found.title, first.reason))
        elif found.items:
            noun = "group" if found.kind is GroupItem else "photo"
            unusual.append((found.title, counted(len(found.items), noun)))
    return unusual


def _broken(catalog: Catalog | None) -> list[tuple[str, str]]:
    if catalog is None:
        return []
    return [(photo.path, photo.problem) for photo in catalog.photos if photo.problem]


def _cards(facts: _Facts) -> list[tuple[str, str, str]]:
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
