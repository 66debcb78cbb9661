"""Photos from web servers on loopback: those that know ranges and those that do not."""

import email.utils
import functools
import http.server
import re
from urllib.parse import quote, unquote

import pytest

from pawsight.data import sources
from pawsight.data.sources.cloud import web
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
    wbufsize = -1  # one packet for head and body, or the next waits 40 ms for the first
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
        if path in self.refused:
            self.send_error(self.refused[path])
        elif path in self.moved:
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
    facts = {"files": files, "marks": marks, "asked": [], "moved": {}, "cuts": [], "refused": {}}
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


def test_page_in_an_unknown_encoding_is_read_as_utf_8(site, serve, recorded):
    site.files["/page"] = b'<a href="tom.jpg">'
    site.marks["/page"] = {"Content-Type": "text/html; charset=no-such-encoding"}
    with pytest.raises(SourceError, match=r"There are no photos in .*/page\."):
        sources.fetch(f"{serve(site)}/page", recorded)


def test_page_without_files_is_reported(site, serve, recorded):
    site.files["/empty/readme.html"] = b""
    with pytest.raises(SourceError, match=r"There are no photos in .*/empty/\.\nGive the address"):
        sources.fetch(f"{serve(site)}/empty/", recorded)


def test_address_that_leads_nowhere_is_reported(site, serve, recorded):
    with pytest.raises(
        SourceError, match=r"(?s)the server responds 404 Not Found.*address is correct"
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


class Counting(Silent):
    """Keeps how far each stage came, by its name."""

    def __init__(self):
        self.stages = []

    def start(self, stage, total=None, unit=""):
        self.stages.append([stage, total, 0])

    def advance(self, done, **facts):
        self.stages[-1][2] += done


def put_page(site, path, *links, kind="text/html", encoding="utf-8"):
    """Serve a page of links that is written by hand."""
    site.files[path] = "".join(f"<{link}>x</a>" for link in links).encode(encoding)
    site.marks[path] = {"Content-Type": kind}


def paths_at(address):
    return sorted(file.path for file in web.list_files(address, Silent()).files)


@pytest.mark.parametrize(
    ("status", "advice"),
    [
        (401, r"401 Unauthorized\.\nIt needs a name and a password.*: machine 127\.0\.0\.1 login"),
        (403, r"403 Forbidden\.\nYou have no permission to read it"),
        (404, r"404 Not Found\.\nCheck that the address is correct"),
        (410, r"410 Gone\.\nCheck that the address is correct"),
        (503, r"503\.\nThe server has a failure or is busy"),
    ],
)
def test_each_refusal_of_a_server_has_its_own_advice(site, serve, status, advice):
    site.refused["/set/"] = status
    with pytest.raises(SourceError, match=advice):
        paths_at(f"{serve(site)}/set/")


def test_without_a_connection_the_advice_is_to_check_it():
    with pytest.raises(SourceError, match=r"no connection\.\nCheck the connection of this machine"):
        paths_at("http://127.0.0.1:1/set/")


def test_folders_are_entered_down_to_the_32nd_level(site, serve):
    site.page = NGINX
    site.files = {f"/set/{'d/' * depth}a.jpg": photo(depth) for depth in (1, 32, 33)}
    assert paths_at(f"{serve(site)}/set/") == sorted(f"{'d/' * depth}a.jpg" for depth in (1, 32))


@pytest.mark.parametrize("spare", [0, -1])
def test_a_page_that_is_too_long_is_no_list_of_files(site, serve, monkeypatch, spare):
    put_page(site, "/set/", 'a href="cats/tom.jpg"', 'a href="dogs/rex%232.jpg"')
    monkeypatch.setattr(web, "_MAX_PAGE_BYTES", len(site.files["/set/"]) + spare)
    if spare < 0:
        with pytest.raises(SourceError, match="its page is too long to be a list of files"):
            paths_at(f"{serve(site)}/set/")
    else:
        assert paths_at(f"{serve(site)}/set/") == ["cats/tom.jpg", "dogs/rex#2.jpg"]


def test_only_the_links_of_a_page_to_files_below_it_are_taken_and_each_once(site, serve):
    links = ['href="cats/tom.jpg"', 'id="x" HREF="./cats/tom.jpg#top"', 'name="dogs/rex%232.jpg"']
    links += ["href", 'href=""', 'href="http://[x/a.jpg"', 'href="cats/kitty%201.jpg?C=N"']
    links += ['href="@eaDir/a.jpg"', 'href="notes.doc"', 'href="."']
    put_page(site, "/set/", *(f"a {link}" for link in links), 'img src="dogs/gr.jpg"')
    assert paths_at(f"{serve(site)}/set/") == ["cats/tom.jpg"]


def test_folders_of_other_programs_and_those_that_lead_elsewhere_are_not_read(site, serve, pets):
    site.files["/set/@eaDir/x/a.jpg"] = photo(70)
    site.files["/set/away/a.jpg"] = site.files["/set/file/a.jpg"] = photo(71)
    site.moved["/set/away/"] = "/secret/"  # a page, but of another place
    site.files["/set/file/"] = photo(72)  # no page
    assert paths_at(f"{serve(site)}/set/") == sorted(pets)
    assert not any(path.startswith("/set/@eaDir") for _, path, _ in site.asked)


@pytest.mark.parametrize(
    ("kind", "encoding"),
    [
        ("text/html; charset=iso-8859-1", "iso-8859-1"),
        ("Text/HTML; charset=utf-8", "utf-8"),
        ("application/xhtml+xml", "utf-8"),
    ],
)
def test_names_of_a_page_are_read_in_the_encoding_that_the_server_states(
    site, serve, kind, encoding
):
    put_page(site, "/set/", 'a href="größe.jpg"', kind=kind, encoding=encoding)
    assert paths_at(f"{serve(site)}/set/") == ["größe.jpg"]


@pytest.mark.parametrize(
    ("path", "name", "first"),
    [
        ("/more/my%20set", "my set", "x/tom.jpg"),
        ("/more/my%20set/", "my set", "x/tom.jpg"),
        ("/more/my%20set/list.HTML", "my set", "x/tom.jpg"),
        ("/more/my%20set/?sort=name", "my set", "x/tom.jpg"),
        ("/", "127.0.0.1", "more/my set/x/tom.jpg"),
    ],
)
def test_a_page_lists_its_folder_and_gives_it_its_name(site, serve, path, name, first):
    site.page = NGINX
    site.files = {"/more/my set/x/tom.jpg": photo(1)}
    put_page(site, "/more/my set/list.HTML", 'a href="x/tom.jpg"')
    found = web.list_files(f"{serve(site)}{path}#top", Silent())
    assert (found.name, [file.path for file in found.files]) == (name, [first])


def test_a_page_without_a_slash_lists_the_folder_of_its_name(site, serve):
    put_page(site, "/page", 'a href="/page/tom.jpg"', 'a href="other.jpg"')
    found = web.list_files(f"{serve(site)}/page", Silent())
    assert (found.name, [file.path for file in found.files]) == ("page", ["tom.jpg"])


@pytest.mark.parametrize(
    ("path", "stated", "name"),
    [
        ("/files/my%20pets.zip", "", "my pets"),
        ("/files/0123", "attachment; FileName=pets.zip", "pets"),
        ("/files/0123", r'attachment; filename="C:\x\pets.zip"', "pets"),
        ("/files/", "", "photos"),
    ],
)
def test_an_archive_has_the_name_that_the_server_states_or_the_address(
    site, serve, pets_zip, path, stated, name
):
    site.files = {unquote(path): pets_zip}
    site.marks = {unquote(path): {"Content-Disposition": stated} if stated else {}}
    assert web.list_files(f"{serve(site)}{path}", Silent()).name == name


def test_size_and_version_are_those_that_the_server_states(site, serve):
    date = email.utils.formatdate(0, usegmt=True)
    site.files = {f"/set/{name}.jpg": bytes(7) for name in "abcd"}
    site.marks = {
        "/set/a.jpg": {"ETag": '"7"', "Last-Modified": date},
        "/set/b.jpg": {"Last-Modified": date},
        "/set/d.jpg": {"ETag": '"8"', "Content-Encoding": "gzip"},  # its length is another
    }
    site.files["/set/e.jpg"], site.files["/elsewhere.jpg"] = b"", bytes(9)
    site.moved["/set/e.jpg"] = "/elsewhere.jpg"
    a, b, c, d, e = web.list_files(f"{serve(site)}/set/", Silent()).files
    assert [file.size for file in (a, b, c, d, e)] == [7, 7, 7, None, 9]
    versions = [f'"7" {date} 7', f" {date} 7", "7", '"8"  7', "9"]
    assert [file.version for file in (a, b, c, d, e)] == versions
    site.files["/set/a.jpg"] += b"more"
    assert a.refreshed().version == f'"7" {date} 11'


@pytest.mark.parametrize(("marks", "start"), [({"ETag": '"7"'}, 5), ({}, 0)])
def test_a_file_that_may_have_changed_is_read_from_its_start(site, serve, marks, start):
    site.files = {"/set/a.jpg": photo(1)}
    site.marks = {"/set/a.jpg": marks}
    (file,) = web.list_files(f"{serve(site)}/set/", Silent()).files
    with file.open_stream(5) as stream:
        assert (stream.start, b"".join(stream.chunks)) == (start, photo(1)[start:])


def test_files_are_counted_while_they_are_listed_and_when_they_are_checked(site, serve, pets):
    counted = Counting()
    web.list_files(f"{serve(site)}/set/", counted)
    (listing, _, num_listed), (_, total, num_checked) = counted.stages
    assert listing.endswith("/set/")
    assert num_listed == total == num_checked == len(pets)


def test_a_table_has_the_name_and_the_files_of_its_folder(site, serve, pets):
    site.files["/set/labels.csv"] = b"path,label\ncats/tom.jpg,cat\n"
    address = serve(site)
    found = web.list_files(f"{address}/set/labels.csv", Silent())
    assert (found.name, found.address, found.table) == ("set", f"{address}/set/", "labels.csv")
    assert sorted(file.path for file in found.files) == sorted([*pets, "labels.csv"])
