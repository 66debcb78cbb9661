"""Sets of photos that are joined step by step (union-find)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence


class DisjointSets:
    """Sets of the indices 0..count-1, each alone at first; the smallest index is the root."""

    def __init__(self, count: int) -> None:
        self._parents = list(range(count))

    def root(self, index: int) -> int:
        """Return the smallest index in the set of an index."""
        parents = self._parents
        while parents[index] != index:
            parents[index] = index = parents[parents[index]]
        return index

    def join(self, one: int, other: int) -> None:
        """Join the sets of two indices."""
        a, b = self.root(one), self.root(other)
        self._parents[max(a, b)] = min(a, b)

    def join_all(self, indices: Sequence[int]) -> None:
        """Join the sets of all these indices."""
        for index in indices[1:]:
            self.join(indices[0], index)

    def groups(self, indices: Iterable[int]) -> list[list[int]]:
        """Return some indices by their set, in the order given."""
        members: dict[int, list[int]] = {}
        for index in indices:
            members.setdefault(self.root(index), []).append(index)
        return list(members.values())
