"""Photos from OpenSSH's own server on loopback, as a user on this machine."""

import getpass
import os
import shutil
import socket
import subprocess
from pathlib import Path

import pytest

from pawsight.data.sources import fetch
from pawsight.errors import SourceError

from .conftest import await_server, contents, free_port, photo

paramiko = pytest.importorskip("paramiko")
SSHD = shutil.which("sshd", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
if SSHD is None or shutil.which("ssh-keygen") is None:
    pytest.skip("OpenSSH's server is not installed (sshd)", allow_module_level=True)


@pytest.fixture
def at(tmp_path, monkeypatch):
    """Run sshd for the current user; gives "user@host:port"."""
    home = tmp_path / "home"
    (home / ".ssh").mkdir(parents=True)
    for name in ("host", "mine"):
        key = tmp_path / name
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key], check=True)
    port = free_port()
    public = (tmp_path / "host.pub").read_text().split()
    (home / ".ssh" / "known_hosts").write_text(f"[127.0.0.1]:{port} {public[0]} {public[1]}\n")
    (home / ".ssh" / "config").write_text(f"Host *\n  IdentityFile {tmp_path / 'mine'}\n")
    (tmp_path / "sshd_config").write_text(
        f"ListenAddress 127.0.0.1\nPort {port}\nHostKey {tmp_path / 'host'}\n"
        f"AuthorizedKeysFile {tmp_path / 'mine.pub'}\nStrictModes no\nUsePAM no\n"
        f"PidFile none\nMaxSessions 3\nSubsystem sftp internal-sftp\n"
    )
    if os.geteuid() == 0:
        Path("/run/sshd").mkdir(exist_ok=True)  # as its own start script does
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.delenv("SSH_AUTH_SOCK", raising=False)
    server = subprocess.Popen(
        [SSHD, "-D", "-e", "-f", tmp_path / "sshd_config"], stderr=subprocess.DEVNULL
    )
    await_server(server, port)
    yield f"{getpass.getuser()}@127.0.0.1:{port}"
    server.terminate()
    server.wait()


def test_a_folder_comes_over_several_channels_though_the_server_allows_three(
    at, recorded, tmp_path
):
    photos = {f"{kind}/{i}.jpg": photo(i) for kind in ("cats", "dogs") for i in range(20)}
    photos["cats/large.jpg"] = os.urandom(9_000_000)  # more than one piece, with read-ahead
    for path, content in photos.items():
        (tmp_path / "pets" / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "pets" / path).write_bytes(content)
    source = fetch(f"sftp://{at}{tmp_path}/pets", recorded)
    assert contents(source.root) == photos


def test_a_dangling_link_is_named_and_others_are_followed(at, recorded, tmp_path):
    cats = tmp_path / "pets" / "cats"
    cats.mkdir(parents=True)
    (cats / "tom.jpg").write_bytes(photo(1))
    (cats / "gone.jpg").symlink_to(tmp_path / "nothing.jpg")
    (cats / "again.jpg").symlink_to(cats / "tom.jpg")
    (cats / "circle").symlink_to(tmp_path / "pets")
    source = fetch(f"sftp://{at}{tmp_path}/pets", recorded)
    assert contents(source.root) == {"cats/tom.jpg": photo(1), "cats/again.jpg": photo(1)}
    assert recorded.notes == ["Left out, since they are links that lead nowhere: cats/gone.jpg."]


@pytest.mark.skipif(os.uname().sysname != "Linux", reason="names of any bytes are Linux' own")
def test_latin_1_names_keep_their_bytes(at, recorded, tmp_path):
    folder = os.fsencode(tmp_path / "pets") + b"/B\xe4r"
    os.makedirs(folder)  # noqa: PTH103 - bytes
    with open(folder + b"/L\xf6we.jpg", "wb") as file:
        file.write(photo(1))
    source = fetch(f"sftp://{at}{tmp_path}/pets", recorded)
    assert (os.fsencode(source.root) + b"/B\xe4r/L\xf6we.jpg") in {
        os.fsencode(path) for path in source.root.rglob("*.jpg")
    }


def test_a_changed_host_key_is_refused_with_the_way_out(at, recorded, tmp_path):
    known = tmp_path / "home" / ".ssh" / "known_hosts"
    host, kind, _ = known.read_text().split()
    other = (tmp_path / "mine.pub").read_text().split()[1]
    known.write_text(f"{host} {kind} {other}\n")
    with pytest.raises(SourceError, match=r"is not the key in known_hosts.*ssh-keygen -R"):
        fetch(f"sftp://{at}{tmp_path}/pets", recorded)


def test_a_server_that_is_gone_is_named(at, recorded, tmp_path):
    port = int(at.rpartition(":")[2])
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        closed = free.getsockname()[1]
    with pytest.raises(SourceError, match=f"port {closed}"):
        fetch(f"sftp://{at.replace(str(port), str(closed))}{tmp_path}/pets", recorded)
