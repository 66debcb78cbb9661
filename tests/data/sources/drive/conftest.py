"""A server on loopback that speaks Drive v3, as far as Google's own description of it is used.

The real client library asks it, with its bundled discovery document: an
unknown parameter would be refused by that library before it is sent.
"""

import hashlib
import http.server
import json
import re
import threading
import urllib.parse
from dataclasses import dataclass, field

import pytest

from pawsight.data.sources.drive import credentials
from pawsight.storage import download

FOLDER = "application/vnd.google-apps.folder"
SHORTCUT = "application/vnd.google-apps.shortcut"


@dataclass
class FakeFile:
    facts: dict
    content: bytes = b""
    parents: tuple = ()


@dataclass
class Trouble:
    """An answer in the place of the right one."""

    status: int
    reason: str = ""
    headers: dict = field(default_factory=dict)
    cut: int | None = None  # of the content: only so many bytes, then the connection is reset


class World:
    """What is in Drive, who may ask, and what goes wrong."""

    def __init__(self):
        self.files = {"root": FakeFile({"id": "root", "name": "My Drive", "mimeType": FOLDER})}
        self.drives = []
        self.tokens = {"good"}
        self.keys = {"public-key"}
        self.troubles = {}  # by "list", "token", an id, or an id + ":bytes"; taken in turn
        self.page_size = 1000
        self.repeats_pages = False
        self.asked = []  # (path, query, headers)
        self.token_answers = []

    def add(self, name, content=None, parent="root", file_id=None, kind=None, **facts):
        file_id = file_id or f"id-of-{len(self.files):020d}"
        found = {"id": file_id, "name": name, "modifiedTime": "2024-05-01T10:00:00.000Z"}
        if content is None:
            found["mimeType"] = kind or FOLDER
        else:
            found |= {
                "mimeType": kind or "image/jpeg",
                "size": str(len(content)),
                "md5Checksum": hashlib.md5(content).hexdigest(),
            }
        self.files[file_id] = FakeFile(found | facts, content or b"", (parent,))
        return file_id

    def shortcut(self, name, target, parent="root"):
        kind = self.files[target].facts["mimeType"] if target in self.files else "image/jpeg"
        details = {"targetId": target, "targetMimeType": kind}
        return self.add(name, None, parent, kind=SHORTCUT, shortcutDetails=details)

    def change(self, file_id, content):
        self.files[file_id].content = content
        self.files[file_id].facts |= {
            "size": str(len(content)),
            "md5Checksum": hashlib.md5(content).hexdigest(),
        }

    def trouble(self, key):
        waiting = self.troubles.get(key)
        return waiting.pop(0) if waiting else None

    def bytes_asked(self):
        return [
            (path.rpartition("/")[2], headers.get("Range", ""))
            for path, query, headers in self.asked
            if query.get("alt") == "media"
        ]


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        parts = urllib.parse.urlsplit(self.path)
        query = dict(urllib.parse.parse_qsl(parts.query))
        path = urllib.parse.unquote(parts.path)
        world = self.server.world
        world.asked.append((path, query, dict(self.headers)))
        token = self.headers.get("Authorization", "").removeprefix("Bearer ")
        if token not in world.tokens and query.get("key") not in world.keys:
            self._fail(Trouble(401, "authError"))
        elif path == "/drive/v3/about":
            self._send({"user": {"emailAddress": "ann@example.org"}})
        elif path == "/drive/v3/files":
            self._list(world, query)
        elif path == "/drive/v3/drives":
            self._send({"drives": world.drives})
        else:
            self._get(world, path.removeprefix("/drive/v3/files/"), query)

    def do_POST(self):
        size = int(self.headers.get("Content-Length", 0))
        query = dict(urllib.parse.parse_qsl(self.rfile.read(size).decode()))
        world = self.server.world
        world.asked.append((self.path, query, dict(self.headers)))
        if trouble := world.trouble("token"):
            self._send({"error": trouble.reason, "error_description": "told so"}, trouble.status)
        elif self.path == "/revoke":
            self._send({})
        else:
            world.tokens.add("fresh")
            self._send(
                {
                    "access_token": "fresh",
                    "expires_in": 3600,
                    "token_type": "Bearer",
                    "refresh_token": "again",
                    "scope": credentials.SCOPE,
                }
            )

    def _list(self, world, query):
        if trouble := world.trouble("list"):
            return self._fail(trouble)
        found = [one for one in world.files.values() if _holds(query, one)]
        assert 1 <= int(query["pageSize"]) <= 1000  # Drive refuses others
        start = int(query.get("pageToken", "p0")[1:])
        size = min(int(query["pageSize"]), world.page_size)
        answer = {"files": [one.facts for one in found[start : start + size]]}
        if world.repeats_pages and start:
            answer = {"files": [one.facts for one in found[:size]], "nextPageToken": "p1"}
        elif start + size < len(found):
            answer["nextPageToken"] = "p1" if world.repeats_pages else f"p{start + size}"
        self._send(answer)

    def _get(self, world, file_id, query):
        found = world.files.get(file_id)
        is_bytes = query.get("alt") == "media"
        if trouble := world.trouble(f"{file_id}:bytes" if is_bytes else file_id):
            if trouble.cut is None:
                return self._fail(trouble)
            return self._send_bytes(found, trouble.cut)
        key = found and found.facts.get("resourceKey")
        if found is None or (
            key and f"{file_id}/{key}" not in self.headers.get("X-Goog-Drive-Resource-Keys", "")
        ):
            return self._fail(Trouble(404, "notFound"))
        assert query["supportsAllDrives"] == "true"
        if is_bytes:
            return self._send_bytes(found)
        return self._send(found.facts)

    def _send_bytes(self, found, cut=None):
        content, status = found.content, 200
        piece = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", ""))
        start = int(piece[1]) if piece else 0
        if start and start >= len(content):
            self.send_response(416)
            self.send_header("Content-Range", f"bytes */{len(content)}")
            self.send_header("Content-Length", "0")
            return self.end_headers()
        if piece:
            status = 206
        self.send_response(status)
        if piece:
            self.send_header("Content-Range", f"bytes {start}-{len(content) - 1}/{len(content)}")
        self.send_header("Content-Length", str(len(content) - start))
        self.end_headers()
        self.wfile.write(content[start:cut])
        if cut is not None:
            self.close_connection = True
        return None

    def _fail(self, trouble):
        error = {
            "code": trouble.status,
            "message": f"told: {trouble.reason}",
            "errors": [{"domain": "global", "reason": trouble.reason, "message": "told"}],
        }
        self._send({"error": error}, trouble.status, trouble.headers)

    def _send(self, value, status=200, headers=None):
        data = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json; charset=UTF-8")
        self.send_header("Content-Length", str(len(data)))
        for name, text in (headers or {}).items():
            self.send_header(name, text)
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_):
        pass


def _holds(query, one):
    """Whether a file is meant by q, corpora and driveId of files.list."""
    condition = query["q"]
    assert condition.endswith(" and trashed = false")
    drive_id = one.facts.get("driveId")
    if query["corpora"] == "drive":
        assert query["includeItemsFromAllDrives"] == query["supportsAllDrives"] == "true"
        if drive_id != query["driveId"]:
            return False
    elif drive_id:
        return False
    if condition.startswith("sharedWithMe = true"):
        if "shared" not in one.parents:
            return False
    else:
        parent = re.match(r"'([^']+)' in parents", condition)[1]
        if parent not in one.parents:
            return False
    name = re.search(r" and name = '((?:[^'\\]|\\.)*)'", condition)
    return name is None or re.sub(r"\\(.)", r"\1", name[1]) == one.facts["name"]


@pytest.fixture
def world(monkeypatch, tmp_path):
    """An empty Drive, signed in to with an API key; nothing is ever waited for."""
    found = World()
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Handler) as server:
        server.world = found
        server.daemon_threads = True
        server.block_on_close = False
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        found.url = f"http://127.0.0.1:{server.server_port}"
        monkeypatch.setenv("PAWSIGHT_DRIVE_URL", f"{found.url}/drive/v3")
        monkeypatch.setenv("PAWSIGHT_DRIVE_API_KEY", "public-key")
        monkeypatch.setenv("PAWSIGHT_CACHE", str(tmp_path / "cache"))
        monkeypatch.setenv("no_proxy", "127.0.0.1")
        monkeypatch.setenv("NO_GCE_CHECK", "true")
        monkeypatch.setenv("CLOUDSDK_CONFIG", str(tmp_path / "no-gcloud"))
        monkeypatch.delenv("GOOGLE_APPLICATION_CREDENTIALS", raising=False)
        monkeypatch.setattr(
            credentials, "user_config_path", lambda name: tmp_path / "config" / name
        )
        found.pauses = []
        monkeypatch.setattr(download, "jittered", lambda s: found.pauses.append(s) or 0.0)
        yield found
        server.shutdown()
        thread.join()


@pytest.fixture
def signed_in(world, monkeypatch):
    """Signed in with an access token that has expired, and one to renew it with."""
    monkeypatch.delenv("PAWSIGHT_DRIVE_API_KEY")
    credentials.save_token(
        json.dumps(
            {
                "type": "authorized_user",
                "token": "old",
                "expiry": "2020-01-01T00:00:00Z",
                "refresh_token": "again",
                "client_id": "me",
                "client_secret": "secret",
                "token_uri": f"{world.url}/token",
            }
        )
    )
    return world
