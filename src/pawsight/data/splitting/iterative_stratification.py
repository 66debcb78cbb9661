"""Divide photos of several labels so that each label has its share of each part.

Source: Sechidis, Tsoumakas and Vlahavas 2011, "On the stratification of multi-label data",
algorithm 1, for groups of photos instead of photos. The rarest label comes first, since its
photos can still go wherever they are wanted most; photos without a label come last. Unlike
there, a label's last groups go to the sides that have none of it yet, so that each label with as
many groups as there are sides is on all of them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from pawsight.data.catalog import Catalog
from pawsight.data.splitting.grouping import Group

_PHOTOS = ""  # what photos are counted under, beside the labels; no label is called so


def stratified(
    catalog: Catalog,
    groups: Sequence[Group],
    draws: Sequence[float],
    shares: Mapping[str, float],
    fixed: Mapping[int, str],
) -> dict[int, str]:
    """Return the side of each photo, by catalog index.

    Args:
        catalog: The photos.
        groups: Photos that go to one side.
        draws: A number for each group that decides the order of equal ones.
        shares: The share of the photos that each side gets, by its name; they sum to 1. A label
            of few groups goes to the last side first.
        fixed: Photos whose side is decided already, by index; the others of their group go to
            the last such side in the order of `shares`.
    """
    counts = [_counts(catalog, group) for group in groups]
    totals = sum(counts, Counter[str]())
    targets = {side: {key: share * totals[key] for key in totals} for side, share in shares.items()}
    present: dict[str, set[str]] = {side: set() for side in shares}  # labels
    side_of: dict[int, str] = {}

    def put(number: int, side: str) -> None:
        for index in groups[number].indices:
            side_of[index] = fixed.get(index, side)
            names = catalog.names_of(catalog.photos[index])
            present[side_of[index]].update(names)
            for key in (_PHOTOS, *names):
                targets[side_of[index]][key] -= 1

    def chosen(label: str, num_left: int) -> str:
        lacking = [side for side in targets if label not in present[side]]
        if label and num_left <= len(lacking):
            return lacking[-1]  # training first
        return max(
            targets, key=lambda side: (targets[side][label], targets[side][_PHOTOS], shares[side])
        )

    left = set(range(len(groups)))
    for number in sorted(left):
        fixed_parts = {fixed[i] for i in groups[number].indices if i in fixed}
        if fixed_parts:
            put(number, next(side for side in reversed(list(shares)) if side in fixed_parts))
            left.remove(number)
    order = sorted(left, key=lambda number: (draws[number], groups[number].key))
    while left:
        remaining = Counter(key for number in left for key in counts[number])
        labels = sorted(set(remaining) - {_PHOTOS}, key=lambda name: (remaining[name], name))
        label = labels[0] if labels else _PHOTOS
        # The largest groups first: a small one still fits where little is wanted.
        with_label = [number for number in order if number in left and label in counts[number]]
        with_label.sort(key=lambda number: -counts[number][label])
        for place, number in enumerate(with_label):
            put(number, chosen(label, len(with_label) - place))
            left.remove(number)
    return side_of


def _counts(catalog: Catalog, group: Group) -> Counter[str]:
    counts = Counter({_PHOTOS: len(group.indices)})
    for index in group.indices:
        counts.update(catalog.names_of(catalog.photos[index]))
    return counts
