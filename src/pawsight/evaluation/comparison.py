"""Compare runs on the test photos that they have in common.

Two models that answer the same photos are compared by the photos that only one of
them has right (McNemar); the p-value is the exact binomial one. Of several pairs
the p-values are corrected for their number (Holm).
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
from pawsight.formatting import listed
from pawsight.records import IntArray, Predictions

SIGNIFICANT = 0.05


@dataclass(frozen=True, slots=True)
class RunScore:
    """One run on the common photos."""

    path: Path
    num_correct: int  # photos that it has right
    accuracy: float  # share of them, 0..1
    interval: Interval  # 95 % interval of the accuracy
    # Of a run at an address, whose path is a working folder in the cache.
    address: str | None = None


@dataclass(frozen=True, slots=True)
class Pair:
    """Two of the runs; `first` and `second` are their positions."""

    first: int
    second: int
    first_only: int  # photos that only the first has right
    second_only: int  # photos that only the second has right
    p_value: float  # of a difference as large by chance, corrected for the number of pairs, 0..1

    @property
    def is_significant(self) -> bool:
        """Whether the difference is shown at the 5 % level."""
        return self.p_value < SIGNIFICANT


@dataclass(frozen=True, slots=True)
class ChangedPhoto:
    """A photo that the runs answer differently."""

    path: str  # as in the first run
    label: str
    answers: tuple[str, ...]  # the class that each run predicts


@dataclass(frozen=True, slots=True)
class Comparison:
    """What `compare` found.

    Attributes:
        num_photos: Test photos that all runs have in common.
        num_left_out: Photos that only some of the runs were tested on.
        root: The folder that the paths are relative to: that of the first run's photos.
        runs: The runs, in the order given.
        pairs: Every two of them.
        changed: Photos that they answer differently, those first that the first run has right.
        notes: What limits the comparison, in sentences.
        out: The page; None where none was written.
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
        predictions: Of each run, on its test photos, one label a photo.
        keys: For each run a key of each photo, equal for equal photos.
        root: The folder that the first run's paths are relative to.
        addresses: Of the runs, None for those that are none; None: of none.

    Raises:
        DataError: No photo is common to all, or they have different labels for one.
    """
    addresses = addresses or [None] * len(runs)
    named = [address or str(run) for address, run in zip(addresses, runs, strict=True)]
    rows = [dict(zip(each, range(len(each)), strict=True)) for each in keys]
    common = [key for key in rows[0] if all(key in other for other in rows[1:])]
    if not common:
        raise DataError(
            "These runs have no test photo in common, so they cannot be compared.\n"
            "Train on the same photos with the same split: --set split.keep=RUN"
        )
    places = [[own[key] for key in common] for own in rows]
    labels = [_names(one.labels, one, at) for one, at in zip(predictions, places, strict=True)]
    answers = [
        _names(one.probs.argmax(axis=1), one, at)
        for one, at in zip(predictions, places, strict=True)
    ]
    first = predictions[0]
    paths = [first.paths[place] for place in places[0]]
    _check_labels(named, labels, paths)
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


def _check_labels(named: Sequence[str], labels: Sequence[np.ndarray], paths: Sequence[str]) -> None:
    """Check that all runs have the same labels for the photos that they have in common."""
    for name, other in zip(named[1:], labels[1:], strict=True):
        if (other != labels[0]).any():
            i = int(np.argmax(other != labels[0]))
            raise DataError(
                f"{named[0]} and {name} have different labels for {paths[i]}: "
                f"'{labels[0][i]}' and '{other[i]}'.\n"
                f"Train one of them again with the labels and the class names of the other, "
                f"such as --merge NEW=OLD."
            )


def _class_notes(predictions: Sequence[Predictions]) -> tuple[str, ...]:
    """Return a note where the runs do not have the same classes."""
    first, *others = (frozenset(one.class_names) for one in predictions)
    partly = sorted(first.union(*others) - first.intersection(*others))
    if not partly:
        return ()
    kind = "class" if len(partly) == 1 else "classes"
    return (
        f"Not all of these runs have the {kind} {listed(partly)}. A photo is easier to classify "
        f"where there are fewer classes.",
    )


def _names(numbers: IntArray, predictions: Predictions, places: list[int]) -> NDArray[np.object_]:
    return np.asarray(np.array(predictions.class_names, object)[numbers[places]])


def _pairs(is_right: NDArray[np.bool_]) -> tuple[Pair, ...]:
    from scipy.stats import binomtest  # slow to import, and only this needs it

    pairs = []
    for first, second in itertools.combinations(range(len(is_right)), 2):
        first_only = int((is_right[first] & ~is_right[second]).sum())
        second_only = int((is_right[second] & ~is_right[first]).sum())
        differing = first_only + second_only
        p_value = float(binomtest(first_only, differing).pvalue) if differing else 1.0
        pairs.append((first, second, first_only, second_only, p_value))
    corrected, largest = {}, 0.0
    for place, number in enumerate(sorted(range(len(pairs)), key=lambda i: pairs[i][4])):
        largest = max(largest, min(1.0, pairs[number][4] * (len(pairs) - place)))
        corrected[number] = largest
    return tuple(Pair(*one[:4], corrected[number]) for number, one in enumerate(pairs))
