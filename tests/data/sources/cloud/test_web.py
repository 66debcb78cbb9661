"""Photos from web servers on loopback: those that know ranges and those that do not."""

import email.utils
import functools
import http.server
import re
from urllib.parse import quote, unquote

import pytest

from pawsight.data import sources
from pawsight.errors import SourceError
from pawsight.progress import Silent

from .conftest import contents, photo

APACHE = """<html><head><title>Index of {path}</title></head><body><h1>Index of {path}</h1>
<a href="?C=N;O=D">Name</a> <a href="?C=S;O=A">Size</a> <a href="/">Parent Directory</a>
<a href="https://elsewhere.example/cat.jpg">elsewhere</a> <a href="../../secret/a.jpg">up</a>
{links}</body></html>"""
NGINX = """<html><body><h1>Index of {path}</h1><hr><pre><a href="../">../</a>
{links}</pre><hr></body></html>"""


class Site(http.server.BaseHTTPRequestHandler):
    """Serves files by path, with ranges, ETags and pages in Apache's manner; tests change that."""

    protocol_version = "HTTP/1.1"
    page = APACHE
    knows_ranges = states_length = knows_head = True
    content_type = "application/octet-stream"

    def do_HEAD(self):
        if not self.knows_head:
            self.send_error(405)
            return
        self.do_GET()

    def do_GET(self):
        path = unquote(self.path.partition("?")[0])
        self.asked.append((self.command, path, self.headers.get("Range", "")))
        if path in self.moved:
            self._say(301, {"Location": self.moved[path]})
        elif path in self.files:
            self._give(path, self.files[path])
        elif any(name.startswith(f"{path}/") for name in self.files) and not path.endswith("/"):
            self._say(301, {"Location": quote(path) + "/"})
        elif any(name.startswith(path) for name in self.files):
            links = {
                name[len(path) :].partition("/") for name in self.files if name.startswith(path)
            }
            names = sorted({first + slash for first, slash, _ in links})
            anchors = "\n".join(f'<a href="{quote(name)}">{name}</a>' for name in names)
            page = self.page.format(path=path, links=anchors).encode()
            self._say(200, {"Content-Type": "text/html; charset=utf-8"}, page)
        else:
            self.send_error(404)

    def _give(self, path, content):
        headers = {"Content-Type": self.content_type} | self.marks.get(path, {})
        first = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", ""))
        status = 200
        if first and self.knows_ranges:
            start = int(first[1])
            headers["Content-Range"] = f"bytes {start}-{len(content) - 1}/{len(content)}"
            status, content = 206, content[start:]
        cut = self.cuts.pop(0) if self.cuts and self.command == "GET" and len(content) > 512 else 0
        self._say(status, headers, content, cut)

    def _say(self, status, headers, content=b"", cut=0):
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        if self.states_length:
            self.send_header("Content-Length", str(len(content)))
        else:
            self.close_connection = True
            self.send_header("Connection", "close")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content[:cut] if cut else content)
        self.close_connection = self.close_connection or bool(cut)

    def log_message(self, *_):
        pass


@pytest.fixture
def site(pets):
    files = {f"/set/{path}": content for path, content in pets.items()}
    files["/secret/a.jpg"] = photo(66)
    marks = {path: {"ETag": f'"{number}"'} for number, path in enumerate(files)}
    facts = {"files": files, "marks": marks, "asked": [], "moved": {}, "cuts": []}
    return type("OwnSite", (Site,), facts)


def got(site):
    return [path for method, path, _ in site.asked if method == "GET" and not path.endswith("/")]


@pytest.mark.parametrize("page", [APACHE, NGINX])
@pytest.mark.parametrize("ending", ["", "/"])
def test_folder_that_a_page_lists_is_copied_and_nothing_outside(
    site, serve, pets, recorded, page, ending
):
    site.page = page
    source = sources.fetch(f"{serve(site)}/set{ending}", recorded)
    assert (source.name, contents(source.root)) == ("set", pets)


def test_folder_of_pythons_own_server_is_copied(tmp_path, serve, pets, recorded):
    for path, content in pets.items():
        (tmp_path / "set" / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "set" / path).write_bytes(content)

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_):
            pass

    url = serve(functools.partial(Quiet, directory=str(tmp_path)))
    assert contents(sources.fetch(f"{url}/set", recorded).root) == pets


def test_packed_set_on_a_web_server_is_read(tmp_path, site, serve, pets):
    import pawsight

    for path, content in pets.items():
        (tmp_path / "pets" / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "pets" / path).write_bytes(content)
    pawsight.pack(tmp_path / "pets", tmp_path / "packed")
    site.files = {f"/set/{p.name}": p.read_bytes() for p in (tmp_path / "packed").iterdir()}
    source = sources.fetch(f"{serve(site)}/set/", Silent())
    assert {path: (source.root / path).read_bytes() for path in pets} == pets


def test_second_time_only_what_changed_is_fetched(site, serve, pets, recorded):
    url = serve(site)
    sources.fetch(f"{url}/set/", recorded)
    site.files["/set/cats/tom.jpg"] = photo(99)
    site.marks["/set/cats/tom.jpg"] = {"Last-Modified": email.utils.formatdate(0, usegmt=True)}
    site.asked.clear()
    source = sources.fetch(f"{url}/set/", recorded)
    assert contents(source.root) == pets | {"cats/tom.jpg": photo(99)}
    assert got(site) == ["/set/cats/tom.jpg"]


def test_servers_that_answer_no_head_are_read_too(site, serve, pets, recorded):
    site.knows_head = False
    assert contents(sources.fetch(f"{serve(site)}/set/", recorded).root) == pets


@pytest.mark.parametrize("knows_ranges", [True, False])
def test_archive_is_gone_on_with_where_it_broke_off(
    site, serve, pets, pets_zip, recorded, knows_ranges
):
    site.files["/pets.zip"] = pets_zip
    site.marks["/pets.zip"] = {"ETag": '"a"'}
    site.knows_ranges = knows_ranges
    site.cuts = [0, 40_000]  # the first answer only tells what kind of file it is
    source = sources.fetch(f"{serve(site)}/pets.zip", recorded)
    assert (source.name, contents(source.root)) == ("pets", pets)
    # What came in whole pieces of 32 KiB is kept.
    assert ("GET", "/pets.zip", "bytes=32768-") in site.asked


def test_archive_of_no_stated_length_and_no_mark_is_fetched(site, serve, pets, pets_zip, recorded):
    site.files["/pets.zip"] = pets_zip
    site.states_length = False
    assert contents(sources.fetch(f"{serve(site)}/pets.zip", recorded).root) == pets


def test_archive_behind_redirects_takes_the_name_that_the_server_gives(
    site, serve, pets, pets_zip, recorded
):
    site.moved["/download"] = "/files/0123"
    site.files["/files/0123"] = pets_zip
    site.marks["/files/0123"] = {"Content-Disposition": 'attachment; filename="my pets.zip"'}
    source = sources.fetch(f"{serve(site)}/download?id=7", recorded)
    assert (source.name, contents(source.root)) == ("my pets", pets)


def test_table_is_taken_with_the_photos_beside_it(site, serve, pets, recorded):
    site.files["/set/labels.csv"] = b"path,label\ncats/tom.jpg,cat\n"
    source = sources.fetch(f"{serve(site)}/set/labels.csv", recorded)
    assert source.table == source.root / "labels.csv"
    assert {"cats/tom.jpg", "labels.csv"} <= contents(source.root).keys()


def test_page_in_the_place_of_a_photo_is_not_kept(site, serve, pets, recorded):
    site.marks["/set/cats/tom.jpg"] = {"Content-Type": "text/html"}
    source = sources.fetch(f"{serve(site)}/set/", recorded)
    assert contents(source.root).keys() == pets.keys() - {"cats/tom.jpg"}
    assert "cats/tom.jpg: the server returned a web page instead of the file" in recorded.notes[0]


def test_page_without_files_is_reported(site, serve, recorded):
    site.files["/empty/readme.html"] = b""
    with pytest.raises(SourceError, match=r"There are no photos in .*/empty/\.\nWhat is needed"):
        sources.fetch(f"{serve(site)}/empty/", recorded)


def test_address_that_leads_nowhere_is_reported(site, serve, recorded):
    with pytest.raises(
        SourceError, match=r"(?s)the server responds 404 Not Found.*address is right"
    ):
        sources.fetch(f"{serve(site)}/nothing.zip", recorded)


def test_no_connection_is_reported_without_the_password(recorded):
    with pytest.raises(SourceError, match="there is no connection") as error:
        sources.fetch("http://me:secret@127.0.0.1:1/pets.zip", recorded)
    assert "secret" not in str(error.value)


def test_single_photo_is_refused(site, serve, recorded):
    with pytest.raises(SourceError, match="is a file, but neither an archive"):
        sources.fetch(f"{serve(site)}/secret/a.jpg", recorded)


def test_single_photo_is_copied_where_one_is_allowed(site, serve, recorded):
    found = sources.fetch(f"{serve(site)}/secret/a.jpg", recorded, allow_photo=True)
    assert found.photo is not None and found.photo.name == "a.jpg"
    assert found.photo.stat().st_size > 0
