"""Assign groups of photos to subsets by a deterministic hash, stratified by class.

The hash of a group, its draw, depends only on its key and the seed, and the bounds
between the subsets only on the settings. Chance would leave small classes with uneven
parts, so a class that has a tenth more or less than its share of a subset is corrected:
the groups whose draws are nearest to a bound move. All other groups keep their subset
when photos are added or removed.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from pawsight.data.catalog import Catalog
from pawsight.data.splitting.grouping import Group, fixed_subsets

_TOLERANCE = 0.1  # by which the share of a class in a subset may deviate


@dataclass(frozen=True, slots=True)
class Subset:
    """A part or a fold that groups of photos are assigned to."""

    name: str
    # Ranges of draws that are assigned to it, low <= draw < high. The ranges of all subsets
    # together cover 0..1.
    bounds: tuple[tuple[float, float], ...]
    min_groups: int = 1  # how many groups of each class it needs
    # Whether it receives the dominant groups, those of more than half of a class, for any draw.
    takes_dominant: bool = False

    def distance(self, draw: float) -> float:
        """Return the distance of a draw from the nearest range; 0 inside one."""
        return min(max(low - draw, draw - high, 0.0) for low, high in self.bounds)

    @property
    def share(self) -> float:
        """Expected share of the groups, 0..1."""
        return sum(high - low for low, high in self.bounds)

    def contains(self, draw: float) -> bool:
        """Return whether a draw is inside one of the ranges."""
        return any(low <= draw < high for low, high in self.bounds)


def hash_draw(seed: int, purpose: str, key: str) -> float:
    """Compute the draw of a group from a hash, 0 <= draw < 1; the same on any machine.

    Args:
        seed: The seed of the split.
        purpose: Draws for different purposes are independent.
        key: The key of the group.
    """
    text = f"{seed}:{purpose}:{key}".encode("utf-8", "surrogateescape")
    # A float stores 53 bits exactly.
    return (int.from_bytes(hashlib.sha256(text).digest()[:8], "big") >> 11) / 2**53


class Assignment:
    """An assignment of groups to subsets, which can be corrected.

    Args:
        catalog: The photos.
        groups: The groups to assign.
        draws: The draw of each group.
        subsets: The subsets.
        fixed: Names of the subsets of photos that must not move, by catalog index. Other
            photos of their group follow them; if such photos are in several subsets,
            to the last of these in the order of `subsets`.
    """

    def __init__(
        self,
        catalog: Catalog,
        groups: Sequence[Group],
        draws: Sequence[float],
        subsets: Sequence[Subset],
        fixed: Mapping[int, str],
    ) -> None:
        self._photos = catalog.photos
        self._groups = groups
        self._draws = draws
        self._subsets = {subset.name: subset for subset in subsets}
        self._fixed = fixed
        self._dominant = self._find_dominant_groups()
        self._follows = fixed_subsets(groups, list(self._subsets), fixed)
        self._chosen = [self._choose(number) for number in range(len(groups))]
        # Number of groups by (label, subset name).
        self._count = Counter(pair for number in range(len(groups)) for pair in self._pairs(number))

    def subset_of(self) -> dict[int, str]:
        """Return the subset of each photo, by catalog index."""
        return {
            index: self._fixed.get(index, subset)
            for group, subset in zip(self._groups, self._chosen, strict=True)
            for index in group.indices
        }

    def fill_empty_subsets(self, labels: Sequence[str]) -> Iterator[tuple[str, str]]:
        """Move groups to subsets with too few groups of a class, the nearest draw first.

        Yields:
            Each (label, subset name) for which there are not enough groups.
        """
        for label in labels:
            for subset in self._subsets.values():
                while self._count[label, subset.name] < subset.min_groups:
                    number = self._nearest(label, subset)
                    if number is None:
                        yield label, subset.name
                        break
                    self._count.subtract(self._pairs(number))
                    self._chosen[number] = subset.name
                    self._count.update(self._pairs(number))

    def even_out(self, labels: Sequence[str]) -> None:
        """Move groups of each class until every subset has its share, give or take a tenth.

        The groups whose draws are nearest to a bound move, except groups of several classes,
        dominant groups and groups that follow photos with a fixed subset.
        """
        members: dict[str, list[int]] = {}
        total: Counter[str] = Counter()
        for number, group in enumerate(self._groups):
            of_group = {self._photos[i].label for i in group.indices}
            total.update(of_group)
            if len(of_group) == 1 and number not in self._follows and number not in self._dominant:
                members.setdefault(of_group.pop(), []).append(number)
        for label in labels:
            targets = {
                name: max(subset.share * total[label], subset.min_groups)
                for name, subset in self._subsets.items()
            }
            while step := self._next_step(label, members.get(label, ()), targets):
                number, subset_name = step
                self._count[label, self._chosen[number]] -= 1
                self._chosen[number] = subset_name
                self._count[label, subset_name] += 1

    def _next_step(
        self, label: str, members: Sequence[int], targets: Mapping[str, float]
    ) -> tuple[int, str] | None:
        """Return the group to move next, and its new subset; None if no move improves the shares.

        Args:
            label: The class to even out.
            members: Numbers of its groups that can move.
            targets: Number of groups that each subset should have.
        """
        excess = {name: self._count[label, name] - target for name, target in targets.items()}
        deviation = {
            name: abs(excess[name]) / max(1.0, _TOLERANCE * target)
            for name, target in targets.items()
        }
        worst = max(deviation, key=deviation.__getitem__)
        if deviation[worst] <= 1:
            return None
        donors = {name for name in excess if excess[name] >= 0.5}
        takers = [subset for name, subset in self._subsets.items() if excess[name] <= -0.5]
        if excess[worst] > 0:
            donors = {worst}
        else:
            takers = [self._subsets[worst]]
        steps = (
            (subset.distance(self._draws[number]), self._groups[number].key, number, subset.name)
            for number in members
            if self._chosen[number] in donors
            for subset in takers
        )
        nearest = min(steps, default=None)
        return nearest and nearest[2:]

    def _nearest(self, label: str, subset: Subset) -> int | None:
        """Return the group of a class nearest to a subset, of those that can leave their own."""
        movable = [
            number
            for number, group in enumerate(self._groups)
            if self._chosen[number] != subset.name
            and number not in self._follows
            and any(self._photos[i].label == label for i in group.indices)
            and all(
                self._count[pair] > self._subsets[pair[1]].min_groups
                for pair in self._pairs(number)
            )
        ]
        # A dominant group moves last: wherever it goes, little of its class is left elsewhere.
        return min(
            movable,
            key=lambda n: (
                n in self._dominant,
                subset.distance(self._draws[n]),
                self._groups[n].key,
            ),
            default=None,
        )

    def _choose(self, number: int) -> str:
        if number in self._follows:
            return self._follows[number]
        draw = self._draws[number]
        return next(
            subset.name
            for subset in self._subsets.values()
            if (subset.takes_dominant if number in self._dominant else subset.contains(draw))
        )

    def _pairs(self, number: int) -> set[tuple[str, str]]:
        """Return each (label, subset name) that a group counts for."""
        subset = self._chosen[number]
        return {
            (self._photos[i].label, self._fixed.get(i, subset))
            for i in self._groups[number].indices
        }

    def _find_dominant_groups(self) -> set[int]:
        """Find groups of more than half of a class; none if no subset takes them."""
        if not any(subset.takes_dominant for subset in self._subsets.values()):
            return set()
        total = Counter(self._photos[i].label for group in self._groups for i in group.indices)
        dominant = set()
        for number, group in enumerate(self._groups):
            if len(group.indices) > 1:
                of_group = Counter(self._photos[i].label for i in group.indices)
                if any(2 * count > total[label] for label, count in of_group.items()):
                    dominant.add(number)
        return dominant
