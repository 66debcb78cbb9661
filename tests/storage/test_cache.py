"""What is in the cache is listed with its size, and cleared unless somebody uses it."""

import os
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import pytest
from PIL import Image

from pawsight.data.cache_contents import clear_cache, list_cache
from pawsight.data.reading.ingest import ingest
from pawsight.data.sources import fetch
from pawsight.errors import ConfigError
from pawsight.models.backbone import Backbone
from pawsight.progress import Silent
from pawsight.storage.cache import cache_dir, mark_in_use


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch) -> Path:
    monkeypatch.setenv("PAWSIGHT_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def pets(tmp_path) -> Path:
    for name in ("cats", "dogs"):
        (tmp_path / "pets" / name).mkdir(parents=True)
        for i in range(3):
            Image.new("RGB", (32, 24), (i, 9, 9)).save(tmp_path / "pets" / name / f"{i}.png")
    return tmp_path / "pets"


@pytest.fixture
def ingest_elsewhere(pets):
    """Ingest in a process that has ended, at a working size."""

    def run(side: int) -> None:
        room = "pawsight.data.reading.ingest"
        code = f"from {room} import ingest; ingest({str(pets)!r}, ({side}, 20))"
        subprocess.run([sys.executable, "-c", code], check=True)

    return run


def make_folder(path: Path, num_bytes: int) -> None:
    path.mkdir(parents=True)
    (path / "file").write_bytes(os.urandom(num_bytes))


def test_an_unused_cache_is_empty():
    assert list_cache() == []
    assert clear_cache() == []


def test_photos_read_are_listed_by_working_size(pets, ingest_elsewhere):
    before = time.time()
    ingest_elsewhere(16)
    ingest_elsewhere(300)
    large, small = list_cache()
    assert small.name.startswith("pets-") and small.name.endswith("/16x20-stretch")
    assert large.name == small.name.replace("16x20", "300x20")
    for entry in (large, small):
        assert (entry.kind, entry.origin, entry.num_files) == ("photos read", str(pets), 6)
        assert before - 2 <= entry.last_used <= time.time() + 2
    assert large.num_bytes >= 6 * 300 * 20 * 3


def test_archives_and_samples_are_listed(cache):
    make_folder(cache / "unpacked" / "pets-0123", 50_000)
    make_folder(cache / "sample-1-1200", 9_000)
    assert [(entry.name, entry.kind, entry.num_files) for entry in list_cache()] == [
        ("pets-0123", "unpacked archive", 1),
        ("sample-1-1200", "drawn sample", 1),
    ]


def test_weights_and_features_are_listed_and_cleared(cache):
    make_folder(cache / "weights" / "mobilenetv2", 50_000)
    make_folder(cache / "features" / "mobilenetv2-160x160-0123", 9_000)
    assert [(entry.name, entry.kind) for entry in list_cache()] == [
        ("mobilenetv2", "weights"),
        ("mobilenetv2-160x160-0123", "features"),
    ]
    assert [found.problem for found in clear_cache(["mobilenetv2"])] == [""]
    assert [entry.kind for entry in list_cache()] == ["features"]


def test_one_entry_is_cleared_and_all_others_stay(cache, ingest_elsewhere):
    ingest_elsewhere(16)
    ingest_elsewhere(30)
    make_folder(cache / "sample-1-1200", 10)
    name = next(entry.name for entry in list_cache() if "16x20" in entry.name)
    (cleared,) = clear_cache([name])
    assert (cleared.entry.name, cleared.problem) == (name, "")
    assert not cleared.entry.path.exists()
    assert {entry.kind for entry in list_cache()} == {"photos read", "drawn sample"}


def test_the_name_of_a_source_clears_all_its_sizes(cache, ingest_elsewhere):
    ingest_elsewhere(16)
    ingest_elsewhere(30)
    source = list_cache()[0].name.partition("/")[0]
    assert len(clear_cache([source])) == 2
    assert list_cache() == []
    assert list((cache / "ingest").iterdir()) == []


def test_the_name_of_the_folder_of_photos_will_do(cache, ingest_elsewhere):
    ingest_elsewhere(20)
    name = next(entry.name for entry in list_cache() if entry.kind == "photos read")
    assert len(clear_cache([name.partition("/")[0].rpartition("-")[0]])) == 1


def test_an_unknown_name_clears_nothing(cache):
    make_folder(cache / "sample-1-1200", 10)
    with pytest.raises(ConfigError, match=r"nothing named 'cats'.*\n.*sample-1-1200"):
        clear_cache(["sample-1-1200", "cats"])
    assert (cache / "sample-1-1200" / "file").exists()


def test_what_is_not_pawsights_stays(cache, tmp_path):
    make_folder(tmp_path / "precious", 10)
    make_folder(cache / "holiday", 10)
    (cache / "letter.txt").write_text("Dear")
    (cache / "unpacked").mkdir()
    (cache / "unpacked" / "linked").symlink_to(tmp_path / "precious")
    (cache / "sample-1-7").symlink_to(tmp_path / "precious")
    assert clear_cache() == []
    assert (cache / "holiday" / "file").exists() and (cache / "letter.txt").exists()
    assert (tmp_path / "precious" / "file").exists()


def test_what_this_process_uses_is_left(cache, pets):
    catalog, pixels = ingest(pets, (16, 20))
    (cleared,) = clear_cache()
    assert cleared.problem == "a running pawsight uses it"
    assert len(pixels.read(catalog.usable)) == 6


def test_what_another_process_uses_is_left_until_it_ends(cache):
    make_folder(cache / "unpacked" / "pets-0123", 10)
    code = (
        "import sys; from pathlib import Path; from pawsight.storage.cache import mark_in_use\n"
        f"mark_in_use(Path({str(cache / 'unpacked' / 'pets-0123')!r})); print(); sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as user:
        user.stdout.readline()
        assert clear_cache()[0].problem == "a running pawsight uses it"
        user.kill()
    assert clear_cache()[0].problem == ""
    assert not (cache / "unpacked" / "pets-0123").exists()


def test_leftovers_of_killed_runs_are_cleared_when_they_are_old(cache):
    folder = cache / "unpacked" / ".pets-x1"
    make_folder(folder, 10)
    assert "less than a day" in clear_cache()[0].problem
    os.utime(folder, (1, 1))
    assert clear_cache()[0].problem == ""
    assert not folder.exists()


def test_holding_does_no_harm_where_nothing_can_be_kept(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("PAWSIGHT_CACHE", str(tmp_path / "file"))
    mark_in_use(tmp_path / "file" / "unpacked" / "pets")
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_the_cache_is_for_its_owner_alone(cache, pets, tmp_path):
    with zipfile.ZipFile(tmp_path / "pets.zip", "w") as archive:
        for path in pets.rglob("*.png"):
            archive.write(path, path.relative_to(pets))
    before = os.umask(0o022)
    try:
        ingest(tmp_path / "pets.zip", (16, 20))
        fetch(str(pets), Silent(), stage="always")
    finally:
        os.umask(before)
    found = [cache, *cache.rglob("*")]
    assert {path.suffix for path in found} >= {".png", ".u8", ".sqlite"}
    assert [path for path in found if path.stat().st_mode & 0o077] == []


def test_a_cache_folder_that_existed_keeps_its_permissions_and_what_is_in_it_is_private(cache):
    (cache / "ingest").mkdir(parents=True, mode=0o755)
    (cache / "ingest" / "pixels-1.u8").touch(mode=0o644)
    assert cache_dir() == cache and cache_dir("ingest") == cache / "ingest"
    assert cache.stat().st_mode & 0o777 == 0o755
    assert (cache / "ingest").stat().st_mode & 0o777 == 0o700
    backbone = Backbone("net", (8, 8), Path("net.onnx"), None, "net-8x8")
    assert backbone.features_dir.parent.stat().st_mode & 0o777 == 0o700
