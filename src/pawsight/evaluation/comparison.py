"""Compare runs on the test photos that they have in common.

Two models are compared by the photos that only one of them classifies correctly
(McNemar's test, with the exact binomial p-value). With several pairs of models, the
p-values are corrected for the number of pairs (Holm).
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pawsight.errors import DataError
from pawsight.evaluation.intervals import Interval, wilson_interval
from pawsight.formatting import listed, printable
from pawsight.records import Predictions

SIGNIFICANT = 0.05


@dataclass(frozen=True, slots=True)
class RunScore:
    """The score of a run on the common photos."""

    path: Path
    num_correct: int  # photos that are classified correctly
    accuracy: float  # 0..1
    interval: Interval  # 95 % interval of the accuracy
    # Address of a remote run, whose path is a working folder in the cache.
    address: str | None = None


@dataclass(frozen=True, slots=True)
class Pair:
    """Two of the runs."""

    first: int  # position of the first run
    second: int  # position of the second run
    first_only: int  # photos that only the first run classifies correctly
    second_only: int  # photos that only the second run classifies correctly
    p_value: float  # of a difference as large by chance, corrected for the number of pairs, 0..1

    @property
    def is_significant(self) -> bool:
        """Whether the difference is significant at the 5 % level."""
        return self.p_value < SIGNIFICANT


@dataclass(frozen=True, slots=True)
class ChangedPhoto:
    """A photo that the runs answer differently."""

    path: str  # as in the first run
    label: str
    answers: tuple[str, ...]  # the class that each run predicts


@dataclass(frozen=True, slots=True)
class Comparison:
    """The result of `compare`.

    Attributes:
        num_photos: Test photos that all runs have in common.
        num_left_out: Photos that only some of the runs were tested on.
        root: The folder of the first run's photos, which paths are relative to.
        runs: The runs, in the requested order.
        pairs: All pairs of runs.
        changed: Photos that the runs answer differently; first the photos that the first run
            classifies correctly.
        notes: Limits of the comparison, in sentences.
        out: The page; None if no page was written.
    """

    num_photos: int
    num_left_out: int
    root: str
    runs: tuple[RunScore, ...]
    pairs: tuple[Pair, ...]
    changed: tuple[ChangedPhoto, ...]
    notes: tuple[str, ...] = ()
    out: Path | None = None


def compare_predictions(
    runs: Sequence[Path],
    predictions: Sequence[Predictions],
    keys: Sequence[Sequence[str]],
    root: str,
    addresses: Sequence[str | None] | None = None,
) -> Comparison:
    """Compare predictions on the photos that all of them have in common.

    Args:
        runs: The run folders, at least two.
        predictions: Of each run, on its test photos, with one label per photo.
        keys: Of each run, a key of each photo, equal for equal photos.
        root: The folder that the first run's paths are relative to.
        addresses: Of each run, its address, or None for a local run. None: all are local.

    Raises:
        DataError: The runs have no photo in common, or different labels for a photo.
    """
    addresses = addresses or [None] * len(runs)
    names = [address or str(run) for address, run in zip(addresses, runs, strict=True)]
    rows = [{key: row for row, key in enumerate(run_keys)} for run_keys in keys]
    common = [key for key in rows[0] if all(key in other for other in rows[1:])]
    if not common:
        raise DataError(
            "These runs have no test photo in common, so they cannot be compared.\n"
            "Train on the same photos with the same split: --set split.keep=RUN"
        )
    common_rows = [[row_of[key] for key in common] for row_of in rows]
    labels, answers = [], []
    for run_predictions, chosen in zip(predictions, common_rows, strict=True):
        class_names = np.array(run_predictions.class_names, object)
        labels.append(class_names[run_predictions.labels[chosen]])
        answers.append(class_names[run_predictions.probs.argmax(axis=1)[chosen]])
    paths = [predictions[0].paths[row] for row in common_rows[0]]
    _check_labels(names, labels, paths)
    is_right = np.array([answer == labels[0] for answer in answers])
    n = len(common)
    changed = [i for i in range(n) if any(answer[i] != answers[0][i] for answer in answers[1:])]
    changed.sort(key=lambda i: not is_right[0, i])
    return Comparison(
        num_photos=n,
        num_left_out=len(set().union(*rows)) - n,
        root=root,
        runs=tuple(map(_score, runs, is_right, addresses)),
        pairs=_pairs(is_right),
        changed=tuple(
            ChangedPhoto(
                paths[i],
                str(labels[0][i]),
                tuple(str(answer[i]) for answer in answers),
            )
            for i in changed
        ),
        notes=_class_notes(predictions),
    )


def _score(run: Path, is_right: NDArray[np.bool_], address: str | None) -> RunScore:
    count = int(is_right.sum())
    interval = wilson_interval(count, len(is_right))
    return RunScore(run, count, count / len(is_right), interval, address)


def _check_labels(names: Sequence[str], labels: Sequence[np.ndarray], paths: Sequence[str]) -> None:
    """Check that all runs have the same labels for the photos that they have in common."""
    for name, other in zip(names[1:], labels[1:], strict=True):
        if (other != labels[0]).any():
            i = int(np.argmax(other != labels[0]))
            raise DataError(
                f"{names[0]} and {name} have different labels for {printable(paths[i])}: "
                f"'{printable(labels[0][i])}' and '{printable(other[i])}'.\n"
                f"Train one of them again with the labels and the class names of the other, "
                f"such as --merge NEW=OLD."
            )


def _class_notes(predictions: Sequence[Predictions]) -> tuple[str, ...]:
    """Return a note if the runs do not have the same classes."""
    first, *others = (frozenset(p.class_names) for p in predictions)
    not_common = sorted(first.union(*others) - first.intersection(*others))
    if not not_common:
        return ()
    kind = "class" if len(not_common) == 1 else "classes"
    return (
        f"Not all of these runs have the {kind} {listed(not_common)}. A photo is easier to "
        f"classify with fewer classes.",
    )


def _pairs(is_right: NDArray[np.bool_]) -> tuple[Pair, ...]:
    from scipy.stats import binomtest  # here, since it is slow to import

    pairs = []
    for first, second in itertools.combinations(range(len(is_right)), 2):
        first_only = int((is_right[first] & ~is_right[second]).sum())
        second_only = int((is_right[second] & ~is_right[first]).sum())
        differing = first_only + second_only
        p_value = float(binomtest(first_only, differing).pvalue) if differing else 1.0
        pairs.append((first, second, first_only, second_only, p_value))
    corrected, largest = {}, 0.0
    for rank, number in enumerate(sorted(range(len(pairs)), key=lambda i: pairs[i][4])):
        largest = max(largest, min(1.0, pairs[number][4] * (len(pairs) - rank)))
        corrected[number] = largest
    return tuple(Pair(*pair[:4], corrected[number]) for number, pair in enumerate(pairs))
