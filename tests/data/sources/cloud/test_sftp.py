"""Photos from an SFTP server that really runs on this machine, spoken with over real SSH."""

import os
import socket
import threading

import pytest

from pawsight.data.sources import fetch
from pawsight.errors import SourceError
from pawsight.runs import Run
from pawsight.storage.stores.remote_folder import RemoteFolder

from .conftest import contents

paramiko = pytest.importorskip("paramiko")

PHOTOS = {"cats/tom.jpg": b"tom" * 30_000, "dogs/größe.jpg": b"rex" * 10}
PASSWORD = "s3cret"


class _Door(paramiko.ServerInterface):
    def check_auth_password(self, username, password):
        is_right = (username, password) == ("mia", PASSWORD)
        return paramiko.AUTH_SUCCESSFUL if is_right else paramiko.AUTH_FAILED

    def get_allowed_auths(self, username):
        return "password"

    def check_channel_request(self, kind, chanid):
        return paramiko.OPEN_SUCCEEDED


class _Files(paramiko.SFTPServerInterface):
    """The folder `root` of the server; `opened` are the paths asked for."""

    root = ""
    opened: list[str] = []  # noqa: RUF012 - one server a test

    def _real(self, path):
        return self.root + self.canonicalize(path)

    def list_folder(self, path):
        try:
            names = os.listdir(self._real(path))  # noqa: PTH208
            return [self._attributes(f"{self._real(path)}/{name}") for name in names]
        except OSError as error:
            return paramiko.SFTPServer.convert_errno(error.errno)

    def stat(self, path):
        try:
            return self._attributes(self._real(path))
        except OSError as error:
            return paramiko.SFTPServer.convert_errno(error.errno)

    lstat = stat

    def open(self, path, flags, attr):
        self.opened.append(path)
        try:
            is_written = flags & os.O_WRONLY
            file = open(self._real(path), "wb" if is_written else "rb")  # noqa: SIM115 - closed by the handle
        except OSError as error:
            return paramiko.SFTPServer.convert_errno(error.errno)
        handle = paramiko.SFTPHandle(flags)
        setattr(handle, "writefile" if is_written else "readfile", file)
        return handle

    def mkdir(self, path, attr):
        return self._done(os.mkdir, self._real(path))

    def posix_rename(self, oldpath, newpath):
        return self._done(os.replace, self._real(oldpath), self._real(newpath))

    def remove(self, path):
        return self._done(os.remove, self._real(path))

    @staticmethod
    def _done(call, *paths):
        try:
            call(*paths)
        except OSError as error:
            return paramiko.SFTPServer.convert_errno(error.errno)
        return paramiko.SFTP_OK

    @staticmethod
    def _attributes(path):
        return paramiko.SFTPAttributes.from_stat(os.stat(path), os.path.basename(path))  # noqa: PTH116, PTH119


@pytest.fixture(scope="module")
def host_key():
    return paramiko.RSAKey.generate(2048)


@pytest.fixture
def server(tmp_path, monkeypatch, host_key):
    """Serve tmp_path/far, to a user whose ssh knows this host; gives "host:port"."""
    for path, content in PHOTOS.items():
        file = tmp_path / "far" / "pets" / path
        file.parent.mkdir(parents=True)
        file.write_bytes(content)
    (tmp_path / "far" / "empty").mkdir()
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.delenv("SSH_AUTH_SOCK", raising=False)
    listening = socket.create_server(("127.0.0.1", 0))
    port = listening.getsockname()[1]
    known = tmp_path / "home" / ".ssh" / "known_hosts"
    known.parent.mkdir(parents=True)
    known.write_text(f"[127.0.0.1]:{port} {host_key.get_name()} {host_key.get_base64()}\n")
    files = type("Files", (_Files,), {"root": str(tmp_path / "far"), "opened": []})
    transports = []

    def serve():
        while True:
            try:
                connection, _ = listening.accept()
            except OSError:
                return
            transport = paramiko.Transport(connection)
            transports.append(transport)
            transport.add_server_key(host_key)
            transport.set_subsystem_handler("sftp", paramiko.SFTPServer, files)
            try:
                transport.start_server(server=_Door())
            except (paramiko.SSHException, EOFError):
                transport.close()

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    yield type("Server", (), {"at": f"127.0.0.1:{port}", "files": files, "transports": transports})
    listening.shutdown(socket.SHUT_RDWR)
    listening.close()
    thread.join(5)
    for transport in transports:
        transport.close()


def test_a_folder_comes_over_sftp(server, recorded):
    source = fetch(f"sftp://mia:{PASSWORD}@{server.at}/pets", recorded)
    assert (source.name, contents(source.root)) == ("pets", PHOTOS)


def test_a_second_time_nothing_is_opened(server, recorded):
    fetch(f"sftp://mia:{PASSWORD}@{server.at}/pets", recorded)
    assert len(server.files.opened) >= len(PHOTOS)
    server.files.opened.clear()
    fetch(f"sftp://mia:{PASSWORD}@{server.at}/pets", recorded)
    assert server.files.opened == []


def test_a_wrong_password_advises_to_try_ssh_and_shows_none(server, recorded):
    with pytest.raises(SourceError, match=r"(?s)SFTP does not let you read.*`ssh`") as caught:
        fetch(f"sftp://mia:wrongword@{server.at}/pets", recorded)
    assert "wrongword" not in str(caught.value)


def test_a_host_that_ssh_does_not_know_is_refused(server, recorded, tmp_path):
    (tmp_path / "home" / ".ssh" / "known_hosts").write_text("")
    with pytest.raises(SourceError, match=r"not among ssh's known hosts.*`ssh -p "):
        fetch(f"sftp://mia:{PASSWORD}@{server.at}/pets", recorded)


def test_a_missing_folder_is_named(server, recorded):
    with pytest.raises(SourceError, match=r"There is no sftp://mia@127\.0\.0\.1:\d+/nothing"):
        fetch(f"sftp://mia:{PASSWORD}@{server.at}/nothing", recorded)


def test_a_folder_without_photos_is_named(server, recorded):
    with pytest.raises(SourceError, match=r"no photos in sftp://mia@127\.0\.0\.1:\d+/empty"):
        fetch(f"sftp://mia:{PASSWORD}@{server.at}/empty", recorded)


def test_a_run_is_kept_over_sftp_and_its_password_nowhere(server, tmp_path):
    address = f"sftp://mia:{PASSWORD}@{server.at}/new/runs/pets"
    folder = RemoteFolder(address)
    (tmp_path / "config.json").write_text("{}")
    version = folder.put(tmp_path / "config.json", "config.json")
    folder.put(tmp_path / "config.json", "config.json")  # replaces it
    folder.put(tmp_path / "config.json", "evaluation/old.json")
    folder.remove("evaluation/old.json")
    assert list(folder.files()) == ["config.json"]
    assert folder.files()["config.json"].version == version
    run = Run.open(address)
    assert run.place == f"sftp://mia@{server.at}/new/runs/pets"
    run.plan_path.write_text("plan")
    run.publish()
    assert (tmp_path / "far" / "new" / "runs" / "pets" / "plan.json").read_text() == "plan"
    kept = [path.read_bytes() for path in (tmp_path / "cache").rglob("*") if path.is_file()]
    assert not any(PASSWORD.encode() in content for content in kept)
