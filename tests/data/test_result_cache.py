import pytest

from pawsight.data.reading.ingest import ingest
from pawsight.data.reading.store import PixelStore
from pawsight.data.result_cache import cached_result


class Finder:
    """Counts how often it is asked."""

    def __init__(self):
        self.calls = 0

    def __call__(self):
        self.calls += 1
        return [[self.calls]]


@pytest.fixture
def folder(save_photo, tmp_path, monkeypatch):
    monkeypatch.setenv("PAWSIGHT_CACHE", str(tmp_path / "cache"))
    for colour in ("red", "green", "blue"):
        save_photo(f"photos/{colour}/a.png", colour, (20, 10))
    return tmp_path / "photos"


def test_what_was_found_is_found_again_without_looking(folder):
    catalog, pixels = ingest(folder, (16, 16))
    assert isinstance(pixels, PixelStore)
    finder = Finder()
    assert cached_result("test", 1, catalog, pixels, finder) == [[1]]
    again, pixels = ingest(folder, (16, 16))
    assert cached_result("test", 1, again, pixels, finder) == [[1]]
    assert cached_result("other", 1, again, pixels, finder) == [[2]]


def test_another_way_of_looking_looks_again(folder):
    catalog, pixels = ingest(folder, (16, 16))
    finder = Finder()
    cached_result("test", 1, catalog, pixels, finder)
    assert cached_result("test", 2, catalog, pixels, finder) == [[2]]


def test_a_changed_photo_or_label_is_looked_at_again(folder, save_photo):
    finder = Finder()
    cached_result("test", 1, *ingest(folder, (16, 16)), finder)
    save_photo("photos/red/a.png", "yellow", (30, 10))
    cached_result("test", 1, *ingest(folder, (16, 16)), finder)
    assert finder.calls == 2
    (folder / "red").rename(folder / "pink")
    cached_result("test", 1, *ingest(folder, (16, 16)), finder)
    assert finder.calls == 3


def test_a_damaged_memory_is_made_anew(folder):
    catalog, pixels = ingest(folder, (16, 16))
    finder = Finder()
    cached_result("test", 1, catalog, pixels, finder)
    for text in ("", "[]", '{"key": 3}', "[" * 100_000):
        pixels.path.with_name("test.json").write_text(text)
        cached_result("test", 1, catalog, pixels, finder)
    assert finder.calls == 5
