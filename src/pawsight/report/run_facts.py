"""Format the facts of a run as rows of text: what was trained, how, and with which settings."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from pawsight.data.catalog import Catalog
from pawsight.formatting import duration
from pawsight.history import Epoch, best_epoch
from pawsight.models.description import ModelDescription
from pawsight.progress_text import count_text
from pawsight.training.plan import Cut, HeadPlan, Plan

# Fields of a plan that are shown elsewhere, or are long and only meant for programs.
_NOT_SHOWN = {"kind", "versions", "pieces"}


def training_rows(
    plan: Plan | HeadPlan | None,
    model: ModelDescription | None,
    history: list[Epoch],
    comparisons: Sequence[tuple[str, str]] = (),
) -> list[tuple[str, str]]:
    """Return rows of (name, text) on what was trained, how and for how long.

    Args:
        plan: The plan of the run, if there is one.
        model: The finished model, if there is one.
        history: The validations.
        comparisons: Rows on the comparisons after training; see `Contents.comparisons`.
    """
    rows: list[tuple[str, Any]] = [*(_of_plan(plan, model) if plan else ())]
    if history and isinstance(plan, HeadPlan):
        rows.append(("training time", duration(history[-1].seconds)))  # it has no epochs or steps
    elif history:
        rows += _of_history(history)
    rows += comparisons
    if plan is not None:
        rows += _of_steps(plan) if isinstance(plan, Plan) else ()
        rows += [("precision", plan.precision), ("hardware", plan.hardware)]
    rows.append(("versions", (plan and plan.versions) or (model and model.versions) or None))
    if model and (difference := model.onnx_largest_difference) is not None:
        rows.append(
            ("model.onnx", f"its probabilities differ from Keras' by at most {difference:.1g}")
        )
    return [(name, _text(value)) for name, value in rows if value not in (None, "")]


def plan_rows(plan: Plan | HeadPlan) -> list[tuple[str, str]]:
    """Return the short fields of a plan that are set, as (dotted name, text)."""
    return setting_rows(plan.model_dump(mode="json", exclude=_NOT_SHOWN, exclude_none=True))


def _of_plan(plan: Plan | HeadPlan, model: ModelDescription | None) -> list[tuple[str, Any]]:
    height, width = model.image_size if model else plan.image_size
    count = plan.num_parameters
    return [
        ("model", plan.model),
        ("parameters", None if count is None else f"{count:,}"),
        ("image size", f"{width} × {height} pixels ({plan.resize})"),
    ]


def _of_steps(plan: Plan) -> list[tuple[str, Any]]:
    sizes = [" × ".join(map(str, stage.image_size[::-1])) for stage in plan.stages]
    return [
        ("batch size", f"{plan.batch_size} photos"),
        ("while training", ", then ".join(sizes) if len(sizes) > 1 else None),
        ("limited by", plan.limited_by),
        *(("diverged", _divergence(cut)) for cut in plan.cuts),
        ("why that precision", plan.precision_reason),
    ]


def _of_history(history: list[Epoch]) -> list[tuple[str, Any]]:
    best, last = best_epoch(history), history[-1]
    rates = [row.images_per_second for row in history if row.images_per_second]
    mean = sum(rates) / len(rates) if rates else 0.0
    return [
        ("epochs", f"{last.epoch_text}, the best was {best.title}"),
        ("steps", f"{last.step:,}"),
        ("training time", duration(last.seconds)),
        ("speed", f"{count_text(mean, None, 'photos')} a second" if mean else None),
        ("own metrics", best.own_metrics or None),
    ]


def photo_counts(catalog: Catalog | None) -> dict[str, Counter[str]]:
    """Count the photos of each class by part; unreadable photos count as "broken"."""
    if catalog is None:
        return {}
    counts: dict[str, Counter[str]] = {}
    for photo in catalog.photos:
        for name in catalog.names_of(photo) or ("",):
            row = counts.setdefault(name, Counter())
            row["broken" if photo.problem else photo.part] += 1
    return dict(sorted(counts.items()))


def setting_rows(value: Any, name: str = "") -> list[tuple[str, str]]:
    """Convert nested settings to (dotted name, text)."""
    if isinstance(value, dict) and value:
        return [
            row
            for key, inner in value.items()
            for row in setting_rows(inner, f"{name}.{key}" if name else str(key))
        ]
    return [(name, _text(value))] if name else []


def _divergence(cut: Cut) -> str:
    return (
        f"at step {cut.diverged_at:,}; resumed from step {cut.step:,} with a learning rate of "
        f"{cut.factor:g} times the previous value"
    )


def _text(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{key} {_text(inner)}" for key, inner in value.items()) or "none"
    if isinstance(value, list):
        return ", ".join(map(_text, value)) or "none"
    if isinstance(value, float):
        return f"{value:g}"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "automatic" if value is None else str(value)
