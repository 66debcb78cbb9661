"""Interpret the curves and metrics of a run in sentences, by stated rules.

The rules are simple rules of thumb; the report prints them next to their result.
"""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from math import isfinite

from pawsight.class_weights import IMBALANCED_RATIO
from pawsight.evaluation.reliability import calibration_error
from pawsight.evaluation.results import PartMetrics
from pawsight.formatting import counted, percent
from pawsight.history import Epoch, best_epoch

WIDE_GAP = 0.05  # training accuracy minus validation accuracy
LOSS_REBOUND = 0.10  # relative rise of the validation loss from its lowest value to the end
MIN_REBOUND = 0.02  # the same in nats: of a near-perfect model, smaller rises are fluctuations
STILL_FALLING = 0.02  # relative fall of the validation loss over the last quarter
FEW_PHOTOS = 100
MISJUDGED = 0.02  # calibration error in excess of that of a perfectly calibrated model
TOO_NOISY = 0.05  # calibration error of a perfectly calibrated model

RULES = (
    f"Rules of thumb used here. Overfitting: the validation loss ended more than "
    f"{percent(LOSS_REBOUND, 0)} and {MIN_REBOUND:g} above its lowest (not applied to imbalanced "
    f"classes: there, it also rises when rare classes are predicted more often). Still learning: "
    f"the last epoch is the best, and the validation loss fell by more than "
    f"{percent(STILL_FALLING, 0)} over the last quarter of the epochs. A gap between training and "
    f"validation accuracy is stated from {WIDE_GAP * 100:g} points on; it shows that more photos "
    f"would help, and not that longer training would not."
)


def interpret(
    history: list[Epoch], started_with: str = "the linear head on the unchanged network"
) -> str:
    """Describe whether the curves show over- or underfitting.

    Args:
        history: The validations; a row at step 0 is that of the initial model.
        started_with: The initial model.
    """
    rows = [row for row in history if isfinite(row.validation_loss)]
    if len(rows) > 1 and rows[0].step == 0:
        if (kept := best_epoch(rows)) is rows[0]:
            return _start_kept(rows, started_with)
        if kept.is_average:
            return _average_kept(rows, kept, started_with)
        # Only epochs of training are compared: a linear head is fitted to another loss.
        rows = [row for row in rows[1:] if not row.is_extra]
    if rows:  # losses at other image sizes cannot be compared
        scale = best_epoch(history).validation_scale
        rows = [row for row in rows if row.validation_scale == scale]
    if len(rows) < 2:
        return _validated_once(rows)
    best, last = best_epoch(rows), rows[-1]
    lowest = min(rows, key=lambda row: row.validation_loss)
    rise = last.validation_loss - lowest.validation_loss
    # With class weights, training minimises another loss, so the validation loss may rise.
    is_imbalanced = best.validation_balanced_accuracy is not None
    is_rebound = rise > MIN_REBOUND and not is_imbalanced
    rebound = _relative(rise, lowest.validation_loss) if is_rebound else 0.0
    before = rows[-1 - max(1, len(rows) // 4)]
    fall = _relative(before.validation_loss - last.validation_loss, before.validation_loss)
    at_best = f"at the best epoch ({best.epoch_text}) {_accuracies(best)}"
    if rebound > LOSS_REBOUND:
        sentences = (
            f"It overfits: after epoch {lowest.epoch_text} the validation loss rose again, by "
            f"{percent(rebound, 0)}; {at_best}. The weights of the best epoch were kept. More "
            f"photos or stronger augmentation help."
        )
    elif best is last and fall > STILL_FALLING:
        sentences = (
            f"It was still learning: the last epoch was the best, and the validation loss had "
            f"fallen by {percent(fall)} since epoch {before.epoch_text}; {at_best}. "
            f"Longer training will probably do better."
        )
    else:
        sentences = f"No sign of over- or underfitting: {at_best}" + (
            "." if is_imbalanced else ", and the validation loss had settled."
        )
    return sentences + _gap(best)


def _validated_once(rows: list[Epoch]) -> str:
    """Describe curves with at most one point."""
    cannot = "the curves cannot show over- or underfitting"
    if not rows:
        return f"Without a validation at the final image size while it was trained, {cannot}."
    (only,) = rows
    return (
        f"With only one validation at the final image size while it was trained, {cannot}: after "
        f"epoch {only.epoch_text} {_accuracies(only)}.{_gap(only)}"
    )


def _accuracies(row: Epoch) -> str:
    return (
        f"the training accuracy was {percent(row.train_accuracy)} and the validation accuracy "
        f"{percent(row.validation_accuracy)}"
    )


def _gap(row: Epoch) -> str:
    """Describe a wide gap between training and validation accuracy; "" without a wide gap."""
    gap = row.train_accuracy - row.validation_accuracy
    if gap <= WIDE_GAP:
        return ""
    return (
        f" The gap of {gap * 100:.0f} points between the two shows that more, and more varied, "
        f"photos would help."
    )


def _average_kept(rows: list[Epoch], kept: Epoch, started_with: str) -> str:
    """Describe that the average of the initial and the final weights is kept, with the scores."""
    start, average, end = (
        f"{percent(row.main_accuracy)} and log loss {row.validation_loss:.3g}"
        for row in (rows[0], kept, next(row for row in reversed(rows) if not row.is_extra))
    )
    where = " on smaller images" if kept.is_smaller else ""
    return (
        f"The weights kept are the average of those of {started_with} and those after the last "
        f"epoch: validation accuracy {average}{where}, against {start} of the former, and {end} of "
        f"the latter."
    )


def _start_kept(rows: list[Epoch], started_with: str) -> str:
    """Describe that fine-tuning did not help, with the scores before it and at its best."""
    is_imbalanced = rows[0].validation_balanced_accuracy is not None
    before, *after = (row.main_accuracy for row in rows)
    return (
        f"Fine-tuning did not improve the network, so {started_with} was kept: "
        f"{'balanced ' if is_imbalanced else ''}validation accuracy {percent(before)} before "
        f"fine-tuning, at most {percent(max(after))} after it. More --minutes may help."
    )


def findings(
    part: str,
    metrics: PartMetrics,
    num_train: dict[str, int],
    is_weighted: bool = False,
    num_lost: int = 0,
) -> list[str]:
    """Describe chance, confusions, class balance and calibration, the most important first.

    Args:
        part: The part of `metrics`.
        metrics: The scores of the part.
        num_train: Training photos of each class.
        is_weighted: Whether rare classes had a larger weight in training.
        num_lost: Photos that could no longer be read.
    """
    sentences = [_against_baseline(metrics), _most_confused(metrics)]
    if metrics.n < FEW_PHOTOS:
        sentences.append(
            f"{counted(metrics.n, f'{part} photo is', f'{part} photos are')} few: "
            f"the interval is wide, and another such set may well score differently."
        )
    counts = {name: count for name, count in num_train.items() if count}
    if counts:
        most, least = max(counts, key=counts.__getitem__), min(counts, key=counts.__getitem__)
        ratio = counts[most] / counts[least]
        if ratio > IMBALANCED_RATIO:
            sentences.append(
                f"The classes are uneven: “{sanitize(most)}” has {ratio:.1f} times the training "
                f"photos of “{sanitize(least)}”. The balanced accuracy, "
                f"{percent(metrics.scores.get('balanced_accuracy'))}, gives every class the same "
                f"weight"
                + (
                    ". So did training: a photo of a rare class had a larger weight, so the model "
                    "predicts such a class more often than without weights."
                    if is_weighted
                    else "; training did not."
                )
            )
    sentences += [_trust_in_probabilities(metrics), lost_photos(num_lost)]
    return [sentence for sentence in sentences if sentence]


def lost_photos(count: int) -> str:
    """Describe that photos could no longer be read; "" if no photo was lost."""
    if not count:
        return ""
    photos, was = counted(count, "photo"), "was" if count == 1 else "were"
    return f"{photos} could no longer be read during training and {was} skipped."


@dataclass(frozen=True, slots=True)
class Confusion:
    """How often a class was predicted for photos of another class."""

    truth: str
    predicted: str
    count: int  # photos
    share: float  # of the photos of the true class, 0..1


def top_confusions(metrics: PartMetrics, most: int) -> list[Confusion]:
    """Return at most `most` confusions, the most frequent first."""
    names = metrics.class_names
    confusions = [
        Confusion(names[i], names[j], count, count / sum(row))
        for i, row in enumerate(metrics.confusion_matrix)
        for j, count in enumerate(row)
        if i != j and count
    ]
    return sorted(confusions, key=lambda c: (-c.count, -c.share))[:most]


def sanitize(text: str) -> str:
    """Return text with only printable characters.

    Bytes that are not UTF-8, control characters and characters that change the
    direction of writing are replaced by the replacement character.
    """
    return "".join(
        "\N{REPLACEMENT CHARACTER}"
        if unicodedata.category(c) in ("Cc", "Cs")
        or unicodedata.bidirectional(c) in _DIRECTION_MARKS
        else c
        for c in text
    )


_DIRECTION_MARKS = {"LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"}


def _against_baseline(metrics: PartMetrics) -> str:
    always = (
        f"always saying “{sanitize(metrics.baseline_class)}” would be right on "
        f"{percent(metrics.baseline_accuracy)}"
    )
    interval, baseline = metrics.intervals.get(metrics.main_score), metrics.baseline_accuracy
    if metrics.is_imbalanced:
        baseline = 1 / sum(any(row) for row in metrics.confusion_matrix)
        always += f", a balanced accuracy of {percent(baseline)}"
    if interval is None or baseline is None or interval[0] <= baseline:
        return (
            f"Not shown to be better than guessing: {always}, "
            f"which is inside or above the interval of this model."
        )
    return f"Better than guessing: {always}."


def _most_confused(metrics: PartMetrics) -> str:
    top = top_confusions(metrics, 3)
    if not top:
        return "It made no mistake on these photos."
    if top[0].count == 1:
        return "No class was taken for another more than once."
    parts = [
        f"“{sanitize(confusion.truth)}” taken for “{sanitize(confusion.predicted)}” "
        f"{counted(confusion.count, 'time')} ({percent(confusion.share)} of that class)"
        for confusion in top
    ]
    return f"Most often confused: {'; '.join(parts)}."


def _trust_in_probabilities(metrics: PartMetrics) -> str:
    """Describe the calibration error in comparison with a perfectly calibrated model."""
    noise = metrics.calibration_noise
    if noise is None:
        return ""
    error = calibration_error(metrics.reliability)
    confidence = sum(b.n * b.confidence for b in metrics.reliability) / metrics.n
    facts = (
        f"its answers have a probability of {percent(confidence)} on average, and "
        f"{percent(metrics.accuracy)} of them are right; its calibration error is "
        f"{percent(error)}, where a perfectly calibrated model would show {percent(noise.mean)} on "
        f"so many photos, and above {percent(noise.high)} once in twenty"
    )
    if noise.mean > TOO_NOISY:
        return f"Too few photos to judge its probabilities: {facts}."
    if error <= noise.high:
        return f"No sign that its probabilities are off: {facts}."
    if error - noise.mean <= MISJUDGED:
        return f"Its probabilities are close to the truth: {facts}."
    if abs(confidence - metrics.accuracy) < error / 2:
        return f"Its probabilities are off in both directions: {facts}."
    direction = "overconfident" if confidence > metrics.accuracy else "underconfident"
    return f"It is {direction}: {facts}."


def _relative(change: float, whole: float) -> float:
    return change / whole if whole else 0.0
