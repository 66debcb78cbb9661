"""Measure predictions and save what was found."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from pawsight.class_weights import is_imbalanced
from pawsight.errors import ShapeError
from pawsight.evaluation.curve_records import ClassCurves, Curves, PrecisionRecallCurve, RocCurve
from pawsight.evaluation.intervals import Interval, wilson_interval
from pawsight.evaluation.label_scores import LABEL_SCORES, LabelAnswers, answers_of
from pawsight.evaluation.predictions import save_predictions
from pawsight.evaluation.reliability import calibration_error, reliability_bins
from pawsight.evaluation.results import (
    ClassMetrics,
    Evaluation,
    LabelMetrics,
    LostPhoto,
    PartMetrics,
)
from pawsight.evaluation.scores import MIN_PROBABILITY, SCORES, Answers
from pawsight.records import FloatArray, Part, Predictions
from pawsight.runs import Run
from pawsight.storage.atomic import write_json

MAX_CURVE_POINTS = 200


def measure(predictions: Predictions, is_uneven: bool = False) -> PartMetrics:
    """Compute every metric of one part.

    Args:
        predictions: Truth and probabilities of the part.
        is_uneven: Whether the classes of the training part are imbalanced.

    Raises:
        ShapeError: The arrays disagree, or there is no photo.
    """
    answers, names = _answers(predictions), predictions.class_names
    if isinstance(answers, LabelAnswers):
        return _measure_labels(answers, names)
    num_classes = answers.num_classes
    matrix = np.bincount(answers.labels * num_classes + answers.guesses, minlength=num_classes**2)
    return PartMetrics(
        n=len(answers.labels),
        num_correct=int(answers.is_correct.sum()),
        scores={score.key: score.compute(answers) for score in SCORES},
        intervals={score.key: score.interval(answers) for score in SCORES if score.interval},
        is_imbalanced=is_uneven or is_imbalanced(answers.support.tolist()),
        log_loss_clip=MIN_PROBABILITY,
        baseline_accuracy=int(answers.support.max()) / len(answers.labels),
        baseline_class=names[int(answers.support.argmax())],
        class_names=names,
        per_class={name: _of_class(answers, k) for k, name in enumerate(names)},
        confusion_matrix=tuple(map(tuple, matrix.reshape(num_classes, -1).tolist())),
        reliability=reliability_bins(answers.probs.max(axis=1), answers.is_correct),
    )


def curves(predictions: Predictions) -> Curves:
    """Trace the ROC and the precision-recall curve of each class against the rest.

    Returns:
        By class name; at most 200 points a curve. A curve is None where the part
        has no photo of the class, or for the ROC none of another class.

    Raises:
        ShapeError: The arrays disagree, or there is no photo.
    """
    from sklearn.metrics import precision_recall_curve, roc_curve

    answers = _answers(predictions)
    points: Curves = {}
    for k, name in enumerate(predictions.class_names):
        truth, values = answers.is_of(k), answers.probs[:, k]
        roc = precision_recall = None
        if truth.any() and not truth.all():
            false_rate, true_rate, _ = roc_curve(truth, values)
            roc = RocCurve(
                false_positive_rate=_thinned(false_rate), true_positive_rate=_thinned(true_rate)
            )
        if truth.any():
            precision, recall, _ = precision_recall_curve(truth, values, drop_intermediate=True)
            precision_recall = PrecisionRecallCurve(
                recall=_thinned(recall[::-1]), precision=_thinned(precision[::-1])
            )
        points[name] = ClassCurves(roc=roc, precision_recall=precision_recall)
    return points


def save_evaluation(
    run: Run,
    predictions: dict[Part, Predictions],
    temperature: float = 1.0,
    copies_across_parts: int = 0,
    is_uneven: bool = False,
    lost: Sequence[LostPhoto] = (),
) -> Evaluation:
    """Measure the parts and write metrics, curves and predictions into a run folder.

    Args:
        run: The folder; its earlier evaluation is replaced.
        predictions: One record per evaluated part; at least one.
        temperature: What the model's logits were divided by.
        copies_across_parts: Groups of photos that show the same picture and are in
            more than one part.
        is_uneven: Whether the classes of the training part are imbalanced.
        lost: Photos that could no longer be read.

    Returns:
        What `evaluation/metrics.json` now holds.
    """
    evaluation = Evaluation(
        headline=next(p for p in ("test", "validation", "train") if p in predictions),
        parts={part: measure(one, is_uneven) for part, one in predictions.items()},
        temperature=temperature,
        copies_across_parts=copies_across_parts,
        lost=tuple(lost),
    )
    for part, one in predictions.items():
        save_predictions(one, run.predictions_path(part))
    traced = {
        part: {name: each.model_dump() for name, each in curves(one).items()}
        for part, one in predictions.items()
    }
    write_json(run.curves_path, traced)
    write_json(run.metrics_path, evaluation.to_json())
    return evaluation


def _answers(predictions: Predictions) -> Answers:
    labels, probs = predictions.labels, np.asarray(predictions.probs, np.float64)
    n, num_classes = len(predictions.paths), len(predictions.class_names)
    if n == 0 or num_classes < 2:
        raise ShapeError(f"Nothing to measure: {n} photos of {num_classes} classes.")
    shape = (n, num_classes) if predictions.task.is_multi_label else (n,)
    if labels.shape != shape or probs.shape != (n, num_classes):
        raise ShapeError(
            f"{n} photos of {num_classes} classes came with labels {labels.shape} "
            f"and probabilities {probs.shape}."
        )
    return answers_of(predictions)


def _measure_labels(answers: LabelAnswers, names: tuple[str, ...]) -> PartMetrics:
    return PartMetrics(
        task=answers.task.name,
        n=len(answers.labels),
        num_correct=int(answers.is_correct.sum()),
        scores={score.key: score.compute(answers) for score in LABEL_SCORES},
        intervals={score.key: score.interval(answers) for score in LABEL_SCORES if score.interval},
        log_loss_clip=MIN_PROBABILITY,
        class_names=names,
        per_class={name: _of_label(answers, k) for k, name in enumerate(names)},
    )


def _of_label(answers: LabelAnswers, k: int) -> LabelMetrics:
    of_class = _of_class(answers, k)
    hits, claims, support = (int(x[k]) for x in (answers.hits, answers.claims, answers.support))
    bins = answers.reliability(k)
    _, shared = _share(hits, claims + support - hits)
    return LabelMetrics(
        **of_class.model_dump(),
        threshold=answers.task.thresholds_of(answers.num_classes)[k],
        true_positives=hits,
        false_positives=claims - hits,
        false_negatives=support - hits,
        true_negatives=len(answers.labels) - claims - support + hits,
        f1_interval=None
        if shared is None or of_class.f1 is None
        else (2 * shared[0] / (1 + shared[0]), 2 * shared[1] / (1 + shared[1])),
        calibration_error=calibration_error(bins),
        reliability=bins,
    )


def _of_class(answers: Answers, k: int) -> ClassMetrics:
    # Without photos of the class no prediction of it could have been correct.
    support = int(answers.support[k])
    precision, precision_interval = _share(answers.hits[k], answers.claims[k] if support else 0)
    recall, recall_interval = _share(answers.hits[k], support)
    return ClassMetrics(
        support=support,
        precision=precision,
        recall=recall,
        f1=answers.f1s[k],
        roc_auc=answers.roc_areas[k],
        average_precision=answers.average_precisions[k],
        precision_interval=precision_interval,
        recall_interval=recall_interval,
    )


def _share(hits: int, n: int) -> tuple[float | None, Interval | None]:
    return (int(hits) / int(n), wilson_interval(int(hits), int(n))) if n else (None, None)


def _thinned(points: FloatArray) -> tuple[float, ...]:
    if len(points) > MAX_CURVE_POINTS:
        points = points[np.linspace(0, len(points) - 1, MAX_CURVE_POINTS).round().astype(int)]
    return tuple(round(float(value), 6) for value in points)
