"""Disjoint sets of photos that are joined step by step (union-find)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence


class DisjointSets:
    """Sets of the indices 0..count-1, initially one for each; the smallest index is the root."""

    def __init__(self, count: int) -> None:
        self._parents = list(range(count))

    def root(self, index: int) -> int:
        """Return the smallest index of the set that contains an index."""
        parents = self._parents
        while parents[index] != index:
            parents[index] = index = parents[parents[index]]
        return index

    def join(self, first: int, second: int) -> None:
        """Join the sets of two indices."""
        a, b = self.root(first), self.root(second)
        self._parents[max(a, b)] = min(a, b)

    def join_all(self, indices: Sequence[int]) -> None:
        """Join the sets of all these indices."""
        for index in indices[1:]:
            self.join(indices[0], index)

    def groups(self, indices: Iterable[int]) -> list[list[int]]:
        """Group indices by their set; groups and their members are in the order of `indices`."""
        members: dict[int, list[int]] = {}
        for index in indices:
            members.setdefault(self.root(index), []).append(index)
        return list(members.values())
