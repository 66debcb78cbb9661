"""How good the predictions are, as numbers a person can trust and a file can hold.

Everything here is made of plain numbers, lists and text, ready for JSON. What
cannot be said (the recall of a class without photos) is None, not 0 and not 1.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import sqrt
from typing import Any

import numpy as np
from sklearn.metrics import (
    average_precision_score,
    confusion_matrix,
    precision_recall_curve,
    precision_recall_fscore_support,
    roc_auc_score,
    roc_curve,
)

from pawsight.class_weights import is_imbalanced
from pawsight.errors import ShapeError
from pawsight.evaluation.predictions import save_predictions
from pawsight.records import FloatArray, IntArray, Part, Predictions
from pawsight.runs import Run
from pawsight.storage.atomic import write_json

NUM_BINS = 15  # of the calibration error. Source: arXiv:1706.04599
LOWEST_PROBABILITY = 1e-7  # in the log loss; float32 cannot say 1 minus less
MOST_CURVE_POINTS = 200
_Z = 1.959963984540054  # of a 95 % interval


def measure(predictions: Predictions, is_uneven: bool = False) -> dict[str, Any]:
    """Work out every metric of one part.

    Args:
        predictions: Truth and probabilities of the part.
        is_uneven: Whether the classes of the training part are.

    Returns:
        `n`, `num_correct`, `accuracy`, `accuracy_interval` (95 %, Wilson
        score), `balanced_accuracy` (mean recall of the classes present) and
        `balanced_accuracy_interval`, `is_imbalanced` (whether the classes here
        or in training differ by more than 1.5 to 1, so that the balanced
        accuracy is the one to quote), `macro_f1`, `log_loss` (natural, of
        probabilities raised to at least `log_loss_clip`), `roc_auc` and
        `average_precision` (one class against the rest, mean over classes; of
        the ROC areas two classes share one),
        `calibration_error` and its `reliability` bins, `baseline_accuracy`
        (always saying `baseline_class`, the most frequent one), `class_names`,
        `per_class` (by name: precision, recall, f1, support, roc_auc,
        average_precision) and `confusion_matrix` (a row per true class, a
        column per predicted one). A prediction is the most probable class;
        ties go to the lower index. None stands for what is undefined.

    Raises:
        ShapeError: The arrays disagree, or there is no photo.
    """
    labels, probs = _checked(predictions)
    n, num_classes = probs.shape
    guesses = probs.argmax(axis=1)
    num_correct = int((guesses == labels).sum())
    per_class = _per_class(labels, guesses, probs, predictions.class_names)
    support = np.bincount(labels, minlength=num_classes)
    areas = [found["roc_auc"] for found in per_class.values()]
    hits = np.bincount(labels[guesses == labels], minlength=num_classes)
    return {
        "n": n,
        "num_correct": num_correct,
        "accuracy": num_correct / n,
        "accuracy_interval": wilson_interval(num_correct, n),
        "balanced_accuracy": _mean([found["recall"] for found in per_class.values()]),
        "balanced_accuracy_interval": balanced_interval(hits, support),
        "is_imbalanced": is_uneven or is_imbalanced(support.tolist()),
        "macro_f1": _mean([found["f1"] for found in per_class.values()]),
        "log_loss": log_loss(labels, probs),
        "log_loss_clip": LOWEST_PROBABILITY,
        "roc_auc": areas[1] if num_classes == 2 else _mean(areas),
        "average_precision": _mean([found["average_precision"] for found in per_class.values()]),
        **_calibration(probs.max(axis=1), guesses == labels),
        "baseline_accuracy": int(support.max()) / n,
        "baseline_class": predictions.class_names[int(support.argmax())],
        "class_names": list(predictions.class_names),
        "per_class": per_class,
        "confusion_matrix": confusion_matrix(
            labels, guesses, labels=np.arange(num_classes)
        ).tolist(),
    }


def curves(predictions: Predictions) -> dict[str, Any]:
    """Trace the ROC and the precision-recall curve of each class against the rest.

    Returns:
        By class name: {"roc": {"false_positive_rate", "true_positive_rate"},
        "precision_recall": {"recall", "precision"}}, lists of at most 200
        points. A curve is None where the part has no photo of the class, or
        for the ROC none of another class.

    Raises:
        ShapeError: The arrays disagree, or there is no photo.
    """
    labels, probs = _checked(predictions)
    found: dict[str, Any] = {}
    for k, name in enumerate(predictions.class_names):
        truth, scores = labels == k, probs[:, k]
        roc = precision_recall = None
        if truth.any() and not truth.all():
            false_rate, true_rate, _ = roc_curve(truth, scores)
            roc = {
                "false_positive_rate": _thinned(false_rate),
                "true_positive_rate": _thinned(true_rate),
            }
        if truth.any():
            precision, recall, _ = precision_recall_curve(truth, scores, drop_intermediate=True)
            precision_recall = {
                "recall": _thinned(recall[::-1]),
                "precision": _thinned(precision[::-1]),
            }
        found[name] = {"roc": roc, "precision_recall": precision_recall}
    return found


def save_evaluation(
    run: Run,
    predictions: dict[Part, Predictions],
    temperature: float = 1.0,
    copies_across_parts: int = 0,
    is_uneven: bool = False,
    lost: Sequence[dict[str, str]] = (),
) -> dict[str, Any]:
    """Measure the parts and write metrics, curves and predictions into a run folder.

    Args:
        run: The folder; its earlier evaluation is replaced.
        predictions: One record per evaluated part; at least one.
        temperature: What the model's logits were divided by.
        copies_across_parts: Groups of photos that show the same picture, of
            which some lie in one part and some in another.
        is_uneven: Whether the classes of the training part are.
        lost: Path and problem of each photo that went bad after it was read.

    Returns:
        What `evaluation/metrics.json` now holds: `headline` (the part to
        quote: the test part if there is one), `parts` (by name, `measure` of
        each), `temperature`, `copies_across_parts` and `lost`.
    """
    metrics = {
        "headline": next(p for p in ("test", "validation", "train") if p in predictions),
        "parts": {part: measure(found, is_uneven) for part, found in predictions.items()},
        "temperature": temperature,
        "copies_across_parts": copies_across_parts,
        "lost": list(lost),
    }
    for part, found in predictions.items():
        save_predictions(found, run.predictions_path(part))
    write_json(run.curves_path, {part: curves(found) for part, found in predictions.items()})
    write_json(run.metrics_path, metrics)
    return metrics


def wilson_interval(num_correct: int, n: int) -> list[float]:
    """The 95 % interval of a share, [low, high], honest near 0 and 1 and for few photos.

    Source: Wilson 1927, "Probable inference, the law of succession, and
    statistical inference".
    """
    share = num_correct / n
    scale = 1 + _Z**2 / n
    middle = (share + _Z**2 / (2 * n)) / scale
    reach = _Z / scale * sqrt(share * (1 - share) / n + _Z**2 / (4 * n**2))
    return [max(0.0, middle - reach), min(1.0, middle + reach)]


def balanced_interval(num_correct: IntArray, support: IntArray) -> list[float]:
    """The 95 % interval of a mean recall, [low, high], put together from those of the classes.

    Each class goes as far from its recall as its Wilson interval does, and
    independent deviations add up by their squares. Source: Zou and Donner 2008,
    "Construction of confidence limits about effect measures: a general approach".

    Args:
        num_correct: Photos of each class that were found, shape [K].
        support: Photos of each class, shape [K]; classes without any do not count.
    """
    there = [(int(c), int(n)) for c, n in zip(num_correct, support, strict=True) if n]
    middle = sum(c / n for c, n in there) / len(there)
    ends = [(c / n, *wilson_interval(c, n)) for c, n in there]
    below = sqrt(sum((share - low) ** 2 for share, low, _ in ends)) / len(there)
    above = sqrt(sum((high - share) ** 2 for share, _, high in ends)) / len(there)
    return [max(0.0, middle - below), min(1.0, middle + above)]


def log_loss(labels: IntArray, probs: FloatArray) -> float:
    """Mean of -ln(probability of the true class), each probability raised to at least 1e-7."""
    true_probs = probs[np.arange(len(labels)), labels]
    return float(-np.log(np.clip(true_probs, LOWEST_PROBABILITY, 1.0)).mean())


def _checked(predictions: Predictions) -> tuple[IntArray, FloatArray]:
    labels, probs = predictions.labels, np.asarray(predictions.probs, np.float64)
    n, num_classes = len(predictions.paths), len(predictions.class_names)
    if n == 0 or num_classes < 2:
        raise ShapeError(f"Nothing to measure: {n} photos of {num_classes} classes.")
    if labels.shape != (n,) or probs.shape != (n, num_classes):
        raise ShapeError(
            f"{n} photos of {num_classes} classes came with labels {labels.shape} "
            f"and probabilities {probs.shape}."
        )
    return labels, probs


def _per_class(
    labels: IntArray, guesses: IntArray, probs: FloatArray, names: tuple[str, ...]
) -> dict[str, dict[str, Any]]:
    precision, recall, f1, support = precision_recall_fscore_support(
        labels, guesses, labels=np.arange(len(names)), zero_division=np.nan
    )
    found = {}
    for k, name in enumerate(names):
        truth, scores = labels == k, probs[:, k]
        found[name] = {
            "precision": _known(precision[k]),
            "recall": _known(recall[k]),
            "f1": _known(f1[k]),
            "support": int(support[k]),
            "roc_auc": float(roc_auc_score(truth, scores))
            if 0 < support[k] < len(labels)
            else None,
            "average_precision": float(average_precision_score(truth, scores))
            if support[k]
            else None,
        }
    return found


def _calibration(confidences: FloatArray, is_correct: np.ndarray[Any, Any]) -> dict[str, Any]:
    """The expected calibration error, and the filled bins it is the mean of."""
    # Bin b holds confidences in (b / 15, (b + 1) / 15], as in the source.
    bins = np.clip(np.ceil(confidences * NUM_BINS).astype(int) - 1, 0, NUM_BINS - 1)
    reliability = []
    error = 0.0
    for b in np.unique(bins):
        inside = bins == b
        confidence, accuracy = confidences[inside].mean(), is_correct[inside].mean()
        error += inside.mean() * abs(confidence - accuracy)
        reliability.append(
            {
                "low": int(b) / NUM_BINS,
                "high": (int(b) + 1) / NUM_BINS,
                "n": int(inside.sum()),
                "confidence": float(confidence),
                "accuracy": float(accuracy),
            }
        )
    return {"calibration_error": float(error), "reliability": reliability}


def _mean(values: list[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return sum(known) / len(known) if known else None


def _known(value: float) -> float | None:
    return None if np.isnan(value) else float(value)


def _thinned(points: FloatArray) -> list[float]:
    if len(points) > MOST_CURVE_POINTS:
        points = points[np.linspace(0, len(points) - 1, MOST_CURVE_POINTS).round().astype(int)]
    return [round(float(value), 6) for value in points]
