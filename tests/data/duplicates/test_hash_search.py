import numpy as np
import pytest

from pawsight.data.duplicates import hash_search
from pawsight.data.duplicates.hash_search import mirrored, near_hashes


def all_pairs(hashes, most_bits):
    """What a comparison of all pairs finds: (first, second, is_mirrored)."""
    found = set()
    for is_mirrored, others in ((False, hashes), (True, mirrored(hashes))):
        distance = np.bitwise_count(hashes[:, None] ^ others[None])
        first, second = np.nonzero(distance <= most_bits)
        found |= {(i, j, is_mirrored) for i, j in zip(first, second, strict=True) if i < j}
    return found


def found_pairs(hashes, radius=None):
    pairs = near_hashes(hashes, radius)
    return list(zip(pairs.first, pairs.second, pairs.is_mirrored, strict=True))


def similar_hashes(count, seed=0):
    """Hashes in clusters: each differs from one of a few in 0 to 15 random bits."""
    rng = np.random.default_rng(seed)
    centres = rng.integers(0, 2**63, 20, dtype=np.uint64)
    hashes = centres[rng.integers(0, 20, count)]
    for place in range(count):
        for bit in rng.choice(64, rng.integers(0, 16), replace=False):
            hashes[place] ^= np.uint64(1) << np.uint64(bit)
    half = rng.random(count) < 0.3
    return np.where(half, mirrored(hashes), hashes)


@pytest.mark.parametrize(("radius", "most_bits"), [(0, 3), (1, 7), (2, 11)])
def test_every_near_pair_is_found_once(radius, most_bits):
    hashes = similar_hashes(400)
    found = found_pairs(hashes, radius)
    assert len(found) == len(set(found)) > 100
    assert set(found) == all_pairs(hashes, most_bits)


@pytest.mark.parametrize(("few", "most_bits"), [(400, 11), (399, 7)])
def test_of_many_hashes_only_closer_pairs_are_found(few, most_bits, monkeypatch):
    monkeypatch.setattr(hash_search, "_MAX_FOR_RADIUS_2", few)
    hashes = similar_hashes(400)
    assert set(found_pairs(hashes)) == all_pairs(hashes, most_bits)


def test_the_closest_pairs_come_first():
    pairs = near_hashes(similar_hashes(400))
    assert (np.diff(pairs.distance.astype(int)) >= 0).all()
    assert (pairs.first < pairs.second).all()


def test_the_mirror_image_of_a_hash_is_that_of_the_mirrored_picture():
    rows = np.array([[3, 5, 4, 9, 9, 1, 2, 0, 7]] * 8)
    grid = rows + np.arange(8)[:, None] * 0
    bits = grid[:, 1:] > grid[:, :-1]
    flipped = grid[:, ::-1][:, 1:] > grid[:, ::-1][:, :-1]
    one, other = (np.packbits(some).view(">u8").astype(np.uint64) for some in (bits, flipped))
    # They differ in the one place of each row where two neighbours are equally bright.
    assert np.bitwise_count(mirrored(one) ^ other).tolist() == [8]


def test_a_hash_is_no_pair_with_itself_though_it_be_its_own_mirror_image():
    symmetric = np.array([0xF0F0F0F0F0F0F0F0], np.uint64)
    assert mirrored(symmetric) == symmetric
    assert found_pairs(symmetric) == []


def test_thousands_of_equal_hashes_give_few_pairs_that_hold_them_together():
    hashes = np.full(5000, 77, np.uint64)
    pairs = near_hashes(hashes)
    plain = ~pairs.is_mirrored
    assert plain.sum() <= 5000 * 256
    # Each is paired with the next one, which joins all of them.
    assert {(i, i + 1) for i in range(4999)} <= set(
        zip(pairs.first[plain].tolist(), pairs.second[plain].tolist(), strict=True)
    )


@pytest.mark.parametrize("count", [0, 1])
def test_too_few_hashes_have_no_pairs(count):
    assert found_pairs(np.zeros(count, np.uint64)) == []


@pytest.mark.parametrize("bit", range(64))
def test_a_pair_that_only_one_quarter_shows_is_found(bit):
    # One bit differs in the quarter of 16 bits, three in each of the others: 10 in all.
    others = [16 * quarter + i for quarter in range(4) if quarter != bit // 16 for i in range(3)]
    other = sum(1 << place for place in [bit, *others])
    pairs = near_hashes(np.array([0, other], np.uint64), 2)
    found = list(zip(pairs.first, pairs.second, pairs.is_mirrored, pairs.distance, strict=True))
    assert found == [(0, 1, False, 10)]


def test_of_too_many_pairs_all_the_closest_are_kept(monkeypatch):
    monkeypatch.setattr(hash_search, "_MAX_PAIRS", 300)
    hashes = similar_hashes(400)
    pairs = near_hashes(hashes, 2)
    farthest = int(pairs.distance.max())
    found = set(zip(pairs.first, pairs.second, pairs.is_mirrored, strict=True))
    assert 0 < len(found) <= 600 < len(all_pairs(hashes, 11))
    assert all_pairs(hashes, farthest - 1) <= found <= all_pairs(hashes, farthest)


def test_equal_hashes_are_kept_however_many_there_are(monkeypatch):
    monkeypatch.setattr(hash_search, "_MAX_PAIRS", 10)
    assert len(found_pairs(np.full(20, 77, np.uint64))) >= 20 * 19 / 2


@pytest.mark.parametrize("block", [1, 50, 3000])
def test_pairs_found_in_small_blocks_are_the_same(monkeypatch, block):
    hashes = similar_hashes(60)
    expected = found_pairs(hashes, 1)
    monkeypatch.setattr(hash_search, "_BLOCK", block)
    assert found_pairs(hashes, 1) == expected


def test_a_pair_that_one_flip_of_the_first_key_alone_leads_to_is_found():
    # One bit of the first quarter differs, and two of each other one: with a radius of 1 only
    # that flip finds it, and the query that is flipped is the first in sorted order.
    bits = [0, *(1, 17), *(8, 10), *(9, 27)]
    other = sum(np.uint64(1) << np.uint64(63 - bit) for bit in bits)
    assert (0, 1, False) in found_pairs(np.array([0, other], np.uint64), 1)
    assert (0, 1, False) not in found_pairs(np.array([0, other], np.uint64), 0)
