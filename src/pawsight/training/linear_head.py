"""Fit a linear head to frozen features: logistic regression, with a cross-validated L2 penalty.

Needs no TensorFlow. Features are centred and scaled for the fit. Both are folded into
the weights afterwards, so the head is a dense layer on the original features.
"""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pawsight.progress import Progress
from pawsight.records import FloatArray, IntArray
from pawsight.task import SINGLE_LABEL, Task
from pawsight.training.binary_regression import fit_binary

# L2 penalties, relative to the mean loss of a photo. On this scale, the best penalty hardly depends
# on the number of photos: 0.05 with 400 photos of cats-vs-dogs, 0.08 with 19,819.
_STRENGTHS = (1e-4, 1e-3, 3e-3, 1e-2, 3e-2, 1e-1, 3e-1, 1.0, 3.0)
START = 3e-2  # where the search starts, in both directions
_FOLDS = 5
_MAX_PHOTOS = 4000  # for cross-validation, which takes seconds then and chooses the same penalty
_MAX_ITERATIONS = 300
# On few rows, two threads of BLAS took 2 to 4 times as long as one thread, and 3 to 8 times the CPU
# time (benchmarks/few_photos/threads.md).
_MAX_ROWS_OF_ONE_THREAD = 4000
_TOLERANCE = 1e-3
_BLOCK = 2048


@dataclass(frozen=True, slots=True)
class Trial:
    """The result of cross-validation for an L2 penalty."""

    strength: float  # the penalty per photo; a larger penalty gives smaller weights
    log_loss: float  # mean over the photos left out, in nats
    accuracy: float  # of the photos left out, 0..1


@dataclass(frozen=True, slots=True, eq=False)
class Head:
    """A dense layer: logits = features @ kernel + bias."""

    kernel: FloatArray  # float32 [F, K]
    bias: FloatArray  # float32 [K]
    strength: float  # the chosen penalty per photo
    # The penalties that were tried, ascending; empty if there are too few photos.
    trials: tuple[Trial, ...]

    def logits(self, rows: FloatArray) -> FloatArray:
        """Return the logits of features [N, F]: float32 [N, K]."""
        return np.asarray(rows @ self.kernel + self.bias, np.float32)


@dataclass(frozen=True, slots=True, eq=False)
class Samples:
    """Photos to fit a head to."""

    # Features of the same photos in several versions (original, mirrored), each [N, F]. The head is
    # validated on the first.
    views: Sequence[FloatArray]
    labels: IntArray  # class indices, [N], each class at least once; of multi-label photos [N, K]
    groups: Sequence[Any]  # a key for each photo; photos with equal keys are in the same fold
    num_classes: int  # K, at least 2
    # The weight of a photo of each class, length K; None: 1 for all.
    class_weights: Sequence[float] | None = None
    # Multi-label photos get a separate logistic regression for each label.
    task: Task = SINGLE_LABEL


def fit_head(samples: Samples, seed: int, progress: Progress) -> Head:
    """Choose the L2 penalty by cross-validation, and fit a head with it to all photos.

    Args:
        samples: The photos.
        seed: Seed of the folds.
        progress: Receives each fit.
    """
    trials = _cross_validate(samples, seed, progress)
    strength = min(trials, key=lambda trial: trial.log_loss).strength if trials else START
    progress.start("Fitting the linear head")
    kernel, bias = fit_weights(samples, slice(None), strength)
    return Head(kernel, bias, strength, tuple(trials))


def _cross_validate(samples: Samples, seed: int, progress: Progress) -> list[Trial]:
    """Try penalties from `START` in both directions until the loss rises; return them ascending."""
    labels = samples.labels
    folds = _folds(samples, seed)
    if not folds:
        return []
    progress.start("Choosing the L2 penalty", None, "fits")
    trials: dict[float, Trial] = {}

    def loss_of(index: int) -> float:
        strength = _STRENGTHS[index]
        logits = np.zeros((len(labels), samples.num_classes), np.float32)
        is_left_out = np.zeros(len(labels), np.bool_)
        for train, left_out in folds:
            kernel, bias = fit_weights(samples, train, strength)
            logits[left_out] = samples.views[0][left_out] @ kernel + bias
            is_left_out[left_out] = True
            progress.advance(1, tried=strength)
        trials[strength] = _measure(
            strength, logits[is_left_out], labels[is_left_out], samples.class_weights, samples.task
        )
        return trials[strength].log_loss

    start = _STRENGTHS.index(START)
    lowest = loss_of(start)
    for step in (1, -1):
        index, best = start + step, lowest
        while 0 <= index < len(_STRENGTHS):
            loss = loss_of(index)
            if loss >= best:
                break
            index, best = index + step, loss
        if best < lowest:  # it fell in this direction, so it rises in the other
            break
    return [trials[strength] for strength in sorted(trials)]


def _folds(samples: Samples, seed: int) -> list[tuple[IntArray, IntArray]]:
    """Return (fitted, left out) indices of each fold; none if a class has only one group."""
    from sklearn.model_selection import StratifiedGroupKFold

    labels, is_multi_label = samples.task.strata(samples.labels), samples.task.is_multi_label
    _, group_of = np.unique([str(group) for group in samples.groups], return_inverse=True)
    num_groups = [len(set(group_of[labels == label])) for label in np.unique(labels)]
    # Of multi-label photos, a fold may lack a label, whose regression is then constant.
    count = min(_FOLDS, max(num_groups) if is_multi_label else min(num_groups))
    if count < 2:
        return []
    chosen = np.arange(len(labels))
    if len(labels) > _MAX_PHOTOS:
        sample = np.random.default_rng(seed).choice(len(labels), _MAX_PHOTOS, replace=False)
        if is_multi_label or len(np.unique(labels[sample])) == len(num_groups):
            chosen = np.sort(sample)
    splitter = StratifiedGroupKFold(count, shuffle=True, random_state=seed)
    with _quiet():
        splits = list(splitter.split(chosen, labels[chosen], group_of[chosen]))
    folds = [(chosen[train], chosen[left_out]) for train, left_out in splits]
    if is_multi_label:
        return [fold for fold in folds if len(fold[0]) and len(fold[1])]
    # A head that is fitted without one of the classes would solve another problem.
    return [
        fold
        for fold in folds
        if len(np.unique(labels[fold[0]])) == len(num_groups) and len(fold[1])
    ]


def fit_weights(
    samples: Samples, chosen: IntArray | slice, strength: float
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Fit logistic regression to every view of some photos; return kernel [F, K] and bias [K].

    Args:
        samples: The photos.
        chosen: Indices of the photos to fit to.
        strength: The L2 penalty, relative to the mean loss of a photo.
    """
    from sklearn.linear_model import LogisticRegression
    from threadpoolctl import threadpool_limits

    rows = np.concatenate([view[chosen] for view in samples.views]).astype(np.float32, copy=False)
    targets = np.concatenate([samples.labels[chosen]] * len(samples.views))
    mean, scale = _scale(rows)
    threads = 1 if len(rows) <= _MAX_ROWS_OF_ONE_THREAD else None
    if samples.task.is_multi_label:
        with threadpool_limits(threads):
            return _unscaled(*fit_binary(rows, targets, strength), mean, scale)
    weights = np.ones(len(targets), np.float32)
    if samples.class_weights is not None:
        weights = np.asarray(samples.class_weights, np.float32)[targets]
    # scikit-learn's C multiplies the sum of the losses.
    model = LogisticRegression(
        C=1 / (strength * float(weights.sum())), max_iter=_MAX_ITERATIONS, tol=_TOLERANCE
    )
    with _quiet(), threadpool_limits(threads):
        model.fit(rows, targets, sample_weight=weights)
    kernel = np.zeros((rows.shape[1], samples.num_classes))
    bias = np.full(samples.num_classes, -1e4)  # a class without photos is never predicted
    if len(model.classes_) == 2:
        # scikit-learn has one column for two classes; halves with both signs centre the logits.
        first, second = model.classes_
        kernel[:, second], kernel[:, first] = model.coef_[0] / 2, -model.coef_[0] / 2
        bias[second], bias[first] = model.intercept_[0] / 2, -model.intercept_[0] / 2
    else:
        kernel[:, model.classes_] = model.coef_.T
        bias[model.classes_] = model.intercept_
    return _unscaled(kernel, bias, mean, scale)


def _unscaled(
    kernel: FloatArray, bias: FloatArray, mean: FloatArray, scale: FloatArray
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Fold centring and scaling into the kernel and the bias."""
    kernel = kernel * scale[:, None]
    return kernel.astype(np.float32), (bias - mean @ kernel).astype(np.float32)


def _scale(rows: FloatArray) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Centre and scale each column in place; return the means and the scales, [F].

    A column is divided by the square root of its standard deviation, because in few photos,
    features that hardly vary are mostly noise. Compared with full standardisation, accuracy
    was 4 to 7 points higher with 7 photos per class, and equal with 120 (benchmarks/auto/LOG.md).
    """
    total = np.zeros(rows.shape[1])
    squares = np.zeros(rows.shape[1])
    for start in range(0, len(rows), _BLOCK):  # blocks, because float64 needs twice the memory
        block = rows[start : start + _BLOCK].astype(np.float64)
        total += block.sum(axis=0)
        squares += np.einsum("ij,ij->j", block, block)
    mean = total / len(rows)
    deviation = np.sqrt(np.maximum(squares / len(rows) - mean**2, 0))
    # A constant column carries no information here, and may have any value for other photos.
    is_varied = deviation > 1e-4 * np.maximum(1, np.abs(mean))
    typical = max(1e-12, float(np.sqrt(np.mean(deviation**2))))
    scale = np.where(is_varied, 1 / np.sqrt(typical * np.where(is_varied, deviation, 1)), 0.0)
    rows -= mean.astype(np.float32)
    rows *= scale.astype(np.float32)
    return mean, scale


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Suppress scikit-learn's warnings that the user need not act on.

    The weights are good enough after the last iteration, and a rare label may be in few folds.
    """
    from sklearn.exceptions import ConvergenceWarning

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        warnings.filterwarnings("ignore", "The least populated class", UserWarning)
        yield


def _measure(
    strength: float,
    logits: FloatArray,
    labels: IntArray,
    class_weights: Sequence[float] | None,
    task: Task,
) -> Trial:
    losses = task.log_losses(logits, labels)
    weights = None if class_weights is None else np.asarray(class_weights)[labels]
    is_right = task.decide(task.probabilities(logits)) == labels
    return Trial(strength, float(np.average(losses, weights=weights)), float(np.average(is_right)))
