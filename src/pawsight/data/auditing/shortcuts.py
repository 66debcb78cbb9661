"""Find cues that separate the classes without being the subject of the photos.

Training rewards a model for using such a shortcut, and the model fails on photos without it.
For each class and each column of a cue, the effect is Cliff's delta: the probability that a
photo of the class has a higher value than a photo of another class, minus the probability
that it has a lower value. A large effect is a finding if at most one of 100 random
permutations of the labels has an effect as significant, in any cue and class. Source:
Westfall and Young 1993 (max-T permutation test).
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field

import numpy as np
from numpy.typing import NDArray

from pawsight.data.auditing.cue import Column, Cue, CueInput
from pawsight.data.auditing.cues import CUES
from pawsight.data.catalog import Catalog
from pawsight.data.decoding.analysis import analysis_batches
from pawsight.data.result_cache import cached_result
from pawsight.formatting import percent
from pawsight.records import IntArray, Pixels

_VERSION = 3  # to be raised whenever the same photos give other findings
MIN_PHOTOS = 20  # with known values, of a class and of all others, for a comparison
SIGNIFICANT = 0.01
_PERMUTATIONS = 199  # of the labels; p is at least 1 / 200
_MAX_PHOTOS = 4000  # that are compared, drawn at random


@dataclass(frozen=True, slots=True)
class Shortcut:
    """A cue in which a class differs from the others."""

    cue: str  # id of the cue
    title: str  # of the cue, for display
    column: int  # index of the column of the cue with the largest effect
    label: str  # the class with the largest effect
    effect: float  # Cliff's delta, -1..1; above 0, the class has the higher values
    p_value: float  # adjusted for the number of cues and classes
    border: float  # half way between the usual values of the class and of the others
    text: str  # description, for display
    other_labels: list[str] = field(default_factory=list)  # other classes with such an effect


def find_shortcuts(catalog: Catalog, pixels: Pixels | None) -> list[Shortcut]:
    """Find the cues in which the classes differ.

    Args:
        catalog: Photos with one class each; with several labels, nothing is compared.
        pixels: Their pixels; without them, only facts of the files are compared.

    Returns:
        One entry for each such cue, the largest effect first.
    """
    if catalog.task.is_multi_label or len(catalog.class_names) < 2:
        return []
    if pixels is None:
        return _search(catalog, None)
    records = cached_result(
        "shortcuts",
        " ".join((str(_VERSION), *(cue.id for cue in CUES))),
        catalog,
        pixels,
        lambda: list(map(asdict, _search(catalog, pixels))),
    )
    return [Shortcut(**record) for record in records]


def measure_cues(
    catalog: Catalog, pixels: Pixels | None, indices: IntArray
) -> list[tuple[Cue, tuple[Column, ...]]]:
    """Measure the cues of some photos of a catalog.

    Args:
        catalog: Photos with one class each.
        pixels: Their pixels; without them, only facts of the files are measured.
        indices: The photos to measure, shape [N].

    Returns:
        Each cue with its columns. Cues and columns do not depend on `indices`.
    """
    analyses = None
    if pixels is not None and len(indices):
        analyses = np.concatenate(list(analysis_batches(pixels, indices)))
    cue_input = CueInput(
        [catalog.photos[i] for i in indices.tolist()],
        [catalog.photos[i] for i in _compared(catalog).tolist()],
        analyses,
    )
    return [
        (cue, tuple(cue.measure(cue_input)))
        for cue in CUES
        if analyses is not None or not cue.needs_pixels
    ]


def _compared(catalog: Catalog) -> IntArray:
    """Choose the photos on which the classes are compared: catalog indices, ascending."""
    usable = np.array([i for i in catalog.usable.tolist() if catalog.photos[i].label], np.int64)
    if len(usable) > _MAX_PHOTOS:
        chosen = np.random.default_rng(0).choice(usable, _MAX_PHOTOS, replace=False)
        usable = np.sort(chosen)
    return usable


def _search(catalog: Catalog, pixels: Pixels | None) -> list[Shortcut]:
    names = catalog.class_names
    compared = _compared(catalog)
    if not len(compared):
        return []
    labels = catalog.labels(compared)
    columns = [
        (cue, index, column)
        for cue, measured in measure_cues(catalog, pixels, compared)
        for index, column in enumerate(measured)
    ]
    effects, p_values = compare([column.values for _, _, column in columns], labels, len(names))
    shortcuts: dict[str, Shortcut] = {}
    # Of equal effects, a text that a class has comes before a text that it lacks.
    is_indicator = np.array([_is_indicator(column) for _, _, column in columns])
    strength = np.abs(effects) + 1e-9 * (is_indicator & (effects > 0))
    for position in np.argsort(-strength, axis=None, kind="stable").tolist():
        label, number = divmod(position, len(columns))
        cue, index, column = columns[number]
        effect, p_value = float(effects[label, number]), float(p_values[label, number])
        if abs(effect) < cue.min_effect or p_value > SIGNIFICANT:
            continue
        if cue.id not in shortcuts:
            is_inside = labels == label
            shortcuts[cue.id] = Shortcut(
                cue.id,
                cue.title,
                index,
                names[label],
                effect,
                p_value,
                _border(column, is_inside),
                _sentence(column, is_inside, names[label], effect),
            )
        elif shortcuts[cue.id].column == index and effect * shortcuts[cue.id].effect > 0:
            shortcuts[cue.id].other_labels.append(names[label])
    return list(shortcuts.values())


def compare(
    columns: list[NDArray[np.float64]], labels: IntArray, num_classes: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Compare each class with the others in each column.

    Args:
        columns: C numbers of each photo, each of shape [N]; NaN if unknown.
        labels: Class indices, shape [N].
        num_classes: K.

    Returns:
        Cliff's delta, -1..1, and p-value, 0..1, of each class and column, shape [K, C]
        each. They are 0 and 1 if the class, or all others together, have fewer than 20
        photos with a known value.
    """
    ranks = np.stack([_centred_ranks(values) for values in columns], 1)  # [N, C]
    is_known = np.stack([~np.isnan(values) for values in columns], 1)
    members = np.eye(num_classes)[labels]  # [N, K]
    inside = members.T @ is_known
    outside = is_known.sum(axis=0) - inside
    is_compared = (inside >= MIN_PHOTOS) & (outside >= MIN_PHOTOS)
    sums = members.T @ ranks
    effects = np.where(is_compared, 2 * sums / np.maximum(inside * outside, 1), 0.0)
    # The variance of these sums over all permutations of the labels.
    sizes = members.sum(axis=0)[:, None]
    count = len(labels)
    variance = sizes * (count - sizes) / max(count - 1, 1) * (ranks**2).mean(axis=0)
    scale = np.where(is_compared & (variance > 0), 1 / np.sqrt(np.maximum(variance, 1e-12)), 0.0)
    observed = np.abs(sums) * scale
    random = np.random.default_rng(0)
    largest = np.array(
        [
            np.max(np.abs(members[random.permutation(count)].T @ ranks) * scale, initial=0.0)
            for _ in range(_PERMUTATIONS)
        ]
    )
    exceeding = (largest[:, None, None] >= observed).sum(axis=0)
    return effects, np.where(is_compared, (1 + exceeding) / (1 + _PERMUTATIONS), 1.0)


def _centred_ranks(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Compute ranks minus their mean, shape [N]; equal values share a rank, NaN gets 0."""
    ranks = np.zeros(len(values))
    is_known = ~np.isnan(values)
    _, inverse, counts = np.unique(values[is_known], return_inverse=True, return_counts=True)
    shared = np.cumsum(counts) - (counts - 1) / 2
    ranks[is_known] = shared[inverse] - (is_known.sum() + 1) / 2
    return ranks


def _border(column: Column, is_inside: NDArray[np.bool_]) -> float:
    if _is_indicator(column):
        return 0.5
    medians = (np.nanmedian(column.values[mask]) for mask in (is_inside, ~is_inside))
    return float(sum(medians)) / 2


def _is_indicator(column: Column) -> bool:
    return set(np.unique(column.values[~np.isnan(column.values)])) <= {0.0, 1.0}


def _sentence(column: Column, is_inside: NDArray[np.bool_], label: str, effect: float) -> str:
    inside, outside = column.values[is_inside], column.values[~is_inside]
    if _is_indicator(column):
        return (
            f"{percent(float(np.nanmean(inside)), 0)} of the photos of '{label}' are "
            f"{column.more}, and {percent(float(np.nanmean(outside)), 0)} of the others."
        )
    words = column.more if effect > 0 else column.less
    usual, usual_outside = (column.write(float(np.nanmedian(side))) for side in (inside, outside))
    comparison = f" against {usual_outside}" if "{}" in words else ""
    return (
        f"Photos of '{label}' are {words.format(usual)}{comparison}; this alone distinguishes a "
        f"photo of '{label}' from another photo in {percent((1 + abs(effect)) / 2, 0)} of all "
        f"pairs."
    )
