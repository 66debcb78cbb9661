"""Photos from nginx on loopback: listed folders, permissions, and a server that goes away."""

import os
import shutil
import subprocess

import pytest

from pawsight.data.sources import fetch
from pawsight.errors import SourceError

from .conftest import await_server, contents, free_port, photo

NGINX = shutil.which("nginx", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
if NGINX is None:
    pytest.skip("nginx is not installed", allow_module_level=True)

_CONFIG = """
daemon off; master_process off; pid {home}/pid; error_log {home}/errors;
events {{}}
http {{
  access_log off;
  client_body_temp_path {home}; proxy_temp_path {home}; fastcgi_temp_path {home};
  uwsgi_temp_path {home}; scgi_temp_path {home};
  server {{
    listen 127.0.0.1:{port}; root {home}/site; autoindex on;
    location /slow/ {{ limit_rate 20k; }}
    location /private/ {{ auth_basic "x"; auth_basic_user_file {home}/users; }}
    location /forbidden/ {{ return 403; }}
    location /broken/ {{ return 500; }}
  }}
}}
"""


class Nginx:
    def __init__(self, home):
        self.home = home
        self.port = free_port()
        (home / "nginx.conf").write_text(_CONFIG.format(home=home, port=self.port))
        (home / "users").write_text("ann:{PLAIN}secret\n")
        self.process = subprocess.Popen(
            [NGINX, "-e", home / "errors", "-c", home / "nginx.conf"], stderr=subprocess.DEVNULL
        )
        await_server(self.process, self.port)

    def put(self, path, data):
        file = self.home / "site" / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(data)

    def at(self, path):
        return f"http://127.0.0.1:{self.port}/{path}"

    def stop(self):
        self.process.kill()
        self.process.wait()


@pytest.fixture
def nginx(tmp_path, monkeypatch):
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    home = tmp_path / "nginx"
    (home / "site").mkdir(parents=True)
    home.chmod(0o755)
    server = Nginx(home)
    yield server
    server.stop()


def test_listed_folders_are_copied(nginx, recorded):
    photos = {"cats/tom 1.jpg": photo(1), "dogs/r\u00e9x.jpg": photo(2)}
    for path, data in photos.items():
        nginx.put(f"pets/{path}", data)
    assert contents(fetch(nginx.at("pets/"), recorded).root) == photos


@pytest.mark.parametrize(
    ("path", "advice"),
    [
        ("forbidden/", r"responds 403 Forbidden\.\nYou have no permission to read it"),
        ("broken/", r"responds 500\.\nThe server has a failure or is busy"),
        ("nothing/", r"responds 404 Not Found\.\nCheck that the address is correct"),
    ],
)
def test_what_the_server_refuses_has_its_own_advice(nginx, recorded, path, advice):
    with pytest.raises(SourceError, match=advice):
        fetch(nginx.at(path), recorded)


def test_a_name_and_password_come_from_netrc_and_wrong_ones_are_named(nginx, recorded, tmp_path):
    nginx.put("private/tom.jpg", photo(1))
    with pytest.raises(SourceError, match=r"401 Unauthorized\.\nIt needs a name and a password"):
        fetch(nginx.at("private/"), recorded)
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login ann password wrong\n")
    with pytest.raises(SourceError, match=r"in ~/\.netrc are missing or wrong") as error:
        fetch(nginx.at("private/"), recorded)
    assert "password wrong" not in str(error.value)
    netrc.write_text("machine 127.0.0.1 login ann password secret\n")
    assert contents(fetch(nginx.at("private/"), recorded).root) == {"tom.jpg": photo(1)}


def test_a_server_that_goes_away_while_copying_is_named(nginx, recorded):
    photos = {f"cats/{i}.jpg": os.urandom(100_000) for i in range(3)}
    for path, data in photos.items():
        nginx.put(f"slow/{path}", data)

    class GoesAway(type(recorded)):
        def start(self, stage, total=None, unit=""):
            super().start(stage, total, unit)
            if stage.startswith("Copying"):
                nginx.stop()

    with pytest.raises(SourceError, match=r"copied: cats/.*no connection\.\nRun the command again"):
        fetch(nginx.at("slow/"), GoesAway())
