"""SFTP as `ssh` does it: the same keys, known hosts and ~/.ssh/config."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import paramiko
from fsspec.implementations.sftp import SFTPFileSystem

from pawsight.storage.download import Refused

_TIMEOUT_SECONDS = 15.0


class _OnlyKnownHosts(paramiko.MissingHostKeyPolicy):  # type: ignore[misc]
    """Refuses a server that `ssh` does not know: anybody could stand in its place."""

    def missing_host_key(self, client: Any, hostname: str, key: Any) -> None:
        # A port other than 22 comes as "[host]:port".
        host, _, port = hostname.removeprefix("[").partition("]:")
        option = f"-p {port} " if port else ""
        raise Refused(
            f"{host} is not among the hosts that ssh knows. Connect once with "
            f"`ssh {option}{host}`, compare its fingerprint ({key.fingerprint}), and try again"
        )


class KnownHostSftp(SFTPFileSystem):  # type: ignore[misc]
    """fsspec's SFTP, but only with hosts that are known, and connected again after a cut."""

    cachable = False

    def __init__(self, host: str, **ssh: Any) -> None:
        # paramiko drops an answer that comes while another thread waits for its own.
        self._asking = threading.Lock()
        super().__init__(host, host_key_policy=_OnlyKnownHosts, **ssh)

    def cat_file(self, path: str, start: int | None = None, end: int | None = None) -> bytes:
        """Read a piece of a file."""
        first = start or 0
        with self._asking:
            transport = self.client.get_transport()
            if transport is None or not transport.is_active():
                self._connect()
            with self.ftp.open(path, "rb") as file:
                file.seek(first)
                return bytes(file.read(None if end is None else end - first))

    def info(self, path: str, **_: Any) -> Any:
        """Return the facts of a file; called by threads after it was copied."""
        with self._asking:
            return super().info(path)

    def find(self, path: str, detail: bool = False, **_: Any) -> Any:
        """List all files below a folder; one that cannot be listed is an error, not empty."""
        return super().find(path, detail=detail, on_error="raise")

    def _connect(self) -> None:
        self.client = paramiko.SSHClient()
        self.client.load_system_host_keys()
        self.client.set_missing_host_key_policy(self.host_key_policy)
        self.client.connect(
            self.host,
            timeout=_TIMEOUT_SECONDS,
            banner_timeout=_TIMEOUT_SECONDS,
            auth_timeout=_TIMEOUT_SECONDS,
            **self.ssh_kwargs,
        )
        self.ftp = self.client.open_sftp()
        self.ftp.get_channel().settimeout(_TIMEOUT_SECONDS)


def open_sftp(address: str) -> tuple[KnownHostSftp, str]:
    """Connect to the server of an address.

    Args:
        address: sftp://[user[:password]@]host[:port]/path; `/~/` begins at the
            user's home, and a host may be a name from ~/.ssh/config.

    Returns:
        The file system, and the path in it.
    """
    parts = urlsplit(address, allow_fragments=False)
    host = parts.hostname or ""
    config_path = Path("~/.ssh/config").expanduser()
    config = paramiko.SSHConfig()
    if config_path.is_file():
        config = paramiko.SSHConfig.from_path(str(config_path))
    found = config.lookup(host)
    wanted = {
        "port": parts.port or int(found.get("port", 22)),
        "username": unquote(parts.username) if parts.username else found.get("user"),
        "password": unquote(parts.password) if parts.password else None,
        "key_filename": found.get("identityfile"),
    }
    path = f"{parts.path}?{parts.query}" if parts.query else parts.path
    home = "/~/"
    path = f"./{path.removeprefix(home)}" if path.startswith(home) else path or "/"
    return KnownHostSftp(found["hostname"], **wanted), path
