"""Open the file system of a store, with time limits, and only if its server answers.

Without this, the libraries retry a server that does not answer for minutes, without a message.
"""

from __future__ import annotations

import os
import socket
import urllib.request
from typing import Any, Protocol
from urllib.parse import urlsplit

from pawsight.storage.download import DownloadError
from pawsight.storage.http import TIMEOUT_SECONDS

_CONNECT_SECONDS, _READ_SECONDS = TIMEOUT_SECONDS
_LIBRARY_TRIES = 2  # attempts of the library for a request; pawsight retries failed requests
# Listings of earlier calls in this process may be outdated.
_UNCACHED = {"skip_instance_cache": True, "use_listings_cache": False}


class OpenFileSystem(Protocol):
    """Opens the file system of an address."""

    def __call__(self, address: str, anonymous: dict[str, Any]) -> tuple[Any, str]:
        """Return the file system of an address, and the path in it.

        Args:
            address: The address, secrets included.
            anonymous: The options for reading without signing in; empty to sign in.

        Raises:
            ImportError: The store's library is not installed.
            DownloadError: No server answers at the store's address.
        """


def open_by_fsspec(address: str, anonymous: dict[str, Any]) -> tuple[Any, str]:
    """Open the file system of an address by fsspec's module for its scheme."""
    import fsspec

    fs, path = fsspec.url_to_fs(address, **anonymous, **_UNCACHED)
    return fs, str(path)


def open_azure(address: str, anonymous: dict[str, Any]) -> tuple[Any, str]:
    """Open Azure Blob Storage."""
    fs, path = open_by_fsspec(address, anonymous)
    require_answer(fs.service_client.url)
    # adlfs creates the client, which has no public option for this afterwards.
    for policy in fs.service_client._pipeline._impl_policies:
        if hasattr(policy, "total_retries"):
            policy.total_retries = _LIBRARY_TRIES - 1
    return fs, path


def open_s3(address: str, anonymous: dict[str, Any]) -> tuple[Any, str]:
    """Open S3, or a store with its protocol."""
    config = {
        "connect_timeout": _CONNECT_SECONDS,
        "read_timeout": _READ_SECONDS,
        "retries": {"total_max_attempts": _LIBRARY_TRIES},
    }
    fs, path = open_by_fsspec(address, {**anonymous, "config_kwargs": config})
    fs.retries = _LIBRARY_TRIES
    require_answer(fs.s3.meta.endpoint_url)
    return fs, path


def open_google(address: str, anonymous: dict[str, Any]) -> tuple[Any, str]:
    """Open Google Cloud Storage."""
    import fsspec
    from gcsfs.core import GCSFileSystem

    kind = fsspec.get_filesystem_class("gs")
    if anonymous or os.environ.get("STORAGE_EMULATOR_HOST"):
        # The default class asks another server, by gRPC, for the kind of the bucket. Emulators
        # have no such server, and other accounts have no permission to ask it.
        kind = GCSFileSystem
    fs = kind(requests_timeout=_READ_SECONDS, **anonymous, **_UNCACHED)
    require_answer(fs._location)
    return fs, str(kind._strip_protocol(address))


def open_sftp(address: str, anonymous: dict[str, Any]) -> tuple[Any, str]:
    """Open an SFTP server."""
    from pawsight.storage.stores import sftp  # here: paramiko is an extra

    return sftp.open_sftp(address)


def require_answer(url: str) -> None:
    """Check that a server listens at an address, unless a proxy is used.

    Raises:
        DownloadError: The host does not exist, or no server answers there.
    """
    parts = urlsplit(url)
    host = parts.hostname or ""
    is_proxied = parts.scheme in urllib.request.getproxies()
    if is_proxied and not urllib.request.proxy_bypass(host):
        return
    port = parts.port or (80 if parts.scheme == "http" else 443)
    try:
        socket.create_connection((host, port), _CONNECT_SECONDS).close()
    except socket.gaierror as error:
        raise DownloadError(
            f"there is no host {host}, or this machine has no connection to the internet"
        ) from error
    except OSError as error:
        raise DownloadError(
            f"nothing answers at {host}, port {port}: the server is down or has another "
            f"address, or a firewall blocks the connection"
        ) from error
