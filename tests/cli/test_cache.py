"""`pawsight cache`, run as a user would."""

import json

import pytest


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("PAWSIGHT_CACHE", str(tmp_path / "cache"))
    folder = tmp_path / "cache" / "sample-1-1200"
    folder.mkdir(parents=True)
    (folder / "cat.jpg").write_bytes(b"x" * 4096)
    return tmp_path / "cache"


def test_what_is_kept_is_shown_with_its_size(pawsight, cache):
    result = pawsight("cache")
    assert result.exit_code == 0
    line = next(line for line in result.stdout.splitlines() if "sample-1-1200" in line)
    assert line.split()[:6] == ["sample-1-1200", "drawn", "sample", "1", "4.1", "kB"]
    assert f"4.1 kB in {cache}" in result.stdout


def test_json_names_every_entry(pawsight, cache):
    found = json.loads(pawsight("cache", "--json").stdout)
    assert found["path"] == str(cache)
    assert found["num_bytes"] == 4096
    assert [entry["name"] for entry in found["entries"]] == ["sample-1-1200"]


def test_clearing_reports_what_was_removed(pawsight, cache):
    result = pawsight("cache", "--clear", "sample-1-1200")
    assert result.exit_code == 0
    assert result.stdout.splitlines() == [
        "Removed sample-1-1200 (drawn sample, 4.1 kB).",
        "4.1 kB freed.",
    ]
    assert not (cache / "sample-1-1200").exists()


def test_an_empty_cache_is_cleared_without_fuss(pawsight):
    pawsight("cache", "--clear", "all")
    result = pawsight("cache", "--clear", "all")
    assert (result.exit_code, result.stdout) == (0, "0 bytes freed.\n")


def test_an_unknown_name_is_wrong_usage(pawsight):
    result = pawsight("cache", "--clear", "dogs")
    assert result.exit_code == 2
    assert "The cache keeps nothing named 'dogs'." in result.stderr
