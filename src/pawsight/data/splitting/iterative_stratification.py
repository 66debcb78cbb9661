"""Divide photos with several labels so that each label has its share of each part.

Source: Sechidis, Tsoumakas and Vlahavas 2011, "On the stratification of multi-label data",
algorithm 1, applied to groups of photos instead of photos. The rarest label comes first, while
its photos can still be assigned to any subset; photos without a label come last. In addition,
the last groups of a label are assigned to subsets that lack it, so that a label with at least
as many groups as there are subsets is in every subset.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from pawsight.data.catalog import Catalog
from pawsight.data.splitting.grouping import Group, fixed_subsets

_PHOTOS = ""  # key of the number of photos, beside the labels; no label is empty


def stratified(
    catalog: Catalog,
    groups: Sequence[Group],
    draws: Sequence[float],
    shares: Mapping[str, float],
    fixed: Mapping[int, str],
) -> dict[int, str]:
    """Assign groups to subsets by iterative stratification.

    Args:
        catalog: The photos.
        groups: Photos that must be in the same subset.
        draws: A number for each group that decides the order of groups of equal size.
        shares: The share of the photos that each subset receives, by name; they sum to 1.
        fixed: As for `Assignment`.

    Returns:
        The name of the subset of each photo, by catalog index.
    """
    counts = [_counts(catalog, group) for group in groups]
    totals = sum(counts, Counter[str]())
    targets = {
        subset: {key: share * totals[key] for key in totals} for subset, share in shares.items()
    }
    present: dict[str, set[str]] = {subset: set() for subset in shares}  # labels
    subset_of: dict[int, str] = {}

    def assign(number: int, subset: str) -> None:
        for index in groups[number].indices:
            subset_of[index] = fixed.get(index, subset)
            names = catalog.names_of(catalog.photos[index])
            present[subset_of[index]].update(names)
            for key in (_PHOTOS, *names):
                targets[subset_of[index]][key] -= 1

    def choose(label: str, num_left: int) -> str:
        lacking = [subset for subset in targets if label not in present[subset]]
        if label and num_left <= len(lacking):
            return lacking[-1]  # the train part is last
        return max(
            targets,
            key=lambda subset: (targets[subset][label], targets[subset][_PHOTOS], shares[subset]),
        )

    follows = fixed_subsets(groups, list(shares), fixed)
    for number, subset in follows.items():
        assign(number, subset)
    left = set(range(len(groups))) - follows.keys()
    order = sorted(left, key=lambda number: (draws[number], groups[number].key))
    while left:
        remaining = Counter(key for number in left for key in counts[number])
        labels = sorted(set(remaining) - {_PHOTOS}, key=lambda name: (remaining[name], name))
        label = labels[0] if labels else _PHOTOS
        # The largest groups first: a small group still fits where a subset needs few photos.
        with_label = [number for number in order if number in left and label in counts[number]]
        with_label.sort(key=lambda number: -counts[number][label])
        for position, number in enumerate(with_label):
            assign(number, choose(label, len(with_label) - position))
            left.remove(number)
    return subset_of


def _counts(catalog: Catalog, group: Group) -> Counter[str]:
    counts = Counter({_PHOTOS: len(group.indices)})
    for index in group.indices:
        counts.update(catalog.names_of(catalog.photos[index]))
    return counts
