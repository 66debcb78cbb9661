"""SFTP as `ssh` does it: the same keys, known hosts and ~/.ssh/config.

Files are read over several channels of one connection, each used by one thread
at a time: paramiko drops a response that arrives while another thread waits for
its own. Names are bytes, as on the server: what is not UTF-8 is kept by
`surrogateescape`.
"""

from __future__ import annotations

import contextlib
import errno
import stat
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import paramiko
from paramiko.sftp import CMD_CLOSE, CMD_NAME, CMD_OPENDIR, CMD_READDIR, CMD_REALPATH

from pawsight.storage.download import DownloadError

_TIMEOUT_SECONDS = 15.0
_MAX_CHANNELS = 8  # OpenSSH allows 10 for a connection
_SINGLE_READ, _WINDOW = 1 << 15, 1 << 24  # bytes that every server returns at once, and in flight


class _OnlyKnownHosts(paramiko.MissingHostKeyPolicy):  # type: ignore[misc]
    """Refuses a server whose key `ssh` does not have: it could be another server."""

    def missing_host_key(self, client: Any, hostname: str, key: Any) -> None:
        # A port other than 22 comes as "[host]:port".
        host, _, port = hostname.removeprefix("[").partition("]:")
        option = f"-p {port} " if port else ""
        raise DownloadError(
            f"{host} is not among ssh's known hosts. Connect once with "
            f"`ssh {option}{host}`, compare its fingerprint ({key.fingerprint}), and try again"
        )


class _Channel(paramiko.SFTPClient):  # type: ignore[misc]
    """paramiko's client, with names of any bytes."""

    def entries(self, path: str) -> list[tuple[str, Any]]:
        """List the names in a folder with their attributes, a link with its own."""
        kind, answer = self._request(CMD_OPENDIR, _bytes(path))
        handle = answer.get_binary()
        entries = []
        while True:
            try:
                kind, answer = self._request(CMD_READDIR, handle)
            except EOFError:
                break
            if kind != CMD_NAME:
                raise paramiko.SFTPError("Expected names")
            for _ in range(answer.get_int()):
                name = _text(answer.get_binary())
                answer.get_binary()  # the line of `ls -l`
                facts = paramiko.SFTPAttributes._from_msg(answer)
                if name not in (".", ".."):
                    entries.append((name, facts))
        self._request(CMD_CLOSE, handle)
        return sorted(entries, key=lambda entry: entry[0])

    def real_path(self, path: str) -> str:
        """Return a path without links."""
        _, answer = self._request(CMD_REALPATH, _bytes(path))
        answer.get_int()
        return _text(answer.get_binary())


class Sftp:
    """The files of a server, in the form of a file system of fsspec as far as it is used here."""

    def __init__(self, host: str, **ssh: Any) -> None:
        self._host = host
        self._ssh = ssh
        self._changing = threading.Lock()
        self._client: paramiko.SSHClient | None = None
        self._idle: list[_Channel] = []
        self._num_open = 0
        self._places = threading.Semaphore(_MAX_CHANNELS)
        with self._channel():  # connect now, so that an error is one of connecting
            pass

    def cat_file(self, path: str, start: int, end: int) -> bytes:
        """Read the bytes from `start` to `end`, or to the end of a shorter file."""
        with self._channel() as channel, channel.open(_bytes(path), "rb") as file:
            file.seek(start)
            if end - start > _SINGLE_READ:
                end = min(end, channel.stat(_bytes(path)).st_size)  # beyond it, read-ahead fails
                file.prefetch(end)
            return bytes(file.read(max(0, end - start)))

    def info(self, path: str) -> dict[str, Any]:
        """Return the facts of a file or folder, or of what a link leads to."""
        with self._channel() as channel, _named(path):
            return _facts(channel.stat(_bytes(path)))

    def find(self, folder: str, detail: bool = True) -> dict[str, dict[str, Any]]:
        """List all files below a folder, by path; links are followed.

        A link that leads nowhere has the type "dangling". No folder is listed twice
        by way of a link.

        Raises:
            OSError: A folder cannot be listed.
        """
        infos: dict[str, dict[str, Any]] = {}
        entered: set[str] = set()
        waiting = [folder]
        with self._channel() as channel:
            while waiting:
                here = waiting.pop()
                with _named(here):
                    real = channel.real_path(here)
                    if real in entered:
                        continue
                    entered.add(real)
                    entries = channel.entries(here)
                folders: list[str] = []
                links: list[str] = []
                for name, attributes in entries:
                    path = f"{here.rstrip('/')}/{name}"
                    is_link = stat.S_ISLNK(attributes.st_mode or 0)
                    facts = _link_facts(channel, path) if is_link else _facts(attributes)
                    if facts["type"] == "directory":
                        (links if is_link else folders).append(path)
                    else:
                        infos[path] = facts
                waiting += [*reversed(links), *reversed(folders)]  # the last is taken first
        return infos

    def put_file(self, local: str, path: str) -> None:
        """Write a file whole, under another name first, and its folders."""
        folder, _, name = path.rpartition("/")
        temporary = f"{folder}/.{name}.part"
        with self._channel() as channel, _named(path):
            _make_folders(channel, folder)
            channel.put(local, _bytes(temporary))
            channel.posix_rename(_bytes(temporary), _bytes(path))

    def rm_file(self, path: str) -> None:
        """Remove a file."""
        with self._channel() as channel, _named(path):
            channel.remove(_bytes(path))

    def invalidate_cache(self) -> None:
        """Do nothing: no listing is cached."""

    @contextlib.contextmanager
    def _channel(self) -> Iterator[_Channel]:
        """Yield a channel for one thread."""
        channel = self._taken()
        is_usable = False
        try:
            yield channel
            is_usable = True
        except (FileNotFoundError, PermissionError):
            is_usable = True  # an answer of the server
            raise
        finally:
            with self._changing:
                if is_usable:
                    self._idle.append(channel)
                else:
                    self._num_open -= 1
            if not is_usable:
                channel.close()
            self._places.release()

    def _taken(self) -> _Channel:
        while True:
            self._places.acquire()
            try:
                with self._changing:
                    if (channel := self._idle_or_opened()) is not None:
                        return channel
            except BaseException:
                self._places.release()
                raise
            # The server allows no more channels, so this place stays taken.

    def _idle_or_opened(self) -> _Channel | None:
        while self._idle:
            channel = self._idle.pop()
            if not channel.get_channel().closed:
                return channel
            self._num_open -= 1
        transport = self._client.get_transport() if self._client is not None else None
        if transport is None or not transport.is_active():
            self._client = self._connected()
            transport = self._client.get_transport()
        try:
            opened: _Channel = _Channel.from_transport(transport, window_size=_WINDOW)
        except paramiko.SSHException:
            if self._num_open:
                return None
            raise
        opened.get_channel().settimeout(_TIMEOUT_SECONDS)
        self._num_open += 1
        return opened

    def _connected(self) -> paramiko.SSHClient:
        client = paramiko.SSHClient()
        client.load_system_host_keys()
        client.set_missing_host_key_policy(_OnlyKnownHosts())
        try:
            client.connect(
                self._host,
                timeout=_TIMEOUT_SECONDS,
                banner_timeout=_TIMEOUT_SECONDS,
                auth_timeout=_TIMEOUT_SECONDS,
                **self._ssh,
            )
        except paramiko.BadHostKeyException as error:
            port = self._ssh["port"]
            known = self._host if port == 22 else f"[{self._host}]:{port}"
            raise DownloadError(
                f"the key of {self._host} is not the one in known_hosts: the server was set up "
                f"again, or another one answers in its place. Ask who runs it for its fingerprint; "
                f"if it is {error.key.fingerprint}, remove the old key with "
                f"`ssh-keygen -R '{known}'`, and connect once with `ssh`"
            ) from error
        return client


def open_sftp(address: str) -> tuple[Sftp, str]:
    """Connect to the server of an address.

    Args:
        address: sftp://[user[:password]@]host[:port]/path; `/~/` begins at the
            user's home, and a host may be a name from ~/.ssh/config.

    Returns:
        The server's files, and the path among them.
    """
    parts = urlsplit(address, allow_fragments=False)
    host = parts.hostname or ""
    config_path = Path("~/.ssh/config").expanduser()
    config = paramiko.SSHConfig()
    if config_path.is_file():
        config = paramiko.SSHConfig.from_path(str(config_path))
    options = config.lookup(host)
    arguments = {
        "port": parts.port or int(options.get("port", 22)),
        "username": unquote(parts.username) if parts.username else options.get("user"),
        "password": unquote(parts.password) if parts.password else None,
        "key_filename": options.get("identityfile"),
    }
    path = f"{parts.path}?{parts.query}" if parts.query else parts.path
    home = "/~/"
    path = f"./{path.removeprefix(home)}" if path.startswith(home) else path or "/"
    return Sftp(options["hostname"], **arguments), path


def _facts(attributes: Any) -> dict[str, Any]:
    mode = attributes.st_mode or 0
    kind = "other"
    if stat.S_ISDIR(mode):
        kind = "directory"
    elif stat.S_ISREG(mode):
        kind = "file"
    return {"type": kind, "size": attributes.st_size, "mtime": attributes.st_mtime}


def _make_folders(channel: _Channel, folder: str) -> None:
    try:
        channel.stat(_bytes(folder or "/"))
    except FileNotFoundError:
        _make_folders(channel, folder.rpartition("/")[0])
        channel.mkdir(_bytes(folder))


def _link_facts(channel: _Channel, path: str) -> dict[str, Any]:
    try:
        return _facts(channel.stat(_bytes(path)))
    except OSError as error:
        if error.errno not in (None, errno.ENOENT, errno.EACCES):
            raise
        return {"type": "dangling", "size": 0}  # a link in a circle is a failure without a number


@contextlib.contextmanager
def _named(path: str) -> Iterator[None]:
    """Add the path to an error of the server, which states none."""
    try:
        yield
    except (FileNotFoundError, PermissionError) as error:
        raise type(error)(error.errno, f"{error.strerror}: {path}") from error


def _bytes(path: str) -> bytes:
    return path.encode("utf-8", "surrogateescape")


def _text(name: bytes) -> str:
    return name.decode("utf-8", "surrogateescape")
