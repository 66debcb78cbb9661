"""Compute the metrics and curves of predictions, and save an evaluation."""

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


def measure(predictions: Predictions, is_train_imbalanced: bool = False) -> PartMetrics:
    """Compute all metrics of a part.

    Args:
        predictions: Truth and probabilities of the part.
        is_train_imbalanced: Whether the classes of the training part are imbalanced.

    Raises:
        ShapeError: The arrays disagree, or there is no photo.
    """
    answers, names = _answers(predictions), predictions.class_names
    if isinstance(answers, LabelAnswers):
        return _measure_labels(answers, names)
    num_classes = answers.num_classes
    matrix = np.bincount(answers.labels * num_classes + answers.predicted, minlength=num_classes**2)
    return PartMetrics(
        n=len(answers.labels),
        num_correct=int(answers.is_correct.sum()),
        scores={score.key: score.compute(answers) for score in SCORES},
        intervals={score.key: score.interval(answers) for score in SCORES if score.interval},
        is_imbalanced=is_train_imbalanced or is_imbalanced(answers.support.tolist()),
        log_loss_clip=MIN_PROBABILITY,
        baseline_accuracy=int(answers.support.max()) / len(answers.labels),
        baseline_class=names[int(answers.support.argmax())],
        class_names=names,
        per_class={name: _of_class(answers, k) for k, name in enumerate(names)},
        confusion_matrix=tuple(map(tuple, matrix.reshape(num_classes, -1).tolist())),
        reliability=reliability_bins(answers.probs.max(axis=1), answers.is_correct),
    )


def curves(predictions: Predictions) -> Curves:
    """Compute the ROC and the precision-recall curve of each class against the rest.

    Returns:
        By class name; at most 200 points per curve. A curve is None if the part has no
        photo of the class; the ROC is also None if it has no photo of another class.

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
    is_train_imbalanced: bool = False,
    lost: Sequence[LostPhoto] = (),
) -> Evaluation:
    """Measure the parts and write metrics, curves and predictions into a run folder.

    Args:
        run: The folder; its earlier evaluation is replaced.
        predictions: Of each evaluated part; at least one part.
        temperature: By which the model's logits were divided.
        copies_across_parts: Groups of photos that show the same picture and are in
            more than one part.
        is_train_imbalanced: Whether the classes of the training part are imbalanced.
        lost: Photos that could no longer be read.

    Returns:
        The content of `evaluation/metrics.json`.

    Raises:
        ShapeError: The arrays of a part disagree, or it has no photo.
        DiskError: A file cannot be written.
    """
    evaluation = Evaluation(
        headline=next(p for p in ("test", "validation", "train") if p in predictions),
        parts={part: measure(p, is_train_imbalanced) for part, p in predictions.items()},
        temperature=temperature,
        copies_across_parts=copies_across_parts,
        lost=tuple(lost),
    )
    curves_of_parts = {}
    for part, part_predictions in predictions.items():
        save_predictions(part_predictions, run.predictions_path(part))
        by_class = curves(part_predictions)
        curves_of_parts[part] = {name: curve.model_dump() for name, curve in by_class.items()}
    write_json(run.curves_path, curves_of_parts)
    write_json(run.metrics_path, evaluation.to_json())
    return evaluation


def _answers(predictions: Predictions) -> Answers:
    labels, probs = predictions.labels, np.asarray(predictions.probs, np.float64)
    n, num_classes = len(predictions.paths), len(predictions.class_names)
    if n == 0 or num_classes < 2:
        raise ShapeError(f"There is nothing to measure: {n} photos of {num_classes} classes.")
    shape = (n, num_classes) if predictions.task.is_multi_label else (n,)
    if labels.shape != shape or probs.shape != (n, num_classes):
        raise ShapeError(
            f"The shapes of labels {labels.shape} and probabilities {probs.shape} do not fit "
            f"{n} photos of {num_classes} classes."
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
    num_hits, num_predicted, support = (
        int(counts[k]) for counts in (answers.num_hits, answers.num_predicted, answers.support)
    )
    bins = answers.reliability(k)
    _, jaccard_interval = _share(num_hits, num_predicted + support - num_hits)
    return LabelMetrics(
        **of_class.model_dump(),
        threshold=answers.task.thresholds_of(answers.num_classes)[k],
        true_positives=num_hits,
        false_positives=num_predicted - num_hits,
        false_negatives=support - num_hits,
        true_negatives=len(answers.labels) - num_predicted - support + num_hits,
        f1_interval=None
        if jaccard_interval is None or of_class.f1 is None
        else (
            2 * jaccard_interval[0] / (1 + jaccard_interval[0]),
            2 * jaccard_interval[1] / (1 + jaccard_interval[1]),
        ),
        calibration_error=calibration_error(bins),
        reliability=bins,
    )


def _of_class(answers: Answers, k: int) -> ClassMetrics:
    # Precision is undefined without photos of the class: no prediction could be correct.
    support = int(answers.support[k])
    precision, precision_interval = _share(
        answers.num_hits[k], answers.num_predicted[k] if support else 0
    )
    recall, recall_interval = _share(answers.num_hits[k], support)
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


def _share(num_hits: int, n: int) -> tuple[float | None, Interval | None]:
    return (int(num_hits) / int(n), wilson_interval(int(num_hits), int(n))) if n else (None, None)


def _thinned(points: FloatArray) -> tuple[float, ...]:
    if len(points) > MAX_CURVE_POINTS:
        points = points[np.linspace(0, len(points) - 1, MAX_CURVE_POINTS).round().astype(int)]
    return tuple(round(float(value), 6) for value in points)
