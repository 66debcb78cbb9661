"""`pawsight data`: what is listed, and where a set goes."""

import hashlib
import http.server
import io
import json
import threading
import zipfile
from functools import partial

import pytest

from pawsight.data.sources import known
from pawsight.data.sources.known.sets import KnownSet, SetArchive


@pytest.fixture
def pets(tmp_path, monkeypatch):
    """A set of two photos on a server of one's own, in place of all others."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("pets/cats/1.jpg", "a cat")
        archive.writestr("pets/dogs/1.jpg", "a dog")
    (tmp_path / "web" / "pets").mkdir(parents=True)
    (tmp_path / "web" / "pets" / "pets.zip").write_bytes(file.getvalue())
    digest = hashlib.sha256(file.getvalue()).hexdigest()
    archives = (SetArchive(("https://pets.example/pets.zip",), len(file.getvalue()), digest),)
    one = KnownSet(
        *("pets", "A few pets", "CC BY 9.0", "https://pets.example", 2, 2, archives),
        *("folders", {}, ("here",), False),
    )
    monkeypatch.setattr(known, "find", lambda name: one if name == "pets" else None)
    monkeypatch.setenv("PAWSIGHT_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("no_proxy", "127.0.0.1")

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_):
            pass

    handler = partial(Quiet, directory=tmp_path / "web")
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        monkeypatch.setenv("PAWSIGHT_DATA_URL", f"http://127.0.0.1:{server.server_port}")
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield
        server.shutdown()
        thread.join()


def test_list_names_the_sets_with_size_and_licence(pawsight):
    done = pawsight("data", "list")
    assert done.exit_code == 0
    (line,) = [line for line in done.stdout.splitlines() if line.split()[:1] == ["oxford-pets"]]
    assert line.split()[1:6] == ["7,390", "37", "791.9", "MB", "CC"]
    assert "not verified by a download" in done.stdout


def test_list_as_json_reports_where_each_fact_is_from(pawsight):
    sets = json.loads(pawsight("data", "list", "--json").stdout)["sets"]
    (beans,) = [one for one in sets if one["name"] == "beans"]
    assert [archive["part"] for archive in beans["archives"]] == ["train", "validation", "test"]
    assert beans["num_bytes"] == 143_812_152 + 18_504_213 + 17_708_541
    assert any("url_checksums/beans.txt" in origin for origin in beans["origin"])
    assert beans["is_verified"] is False


def test_get_shows_the_licence_and_prints_the_folder(pawsight, pets, tmp_path):
    done = pawsight("data", "get", "pets", "--into", tmp_path / "mine")
    assert done.exit_code == 0, done.output
    assert done.stdout.strip() == str(tmp_path / "mine")
    assert "Licence: CC BY 9.0" in done.stderr
    assert sorted(path.name for path in (tmp_path / "mine").iterdir()) == ["cats", "dogs"]


def test_get_without_a_folder_leaves_it_in_the_cache(pawsight, pets, tmp_path):
    done = pawsight("data", "get", "pets")
    assert done.stdout.strip().startswith(str(tmp_path / "cache" / "known" / "pets-"))
    assert "pawsight train pets" in done.stderr


def test_an_unknown_name_is_reported_with_the_known_ones(pawsight):
    done = pawsight("data", "get", "unicorns")
    assert done.exit_code == 2
    assert "no well-known set 'unicorns'" in done.stderr and "oxford-pets" in done.stderr
