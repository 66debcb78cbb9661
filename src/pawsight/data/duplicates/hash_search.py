"""Find photos whose difference hashes are close together, without comparing all pairs.

If two hashes of 64 bits differ in at most 4 r + 3 bits, then one of their quarters
differs in at most r bits. So the hashes are sorted four times, each time by another
quarter, and each sorted table is queried for every hash with up to r bits of that
quarter flipped. Source: Manku, Jain and Das Sarma, "Detecting near-duplicates for web
crawling", 2007. Nothing here opens a photo.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from pawsight.records import IntArray

Hashes = NDArray[np.uint64]

_SIDE = 8  # a hash is 8 rows of 8 bits
_QUARTER = 16  # bits
_MAX_FOR_RADIUS_2 = 100_000  # hashes; of more, only one bit of a quarter may differ
_MAX_PAIRS = 8_000_000  # that are kept, the closest first
_MAX_NEIGHBOURS = 256  # compared before and after a query, if many hashes share its quarter
_BLOCK = 2_000_000  # pairs or queries at a time, which limits the memory


@dataclass(frozen=True, slots=True)
class HashPairs:
    """Pairs of photos whose hashes are close, the closest first."""

    first: IntArray  # position of the first photo, shape [P]
    second: IntArray  # position of the second photo, larger than `first`, shape [P]
    is_mirrored: NDArray[np.bool_]  # whether `first` is close to the mirrored `second`, shape [P]
    distance: NDArray[np.uint8]  # number of different bits, shape [P]


def mirrored(hashes: Hashes) -> Hashes:
    """Return the hashes of the mirror images (except for neighbours of equal brightness)."""
    return _packed(1 - _bits(hashes).reshape(-1, _SIDE, _SIDE)[:, :, ::-1].reshape(-1, 64))


def near_hashes(hashes: Hashes, radius: int | None = None) -> HashPairs:
    """Find the pairs of hashes that differ in at most 4 * radius + 3 bits, also when mirrored.

    Time and memory are linear in the number of hashes and of pairs. Of more than 8 million
    pairs, only the closest are kept. Where hundreds of hashes share a quarter, each is only
    compared with its neighbours in sorted order.

    Args:
        hashes: Shape [N].
        radius: 0 to 2; None is 2 for up to 100,000 hashes, else 1.
    """
    if radius is None:
        radius = 2 if len(hashes) <= _MAX_FOR_RADIUS_2 else 1
    pairs = _PairCollection(len(hashes), 4 * radius + 3)
    flips = _flips(radius)
    for order in _quarters_first():
        keys = _packed(_bits(hashes)[:, order])
        ranks = np.argsort(keys, kind="stable")
        table = _Table(keys[ranks], ranks)
        pairs.add(table, table.keys, ranks, flips, is_mirrored=False)
        mirrored_keys = _packed(_bits(mirrored(hashes))[:, order])
        pairs.add(table, mirrored_keys[ranks], ranks, flips, is_mirrored=True)
    return pairs.sorted()


class _Table:
    """Sorted keys, and where the keys of each first quarter begin."""

    def __init__(self, keys: Hashes, ranks: IntArray) -> None:
        self.keys = keys
        self.ranks = ranks
        quarters = np.arange(2**_QUARTER, dtype=np.uint64) << np.uint64(64 - _QUARTER)
        self.starts = np.append(np.searchsorted(keys, quarters), len(keys))

    def near(self, queries: Hashes) -> tuple[IntArray, IntArray]:
        """Return the range of keys with the first quarter of each query, limited to neighbours."""
        quarters = (queries >> np.uint64(64 - _QUARTER)).astype(np.int64)
        low, high = self.starts[quarters], self.starts[quarters + 1]
        long = np.flatnonzero(high - low > 2 * _MAX_NEIGHBOURS)
        middle = np.searchsorted(self.keys, queries[long])
        low[long] = np.maximum(low[long], middle - _MAX_NEIGHBOURS)
        high[long] = np.minimum(high[long], middle + _MAX_NEIGHBOURS)
        return low, high

    def last_of_quarter(self, positions: IntArray) -> IntArray:
        """Return the last position with the same first quarter as the key at each position."""
        quarters = (self.keys[positions] >> np.uint64(64 - _QUARTER)).astype(np.int64)
        return self.starts[quarters + 1] - 1


class _PairCollection:
    """The pairs found so far; each is coded as one number: first, second, mirrored."""

    def __init__(self, num_hashes: int, max_distance: int) -> None:
        self._num = num_hashes
        self._max_distance = max_distance
        self._codes: list[IntArray] = [np.zeros(0, np.int64)]
        self._distances: list[NDArray[np.uint8]] = [np.zeros(0, np.uint8)]
        self._count = 0

    def add(
        self, table: _Table, queries: Hashes, ranks: IntArray, flips: Hashes, is_mirrored: bool
    ) -> None:
        """Add the pairs of every query, with each of the flips, and the keys near it.

        Args:
            table: The keys, in sorted order.
            queries: The query of each key: the key itself, or that of its mirror image.
            ranks: The position of each query in the hashes.
            flips: Masks of the bits to flip; the first is 0.
            is_mirrored: Whether the queries are those of mirror images.
        """
        flips_at_once = max(1, _BLOCK // max(1, len(queries)))
        for start in range(0, len(flips), flips_at_once):
            masks = flips[start : start + flips_at_once, None]
            flipped = queries[None] ^ masks
            if is_mirrored:
                chosen = np.arange(flipped.size)
            else:  # each pair would be found from both hashes: once is enough
                chosen = np.flatnonzero((masks == 0) | (flipped > queries[None]))
            low, high = table.near(flipped.reshape(-1)[chosen])
            rows = chosen % len(queries)
            if not is_mirrored:
                # Without a flip, the query is one of the keys: compare it with those after it.
                unflipped = np.flatnonzero(chosen < (len(queries) if start == 0 else 0))
                positions = rows[unflipped]
                last = table.last_of_quarter(positions)
                low[unflipped] = positions + 1
                high[unflipped] = np.minimum(last, positions + _MAX_NEIGHBOURS) + 1
            for ranges, keys in _expand(low, high):
                row = rows[ranges]
                distance = np.bitwise_count(queries[row] ^ table.keys[keys])
                near = np.flatnonzero(distance <= self._max_distance)
                self._keep(ranks[row[near]], table.ranks[keys[near]], distance[near], is_mirrored)

    def _keep(
        self, a: IntArray, b: IntArray, distance: NDArray[np.uint8], is_mirrored: bool
    ) -> None:
        """Add pairs; if there are too many, lower the maximal distance."""
        different = a != b
        a, b, distance = a[different], b[different], distance[different]
        codes = (np.minimum(a, b) * self._num + np.maximum(a, b)) * 2 + is_mirrored
        self._codes.append(codes)
        self._distances.append(distance)
        self._count += len(codes)
        if self._count > 2 * _MAX_PAIRS:
            self._merge()
            while self._count > _MAX_PAIRS and self._max_distance > 0:
                self._max_distance -= 1
                keep = self._distances[0] <= self._max_distance
                self._codes, self._distances = [self._codes[0][keep]], [self._distances[0][keep]]
                self._count = len(self._codes[0])

    def _merge(self) -> None:
        """Remove pairs that were found more than once."""
        codes, positions = np.unique(np.concatenate(self._codes), return_index=True)
        self._distances = [np.concatenate(self._distances)[positions]]
        self._codes = [codes]
        self._count = len(codes)

    def sorted(self) -> HashPairs:
        """Return the pairs, sorted by distance and then by position."""
        self._merge()
        order = np.argsort(self._distances[0], kind="stable")
        codes = self._codes[0][order]
        first, second = np.divmod(codes // 2, max(1, self._num))
        return HashPairs(first, second, codes % 2 == 1, self._distances[0][order])


def _expand(low: IntArray, high: IntArray) -> Iterator[tuple[IntArray, IntArray]]:
    """Yield every number of the ranges low..high - 1, with the position of its range, in blocks."""
    counts = np.maximum(high - low, 0)
    filled = np.flatnonzero(counts)
    ends = np.cumsum(counts[filled])
    start = 0
    while start < len(filled):
        done = ends[start - 1] if start else 0
        stop = max(start + 1, int(np.searchsorted(ends, done + _BLOCK, side="right")))
        positions = filled[start:stop]
        repeated = np.repeat(positions, counts[positions])
        offsets = np.arange(len(repeated)) - np.repeat(
            np.cumsum(counts[positions]) - counts[positions], counts[positions]
        )
        yield repeated, low[repeated] + offsets
        start = stop


def _quarters_first() -> list[IntArray]:
    """Return four orders of the bits, each with another quarter first.

    A quarter is every second bit of every second row: neighbouring bits are often
    equal, so quarters of distant bits divide photos several times more evenly.
    """
    grid = np.arange(64).reshape(_SIDE, _SIDE)
    quarters = [grid[row::2, column::2].ravel() for row in (0, 1) for column in (0, 1)]
    return [np.concatenate(quarters[i:] + quarters[:i]) for i in range(4)]


def _flips(radius: int) -> Hashes:
    """Return masks of up to `radius` bits in the first quarter; the first mask is 0."""
    bits = [1 << (63 - bit) for bit in range(_QUARTER)]
    masks = [sum(chosen) for count in range(radius + 1) for chosen in combinations(bits, count)]
    return np.array(masks, np.uint64)


def _bits(hashes: Hashes) -> NDArray[np.uint8]:
    return np.unpackbits(hashes.astype(">u8").view(np.uint8).reshape(-1, 8), axis=1)


def _packed(bits: NDArray[np.uint8]) -> Hashes:
    packed = np.ascontiguousarray(np.packbits(bits, axis=1))
    return packed.view(">u8").ravel().astype(np.uint64)
