"""Find photos whose difference hashes are close together, without comparing all pairs.

Two hashes of 64 bits that differ in at most 4 r + 3 bits differ in at most r
bits of one of their quarters. So the hashes are sorted four times, each time
by another quarter, and each is queried with up to r bits of that quarter
flipped. Source: Manku, Jain and Das Sarma, "Detecting near-duplicates for web
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
_FEW = 100_000  # up to so many photos, two bits of a quarter may differ, else one
_MAX_PAIRS = 8_000_000  # kept; beyond, only the closest
_MAX_NEIGHBOURS = 256  # compared on each side, where thousands share a quarter
_BLOCK = 2_000_000  # pairs or queries at a time, which bounds the memory


@dataclass(frozen=True, slots=True)
class HashPairs:
    """Pairs of photos whose hashes are close, the closest first."""

    first: IntArray  # position of one photo, shape [P]
    second: IntArray  # position of the other one, larger than `first`, shape [P]
    is_mirrored: NDArray[np.bool_]  # whether the second's mirror image is what is close, shape [P]
    distance: NDArray[np.uint8]  # bits that differ, shape [P]


def mirrored(hashes: Hashes) -> Hashes:
    """Return the hashes of the mirror images (but for neighbours of equal brightness)."""
    return _packed(1 - _bits(hashes).reshape(-1, _SIDE, _SIDE)[:, :, ::-1].reshape(-1, 64))


def near_hashes(hashes: Hashes, radius: int | None = None) -> HashPairs:
    """Find the pairs of hashes that differ in at most 4 * radius + 3 bits, also when mirrored.

    Time and memory grow with the number of hashes and of pairs found, never
    with its square: where more than 8 million pairs are close, only the closest
    are kept, and where hundreds share a quarter, each is compared with those next to
    it in sorted order only.

    Args:
        hashes: Shape [N].
        radius: 0 to 2; None takes 2 up to 100,000 hashes and 1 beyond.
    """
    if radius is None:
        radius = 2 if len(hashes) <= _FEW else 1
    found = _Found(len(hashes), 4 * radius + 3)
    flips = _flips(radius)
    for order in _quarters_first():
        keys = _packed(_bits(hashes)[:, order])
        ranks = np.argsort(keys, kind="stable")
        table = _Table(keys[ranks], ranks)
        found.add(table, table.keys, ranks, flips, is_mirrored=False)
        other = _packed(_bits(mirrored(hashes))[:, order])
        found.add(table, other[ranks], ranks, flips, is_mirrored=True)
    return found.pairs()


class _Table:
    """Sorted keys, and where those with the same first quarter begin."""

    def __init__(self, keys: Hashes, ranks: IntArray) -> None:
        self.keys = keys
        self.ranks = ranks
        quarters = np.arange(2**_QUARTER, dtype=np.uint64) << np.uint64(64 - _QUARTER)
        self.starts = np.append(np.searchsorted(keys, quarters), len(keys))

    def near(self, queries: Hashes) -> tuple[IntArray, IntArray]:
        """Return the range of keys that share the first quarter of each query, narrowed if long."""
        quarters = (queries >> np.uint64(64 - _QUARTER)).astype(np.int64)
        low, high = self.starts[quarters], self.starts[quarters + 1]
        long = np.flatnonzero(high - low > 2 * _MAX_NEIGHBOURS)
        middle = np.searchsorted(self.keys, queries[long])
        low[long] = np.maximum(low[long], middle - _MAX_NEIGHBOURS)
        high[long] = np.minimum(high[long], middle + _MAX_NEIGHBOURS)
        return low, high

    def last_of_quarter(self, places: IntArray) -> IntArray:
        """Return the place of the last key with the same first quarter as the one at each place."""
        quarters = (self.keys[places] >> np.uint64(64 - _QUARTER)).astype(np.int64)
        return self.starts[quarters + 1] - 1


class _Found:
    """The pairs found so far, each once, as one number: first, second, mirrored."""

    def __init__(self, num_hashes: int, most_bits: int) -> None:
        self._num = num_hashes
        self._most_bits = most_bits
        self._codes: list[IntArray] = [np.zeros(0, np.int64)]
        self._distances: list[NDArray[np.uint8]] = [np.zeros(0, np.uint8)]
        self._count = 0

    def add(
        self, table: _Table, queries: Hashes, ranks: IntArray, flips: Hashes, is_mirrored: bool
    ) -> None:
        """Add the matches of every query, with each of the flips."""
        at_once = max(1, _BLOCK // max(1, len(queries)))
        for start in range(0, len(flips), at_once):
            some = flips[start : start + at_once, None]
            wanted = queries[None] ^ some
            if is_mirrored:
                asks = np.arange(wanted.size)
            else:  # a pair is met from both sides: once is enough
                asks = np.flatnonzero((some == 0) | (wanted > queries[None]))
            low, high = table.near(wanted.reshape(-1)[asks])
            rows = asks % len(queries)
            if not is_mirrored:
                # Nothing is flipped: the query is one of the keys, and its neighbours follow it.
                plain = np.flatnonzero(asks < (len(queries) if start == 0 else 0))
                own = rows[plain]
                last = table.last_of_quarter(own)
                low[plain], high[plain] = own + 1, np.minimum(last, own + _MAX_NEIGHBOURS) + 1
            for places, keys in _expand(low, high):
                row = rows[places]
                distance = np.bitwise_count(queries[row] ^ table.keys[keys])
                near = np.flatnonzero(distance <= self._most_bits)
                self._keep(ranks[row[near]], table.ranks[keys[near]], distance[near], is_mirrored)

    def _keep(
        self, one: IntArray, other: IntArray, distance: NDArray[np.uint8], is_mirrored: bool
    ) -> None:
        """Add pairs; where there are too many, keep closer ones only from here on."""
        different = one != other
        one, other, distance = one[different], other[different], distance[different]
        codes = (np.minimum(one, other) * self._num + np.maximum(one, other)) * 2 + is_mirrored
        self._codes.append(codes)
        self._distances.append(distance)
        self._count += len(codes)
        if self._count > 2 * _MAX_PAIRS:
            self._merge()
            while self._count > _MAX_PAIRS and self._most_bits > 0:
                self._most_bits -= 1
                keep = self._distances[0] <= self._most_bits
                self._codes, self._distances = [self._codes[0][keep]], [self._distances[0][keep]]
                self._count = len(self._codes[0])

    def _merge(self) -> None:
        codes, places = np.unique(np.concatenate(self._codes), return_index=True)
        self._distances = [np.concatenate(self._distances)[places]]
        self._codes = [codes]
        self._count = len(codes)

    def pairs(self) -> HashPairs:
        """Return all of them, the closest first, then in order."""
        self._merge()
        order = np.argsort(self._distances[0], kind="stable")
        codes = self._codes[0][order]
        first, second = np.divmod(codes // 2, max(1, self._num))
        return HashPairs(first, second, codes % 2 == 1, self._distances[0][order])


def _expand(low: IntArray, high: IntArray) -> Iterator[tuple[IntArray, IntArray]]:
    """Yield each place of the ranges low..high with each number of its range, block by block."""
    counts = np.maximum(high - low, 0)
    filled = np.flatnonzero(counts)
    ends = np.cumsum(counts[filled])
    start = 0
    while start < len(filled):
        done = ends[start - 1] if start else 0
        stop = max(start + 1, int(np.searchsorted(ends, done + _BLOCK, side="right")))
        places = filled[start:stop]
        repeated = np.repeat(places, counts[places])
        offsets = np.arange(len(repeated)) - np.repeat(
            np.cumsum(counts[places]) - counts[places], counts[places]
        )
        yield repeated, low[repeated] + offsets
        start = stop


def _quarters_first() -> list[IntArray]:
    """Return orders of the bits in which another quarter comes first.

    A quarter is every second bit of every second row: neighbouring bits are
    often equal, and quarters of distant ones spread photos several times better.
    """
    grid = np.arange(64).reshape(_SIDE, _SIDE)
    quarters = [grid[row::2, column::2].ravel() for row in (0, 1) for column in (0, 1)]
    return [np.concatenate(quarters[i:] + quarters[:i]) for i in range(4)]


def _flips(radius: int) -> Hashes:
    """Return masks of up to `radius` bits in the first quarter; the first one is 0."""
    bits = [1 << (63 - bit) for bit in range(_QUARTER)]
    chosen = [sum(some) for count in range(radius + 1) for some in combinations(bits, count)]
    return np.array(chosen, np.uint64)


def _bits(hashes: Hashes) -> NDArray[np.uint8]:
    return np.unpackbits(hashes.astype(">u8").view(np.uint8).reshape(-1, 8), axis=1)


def _packed(bits: NDArray[np.uint8]) -> Hashes:
    packed = np.ascontiguousarray(np.packbits(bits, axis=1))
    return packed.view(">u8").ravel().astype(np.uint64)
