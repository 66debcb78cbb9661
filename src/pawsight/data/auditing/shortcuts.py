"""Find cues that separate the classes without being the subject of the photos.

A model is rewarded for using such a shortcut, and fails where it is missing. For
each class and each number of a cue the effect is Cliff's delta: of a photo of the
class and one of the others, how much more often the first one has the higher value
than the lower one. It is a finding where it is large and where no more than one of
100 assignments of the labels to the photos at random has an effect as significant,
whichever cue and class it is of. Source: Westfall and Young 1993 (largest statistic).
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pawsight.data.auditing.cue import Column, Cue, CueInput
from pawsight.data.auditing.cues import CUES
from pawsight.data.catalog import Catalog
from pawsight.data.result_cache import cached_result
from pawsight.formatting import percent
from pawsight.records import IntArray, Pixels

_VERSION = 3  # raised whenever the same photos begin to give other findings
MIN_PHOTOS = 20  # photos of a class, and of the others, that are compared
SIGNIFICANT = 0.01
_DRAWS = 199  # of the labels; p is at least 1 / 200
_MAX_PHOTOS = 4000  # that are compared, so many of each class as are in proportion
_AT_ONCE = 1024  # photos whose analysis is read at a time


@dataclass(frozen=True, slots=True)
class Shortcut:
    """A cue in which a class differs from the others."""

    cue: str  # its id
    title: str  # of the cue, for display
    column: int  # the number of the cue that differs most
    label: str  # the class that it sets apart most
    effect: float  # Cliff's delta, -1..1; above 0 the class has the higher values
    p_value: float  # of all cues and classes together
    border: float  # half way between the usual values of the class and of the others
    text: str  # describes it
    other_labels: list[str] = field(default_factory=list)  # other classes that it sets apart, too


def find_shortcuts(catalog: Catalog, pixels: Pixels | None) -> list[Shortcut]:
    """Find the cues in which the classes differ, the largest effect first; one entry for each.

    Args:
        catalog: Photos of one class each; of several labels nothing is compared.
        pixels: Their pixels; without them only facts of the files are compared.
    """
    if catalog.task.is_multi_label or len(catalog.class_names) < 2:
        return []
    if pixels is None:
        return _search(catalog, None)
    found = cached_result(
        "shortcuts",
        " ".join((str(_VERSION), *(cue.id for cue in CUES))),
        catalog,
        pixels,
        lambda: list(map(asdict, _search(catalog, pixels))),
    )
    return [Shortcut(**one) for one in found]


def measure_cues(
    catalog: Catalog, pixels: Pixels | None, indices: IntArray
) -> list[tuple[Cue, tuple[Column, ...]]]:
    """Measure the cues of some photos of a catalog.

    Args:
        catalog: Photos of one class each.
        pixels: Their pixels; without them only facts of the files are measured.
        indices: The photos to measure, shape [N].

    Returns:
        Each cue with its columns, the same ones in the same order for any `indices`.
    """
    analyses = None
    if pixels is not None and len(indices):
        parts = [indices[at : at + _AT_ONCE] for at in range(0, len(indices), _AT_ONCE)]
        analyses = np.concatenate([pixels.analysis(part) for part in parts])
    photos, compared = (
        [catalog.photos[i] for i in some.tolist()] for some in (indices, _compared(catalog))
    )
    found = CueInput(photos, compared, analyses)
    return [
        (cue, tuple(cue.measure(found)))
        for cue in CUES
        if analyses is not None or not cue.needs_pixels
    ]


def _compared(catalog: Catalog) -> IntArray:
    """Choose the photos that the classes are compared on: indices, ascending."""
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
        (cue, place, column)
        for cue, measured in measure_cues(catalog, pixels, compared)
        for place, column in enumerate(measured)
    ]
    effects, p_values = compare([column.values for _, _, column in columns], labels, len(names))
    found: dict[str, Shortcut] = {}
    # Of equal effects, what a class has comes before what it lacks.
    is_text = np.array([_is_indicator(column) for _, _, column in columns])
    strength = np.abs(effects) + 1e-9 * (is_text & (effects > 0))
    for row in np.argsort(-strength, axis=None, kind="stable").tolist():
        label, number = divmod(row, len(columns))
        cue, place, column = columns[number]
        effect, p_value = float(effects[label, number]), float(p_values[label, number])
        if abs(effect) < cue.least_effect or p_value > SIGNIFICANT:
            continue
        if cue.id not in found:
            found[cue.id] = Shortcut(
                cue.id,
                cue.title,
                place,
                names[label],
                effect,
                p_value,
                **_described(column, labels == label, names[label], effect),
            )
        elif found[cue.id].column == place and effect * found[cue.id].effect > 0:
            found[cue.id].other_labels.append(names[label])
    return list(found.values())


def compare(
    columns: list[NDArray[np.float64]], labels: IntArray, num_classes: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Compare each class with the others in each column.

    Args:
        columns: Numbers of the photos, each of shape [N]; NaN where it is unknown.
        labels: Class indices, shape [N].
        num_classes: K.

    Returns:
        Cliff's delta and p-value of each class and column, each of shape [K, C]. 0 and 1
        where a class, or all others, have fewer than 20 photos with a known value.
    """
    ranks = np.stack([_centred_ranks(values) for values in columns], 1)  # [N, C]
    is_known = np.stack([~np.isnan(values) for values in columns], 1)
    members = np.eye(num_classes)[labels]  # [N, K]
    inside = members.T @ is_known
    outside = is_known.sum(axis=0) - inside
    is_compared = (inside >= MIN_PHOTOS) & (outside >= MIN_PHOTOS)
    sums = members.T @ ranks
    effects = np.where(is_compared, 2 * sums / np.maximum(inside * outside, 1), 0.0)
    # The variance of such a sum over all ways to assign the labels.
    sizes = members.sum(axis=0)[:, None]
    count = len(labels)
    variance = sizes * (count - sizes) / max(count - 1, 1) * (ranks**2).mean(axis=0)
    scale = np.where(is_compared & (variance > 0), 1 / np.sqrt(np.maximum(variance, 1e-12)), 0.0)
    observed = np.abs(sums) * scale
    random = np.random.default_rng(0)
    largest = np.array(
        [
            np.max(np.abs(members[random.permutation(count)].T @ ranks) * scale, initial=0.0)
            for _ in range(_DRAWS)
        ]
    )
    exceeding = (largest[:, None, None] >= observed).sum(axis=0)
    return effects, np.where(is_compared, (1 + exceeding) / (1 + _DRAWS), 1.0)


def _centred_ranks(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return ranks less their mean, equal ones shared; 0 for unknown values, shape [N]."""
    ranks = np.zeros(len(values))
    is_known = ~np.isnan(values)
    _, places, counts = np.unique(values[is_known], return_inverse=True, return_counts=True)
    shared = np.cumsum(counts) - (counts - 1) / 2
    ranks[is_known] = shared[places] - (is_known.sum() + 1) / 2
    return ranks


def _described(
    column: Column, is_inside: NDArray[np.bool_], label: str, effect: float
) -> dict[str, Any]:
    """Return the border and the text of a shortcut."""
    inside, outside = column.values[is_inside], column.values[~is_inside]
    border = 0.5
    if not _is_indicator(column):
        border = float(np.nanmedian(inside) + np.nanmedian(outside)) / 2
    return {"border": border, "text": _sentence(column, inside, outside, label, effect)}


def _is_indicator(column: Column) -> bool:
    return set(np.unique(column.values[~np.isnan(column.values)])) <= {0.0, 1.0}


def _sentence(
    column: Column,
    inside: NDArray[np.float64],
    outside: NDArray[np.float64],
    label: str,
    effect: float,
) -> str:
    words = column.more if effect > 0 else column.less
    if _is_indicator(column):
        words = column.more
        return (
            f"{percent(float(np.nanmean(inside)), 0)} of the photos of '{label}' are {words}, and "
            f"{percent(float(np.nanmean(outside)), 0)} of the others."
        )
    usual, rest = (column.write(float(np.nanmedian(each))) for each in (inside, outside))
    against = f" against {rest}" if "{}" in words else ""
    return (
        f"Photos of '{label}' are {words.format(usual)}{against}; this alone distinguishes a photo "
        f"of '{label}' from one of the others in {percent((1 + abs(effect)) / 2, 0)} of all pairs."
    )
