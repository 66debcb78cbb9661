"""Read and write files on SFTP servers, with the keys, known hosts and settings of `ssh`.

Files are transferred over several channels of one connection. Each channel is
used by one thread at a time: paramiko drops a response that arrives while another
thread waits for its own response. Names may be any bytes: bytes that are not UTF-8
are kept by `surrogateescape`.
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
_SINGLE_READ_BYTES = 1 << 15  # every server returns as much in one response
_WINDOW_BYTES = 1 << 24  # the most that is sent before it is acknowledged


class _OnlyKnownHosts(paramiko.MissingHostKeyPolicy):  # type: ignore[misc]
    """Refuses a server that is not among the known hosts of `ssh`: it could be an impostor."""

    def missing_host_key(self, client: Any, hostname: str, key: Any) -> None:
        # With a port other than 22, `hostname` is "[host]:port".
        host, _, port = hostname.removeprefix("[").partition("]:")
        option = f"-p {port} " if port else ""
        raise DownloadError(
            f"{host} is not among ssh's known hosts. Connect once with "
            f"`ssh {option}{host}`, compare its fingerprint ({key.fingerprint}), and try again"
        )


class _Channel(paramiko.SFTPClient):  # type: ignore[misc]
    """An SFTP client of paramiko that also handles names that are not UTF-8."""

    def entries(self, path: str) -> list[tuple[str, Any]]:
        """Return the names in a folder with their attributes; links are not followed."""
        kind, response = self._request(CMD_OPENDIR, _bytes(path))
        handle = response.get_binary()
        entries = []
        while True:
            try:
                kind, response = self._request(CMD_READDIR, handle)
            except EOFError:
                break
            if kind != CMD_NAME:
                raise paramiko.SFTPError("Expected names")
            for _ in range(response.get_int()):
                name = _text(response.get_binary())
                response.get_binary()  # the line of `ls -l`
                attributes = paramiko.SFTPAttributes._from_msg(response)
                if name not in (".", ".."):
                    entries.append((name, attributes))
        self._request(CMD_CLOSE, handle)
        return sorted(entries, key=lambda entry: entry[0])

    def real_path(self, path: str) -> str:
        """Return the absolute path that a path leads to, with all links resolved."""
        _, response = self._request(CMD_REALPATH, _bytes(path))
        response.get_int()
        return _text(response.get_binary())


class Sftp:
    """The files of a server, with the methods of an fsspec file system that pawsight uses."""

    def __init__(self, host: str, **ssh: Any) -> None:
        self._host = host
        self._ssh = ssh
        self._lock = threading.Lock()
        self._client: paramiko.SSHClient | None = None
        self._idle: list[_Channel] = []
        self._num_open = 0
        self._slots = threading.Semaphore(_MAX_CHANNELS)
        with self._channel():  # connect now, so that errors of the connection are raised here
            pass

    def cat_file(self, path: str, start: int, end: int) -> bytes:
        """Read the bytes from `start` to `end`, or to the end of a shorter file."""
        with self._channel() as channel, channel.open(_bytes(path), "rb") as file:
            file.seek(start)
            if end - start > _SINGLE_READ_BYTES:
                end = min(end, channel.stat(_bytes(path)).st_size)  # prefetch fails beyond the end
                file.prefetch(end)
            return bytes(file.read(max(0, end - start)))

    def info(self, path: str) -> dict[str, Any]:
        """Return type, size and modification time of a file or folder; links are followed."""
        with self._channel() as channel, _named(path):
            return _facts(channel.stat(_bytes(path)))

    def find(self, folder: str, detail: bool = True) -> dict[str, dict[str, Any]]:
        """Return `info` of all files below a folder, by path; links are followed.

        A link that leads nowhere has the type "dangling". No folder is listed twice,
        so a loop of links ends.

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
        """Copy a local file, under a temporary name first, and create its folders."""
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
        channel = self._acquire_channel()
        is_usable = False
        try:
            yield channel
            is_usable = True
        except (FileNotFoundError, PermissionError):
            is_usable = True  # the server answered, so the channel works
            raise
        finally:
            with self._lock:
                if is_usable:
                    self._idle.append(channel)
                else:
                    self._num_open -= 1
            if not is_usable:
                channel.close()
            self._slots.release()

    def _acquire_channel(self) -> _Channel:
        while True:
            self._slots.acquire()
            try:
                with self._lock:
                    if (channel := self._idle_or_new_channel()) is not None:
                        return channel
            except BaseException:
                self._slots.release()
                raise
            # The server allows no more channels: keep the slot, so that there are fewer of them.

    def _idle_or_new_channel(self) -> _Channel | None:
        """Return a channel; None if the server allows no more than are open."""
        while self._idle:
            channel = self._idle.pop()
            if not channel.get_channel().closed:
                return channel
            self._num_open -= 1
        transport = self._client.get_transport() if self._client is not None else None
        if transport is None or not transport.is_active():
            self._client = self._connect()
            transport = self._client.get_transport()
        try:
            new: _Channel = _Channel.from_transport(transport, window_size=_WINDOW_BYTES)
        except paramiko.SSHException:
            if self._num_open:
                return None
            raise
        new.get_channel().settimeout(_TIMEOUT_SECONDS)
        self._num_open += 1
        return new

    def _connect(self) -> paramiko.SSHClient:
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
                f"the key of {self._host} is not the key in known_hosts: the server was set up "
                f"again, or another server answers in its place. Ask its administrator for its "
                f"fingerprint; if it is {error.key.fingerprint}, remove the old key with "
                f"`ssh-keygen -R '{known}'`, and connect once with `ssh`"
            ) from error
        return client


def open_sftp(address: str) -> tuple[Sftp, str]:
    """Connect to the server of an address.

    Args:
        address: sftp://[user[:password]@]host[:port]/path; `/~/` begins at the
            user's home, and a host may be a name from ~/.ssh/config.

    Returns:
        The file system of the server, and the path in it.

    Raises:
        DownloadError: The server is not among the known hosts, or its key has changed.
    """
    parts = urlsplit(address, allow_fragments=False)
    host = parts.hostname or ""
    path = Path("~/.ssh/config").expanduser()
    text = path.read_text(encoding="utf-8", errors="replace") if path.is_file() else ""
    options = paramiko.SSHConfig.from_text(text).lookup(host)
    arguments = {
        "port": parts.port or int(options.get("port", 22)),
        "username": unquote(parts.username) if parts.username else options.get("user"),
        "password": unquote(parts.password) if parts.password else None,
        "key_filename": options.get("identityfile"),
    }
    remote_path = f"{parts.path}?{parts.query}" if parts.query else parts.path
    if remote_path.startswith("/~/"):
        remote_path = f"./{remote_path.removeprefix('/~/')}"
    return Sftp(options["hostname"], **arguments), remote_path or "/"


def _facts(attributes: Any) -> dict[str, Any]:
    mode = attributes.st_mode or 0
    kind = "directory" if stat.S_ISDIR(mode) else "file" if stat.S_ISREG(mode) else "other"
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
        return {"type": "dangling", "size": 0}  # for a loop of links, `errno` is None


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
