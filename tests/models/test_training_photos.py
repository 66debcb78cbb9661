"""Photos that the shipped network was made with are found by their hashes."""

from pathlib import Path

import numpy as np
import pytest

from pawsight.data.catalog import Catalog
from pawsight.models import builtin
from pawsight.models.builtin.training_photos import network_photos
from pawsight.records import Photo

KNOWN = 0x0F1E2D3C4B5A6978
OTHER = 0xAAAA5555CCCC3333


@pytest.fixture(autouse=True)
def known(monkeypatch, tmp_path):
    path = tmp_path / "training_photos.npy"
    np.save(path, np.array([KNOWN, OTHER], np.uint64))
    monkeypatch.setattr(builtin, "training_photos_path", lambda: path)


def catalog_of(*hashes, part="test", contrast=50.0):
    photos = [
        Photo(f"cats/{i}.jpg", "cats", part, phash=f"{one:016x}", contrast=contrast)
        for i, one in enumerate(hashes)
    ]
    return Catalog("photos", Path(), tuple(photos))


def test_up_to_three_bits_of_a_hash_may_differ():
    catalog = catalog_of(KNOWN, KNOWN ^ 0b111, KNOWN ^ 0xFF00FF00FF, OTHER ^ (1 << 63))

    assert network_photos(catalog, "test").tolist() == [0, 1, 3]


def test_copies_among_the_own_photos_are_not_enough():
    assert not len(network_photos(catalog_of(7, 7), "test"))


def test_other_parts_and_blank_photos_do_not_count():
    assert not len(network_photos(catalog_of(KNOWN, part="train"), "test"))
    assert not len(network_photos(catalog_of(KNOWN, contrast=1.0), "test"))
