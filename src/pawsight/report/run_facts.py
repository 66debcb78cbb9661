"""The facts of a run as rows of text: what was trained, how, and with which settings."""

from __future__ import annotations

from collections import Counter
from typing import Any

from pawsight.data.catalog import Catalog
from pawsight.formatting import duration
from pawsight.history import Epoch, best_epoch
from pawsight.models.description import ModelDescription


def training_rows(
    plan: dict[str, Any], model: ModelDescription | None, history: list[Epoch]
) -> list[tuple[str, str]]:
    """Return what was trained and for how long, as (name, text).

    Args:
        plan: What plan.json holds.
        model: The description of the model, if it was saved.
        history: One record per epoch.
    """
    rows: list[tuple[str, Any]] = [("model", plan.get("model"))]
    if "num_parameters" in plan:
        rows.append(("parameters", f"{plan['num_parameters']:,}"))
    if "image_size" in plan:
        height, width = plan["image_size"]
        shape = plan.get("resize")
        rows.append(("image size", f"{width} × {height} pixels" + (f" ({shape})" if shape else "")))
    if len(plan.get("stages", ())) > 1:
        sizes = [" × ".join(map(str, stage["image_size"][::-1])) for stage in plan["stages"]]
        rows.append(("while training", ", then ".join(sizes)))
    if history:
        best, last = best_epoch(history), history[-1]
        rates = [row.images_per_second for row in history if row.images_per_second] or [0.0]
        rate = sum(rates) / len(rates)
        rows += [
            ("epochs", f"{last.epoch_text}, the best was {best.title}"),
            ("steps", f"{last.step:,} of {plan.get('batch_size', '?')} photos"),
            ("training time", duration(last.seconds)),
            ("speed", f"{rate:,.0f} photos a second"),
            ("limited by", plan.get("limited_by")),
            ("own metrics", best.own_metrics or None),
        ]
    rows += [("diverged", _divergence(cut)) for cut in plan.get("cuts", ())]
    rows.append(("precision", plan.get("precision")))
    rows.append(("why that precision", plan.get("precision_reason")))
    rows.append(("hardware", plan.get("hardware")))
    rows.append(("versions", plan.get("versions", (model and model.versions) or None)))
    if model and (difference := model.onnx_largest_difference) is not None:
        rows.append(
            ("model.onnx", f"its probabilities differ from Keras' by at most {difference:.1g}")
        )
    return [(name, _text(value)) for name, value in rows if value not in (None, "")]


def photo_counts(catalog: Catalog | None) -> dict[str, Counter[str]]:
    """Count per class how many photos each part has, and how many could not be read."""
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


def _divergence(cut: dict[str, Any]) -> str:
    return (
        f"at step {cut['diverged_at']:,}; resumed from step {cut['step']:,} with a learning rate "
        f"of {cut['factor']:g} times the one before"
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
