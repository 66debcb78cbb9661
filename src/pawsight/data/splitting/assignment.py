"""Assign groups of photos to sides by a deterministic hash, stratified by class.

The hash of a group, its draw, depends on its own key and the seed alone, and the
bounds between the sides on the settings alone. Chance would leave small classes
with uneven parts, so a class that has more or less than its share of a side, by
more than a tenth, is corrected: the groups whose draws are nearest to a bound
change sides. All others stay where they are when photos come or go.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from pawsight.data.catalog import Catalog
from pawsight.data.splitting.grouping import Group

_UNEVEN = 0.1  # of a class' share of a side: what chance may add or take away


@dataclass(frozen=True, slots=True)
class Side:
    """Where photos can go."""

    name: str  # what it is called
    # The draws that lead here, (low, high) with low <= draw < high; those of all sides together
    # cover 0..1.
    bounds: tuple[tuple[float, float], ...]
    least: int = 1  # how many groups of each class it needs
    # Whether groups of more than half of a class go here, whatever they drew.
    takes_giants: bool = False

    def distance(self, draw: float) -> float:
        """Return how far a draw is from here; 0 inside."""
        return min(max(low - draw, draw - high, 0.0) for low, high in self.bounds)

    @property
    def share(self) -> float:
        """Share of the groups that lead here, 0..1."""
        return sum(high - low for low, high in self.bounds)

    def holds(self, draw: float) -> bool:
        """Return whether a draw leads here."""
        return any(low <= draw < high for low, high in self.bounds)


def hash_draw(seed: int, purpose: str, key: str) -> float:
    """Compute a number, 0 <= draw < 1, from a hash; the same on any machine."""
    text = f"{seed}:{purpose}:{key}".encode("utf-8", "surrogateescape")
    # 53 bits: as many as a float holds exactly.
    return (int.from_bytes(hashlib.sha256(text).digest()[:8], "big") >> 11) / 2**53


class Assignment:
    """Groups on their sides; sides can be filled and evened out.

    Args:
        catalog: The photos.
        groups: The groups to assign.
        draws: The draw of each group.
        sides: Where they can go.
        fixed: Photos whose side is decided already, by index. The others of
            their group follow them: to the last such side in the order of `sides`.
    """

    def __init__(
        self,
        catalog: Catalog,
        groups: Sequence[Group],
        draws: Sequence[float],
        sides: Sequence[Side],
        fixed: Mapping[int, str],
    ) -> None:
        self._photos = catalog.photos
        self._groups = groups
        self._draws = draws
        self._sides = {side.name: side for side in sides}
        self._fixed = fixed
        self._giants = self._find_large_groups()
        self._follows = {
            number: next(name for name in reversed(self._sides) if name in found)
            for number, group in enumerate(groups)
            if fixed and (found := {fixed[i] for i in group.indices if i in fixed})
        }
        self._chosen = [self._choose(number) for number in range(len(groups))]
        # How many groups of each class each side has.
        self._count = Counter(pair for number in range(len(groups)) for pair in self._pairs(number))

    def side_of(self) -> dict[int, str]:
        """Return the side of each photo, by catalog index."""
        return {
            index: self._fixed.get(index, side)
            for group, side in zip(self._groups, self._chosen, strict=True)
            for index in group.indices
        }

    def fill_empty_sides(self, labels: Sequence[str]) -> Iterator[tuple[str, str]]:
        """Move groups to sides that lack a class, the nearest draw first.

        Yields:
            Each (label, side name) that cannot be filled.
        """
        for label in labels:
            for side in self._sides.values():
                while self._count[label, side.name] < side.least:
                    number = self._nearest(label, side)
                    if number is None:
                        yield label, side.name
                        break
                    self._count.subtract(self._pairs(number))
                    self._chosen[number] = side.name
                    self._count.update(self._pairs(number))

    def even_out(self, labels: Sequence[str]) -> None:
        """Move groups of each class until every side has its share, give or take a tenth.

        Those whose draws are nearest to a bound move. A group of several classes, a
        giant, or one that follows photos whose side is fixed does not.
        """
        members: dict[str, list[int]] = {}
        total: Counter[str] = Counter()
        for number, group in enumerate(self._groups):
            here = {self._photos[i].label for i in group.indices}
            total.update(here)
            if len(here) == 1 and number not in self._follows and number not in self._giants:
                members.setdefault(here.pop(), []).append(number)
        for label in labels:
            targets = {
                name: max(side.share * total[label], side.least)
                for name, side in self._sides.items()
            }
            while step := self._next_step(label, members.get(label, ()), targets):
                number, side_name = step
                self._count[label, self._chosen[number]] -= 1
                self._chosen[number] = side_name
                self._count[label, side_name] += 1

    def _next_step(
        self, label: str, members: Sequence[int], wanted: Mapping[str, float]
    ) -> tuple[int, str] | None:
        """Return the group to move next, and where to; None where all is even, or as it can be."""
        excess = {name: self._count[label, name] - share for name, share in wanted.items()}
        beyond = {name: abs(excess[name]) / max(1.0, _UNEVEN * wanted[name]) for name in wanted}
        worst = max(beyond, key=beyond.__getitem__)
        if beyond[worst] <= 1:
            return None
        donors = {name for name in excess if excess[name] >= 0.5}
        takers = [side for name, side in self._sides.items() if excess[name] <= -0.5]
        if excess[worst] > 0:
            donors = {worst}
        else:
            takers = [self._sides[worst]]
        steps = (
            (side.distance(self._draws[number]), self._groups[number].key, number, side.name)
            for number in members
            if self._chosen[number] in donors
            for side in takers
        )
        nearest = min(steps, default=None)
        return nearest and nearest[2:]

    def _nearest(self, label: str, side: Side) -> int | None:
        """Find the group of a class that is nearest to a side and can be spared where it is."""
        spare = [
            number
            for number, group in enumerate(self._groups)
            if self._chosen[number] != side.name
            and number not in self._follows
            and any(self._photos[i].label == label for i in group.indices)
            and all(self._count[pair] > self._sides[pair[1]].least for pair in self._pairs(number))
        ]
        # A giant moves last: wherever it goes, little of its class is left elsewhere.
        return min(
            spare,
            key=lambda n: (n in self._giants, side.distance(self._draws[n]), self._groups[n].key),
            default=None,
        )

    def _choose(self, number: int) -> str:
        if number in self._follows:
            return self._follows[number]
        draw = self._draws[number]
        return next(
            side.name
            for side in self._sides.values()
            if (side.takes_giants if number in self._giants else side.holds(draw))
        )

    def _pairs(self, number: int) -> set[tuple[str, str]]:
        """Return each (label, side) that a group counts for."""
        side = self._chosen[number]
        return {
            (self._photos[i].label, self._fixed.get(i, side)) for i in self._groups[number].indices
        }

    def _find_large_groups(self) -> set[int]:
        """Find groups with more than half of the photos of a class, where a side takes them."""
        if not any(side.takes_giants for side in self._sides.values()):
            return set()
        total = Counter(self._photos[i].label for group in self._groups for i in group.indices)
        giants = set()
        for number, group in enumerate(self._groups):
            if len(group.indices) > 1:
                here = Counter(self._photos[i].label for i in group.indices)
                if any(2 * count > total[label] for label, count in here.items()):
                    giants.add(number)
        return giants
