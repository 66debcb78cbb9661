"""Open a store, and call it: what its library raises becomes one of few errors.

Who may read what is each library's own business: keys, profiles, tokens and
addresses of other servers are taken from where that library reads them.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

from pawsight.errors import ExtraError, SourceError, first_line
from pawsight.storage.download import DownloadError, OpenStream, RetryableError, Stream
from pawsight.storage.stores.file_versions import checksum_of
from pawsight.storage.stores.providers import STORES

__all__ = [
    "STORES",
    "ForbiddenError",
    "NotFoundError",
    "mark_opaque",
    "open_store",
    "opener",
    "translated",
]

_PIECE = 8 << 20  # bytes requested at a time; a cut connection loses less than this
ANONYMOUS = "?anonymous"
# Errors of the libraries, not all of which need be installed, that another try does not resolve.
_NOT_SIGNED_IN = {
    "AuthenticationException",  # paramiko
    "BadHostKeyException",
    "ClientAuthenticationError",  # azure
    "DefaultCredentialsError",  # google.auth
    "RefreshError",
    "GatedRepoError",  # huggingface_hub
    "NoCredentialsError",  # botocore
    "PartialCredentialsError",
    "ProfileNotFound",
    "SSOTokenLoadError",
    "TokenRetrievalError",
    "UnauthorizedSSOTokenError",
}

_NO_CREDENTIALS = {"NoCredentialsError", "DefaultCredentialsError"}
# S3's, and Azure's.
_WRONG_CREDENTIALS = (
    *("InvalidAccessKeyId", "SignatureDoesNotMatch", "Access Key Id you provided"),
    *("request signature we calculated", "Server failed to authenticate the request"),
)


class NotFoundError(DownloadError):
    """There is nothing of that name."""


class ForbiddenError(DownloadError):
    """One may not read it."""


def open_store(address: str) -> tuple[Any, str]:
    """Return the file system of an address, and the path in it.

    Args:
        address: With `?anonymous` at its end to read without signing in.

    Raises:
        ExtraError: The store's library is not installed.
        SourceError: The store cannot be read without signing in.
        DownloadError: Nothing answers there, or the store does not let you in.
    """
    scheme, _, rest = address.partition("://")
    store = STORES[scheme.lower()]
    plain = rest.removesuffix(ANONYMOUS)
    is_anonymous = plain != rest
    if is_anonymous and not store.anonymous:
        raise SourceError(f"{store.title} does not support {ANONYMOUS}: leave it out.")
    options = store.anonymous if is_anonymous else {}
    try:
        return store.open_file_system(f"{scheme.lower()}://{plain}", options)
    except ImportError as error:
        raise ExtraError(f"Reading {scheme}:// addresses", "cloud") from error
    except ValueError as error:
        if "Must provide either" in str(error):  # adlfs
            raise ForbiddenError("no account is named") from error
        raise ForbiddenError(first_line(error)) from error


@contextlib.contextmanager
def translated() -> Iterator[None]:
    """Turn what the libraries raise into what it means: each has its own errors.

    Raises:
        DownloadError: It is not there, or may not be read.
        RetryableError: Anything else, most likely the network.
    """
    try:
        yield
    except (SourceError, ExtraError, RetryableError, DownloadError):
        raise
    except Exception as error:
        names = {kind.__name__ for kind in type(error).__mro__}
        status = _status(error)
        reason = first_line(error).rstrip(".")
        if "ParamValidationError" in names:  # botocore; its message may hold a password
            raise DownloadError("the name of the bucket is not valid") from error
        if names & _NOT_SIGNED_IN or isinstance(error, PermissionError) or status in (401, 403):
            raise ForbiddenError(_why_not_allowed(names, reason)) from error
        if isinstance(error, FileNotFoundError) or status == 404:
            raise NotFoundError(reason) from error
        raise RetryableError(reason) from error


def _why_not_allowed(names: set[str], reason: str) -> str:
    """Return whether credentials are missing or wrong, where that is known, else the reason."""
    if names & _NO_CREDENTIALS:
        return "no credentials were found"
    if any(text in reason for text in _WRONG_CREDENTIALS):
        return "the credentials are wrong"
    return reason


def _status(error: Exception) -> int | None:
    """Return the HTTP status that an error carries, by any of the names it has in the libraries."""
    holders = (error, getattr(error, "response", None))
    for holder in holders:
        for name in ("status_code", "status", "code"):
            value = getattr(holder, name, None)
            if isinstance(value, int):
                return value
    return None


def mark_opaque(fs: Any, infos: dict[str, dict[str, Any]]) -> None:
    """Find out whether the ETags of a bucket are no MD5: encrypted with a key, they are not.

    A listing does not state it, so the first file is checked for all: a bucket has one setting.
    A file for which that is wrong fails its check, and is checked again for itself.
    """
    for path, info in infos.items():
        if "ETag" in info and checksum_of(info):
            bucket, key, _ = fs.split_path(path)
            stated = fs.call_s3("head_object", Bucket=bucket, Key=key)
            is_opaque = "kms" in stated.get("ServerSideEncryption", "")
            if is_opaque or "SSECustomerAlgorithm" in stated:
                for each in infos.values():
                    each["has_opaque_etag"] = True
            return


def opener(fs: Any, path: str, size: int) -> OpenStream:
    """Return what opens a file of a store at some byte, for `fetch_resumed`."""

    @contextlib.contextmanager
    def open_stream(start: int) -> Iterator[Stream]:
        # No total: a file that became shorter ends early, and is checked again.
        yield Stream(start, None, _pieces(fs, path, start, size))

    return open_stream


def _pieces(fs: Any, path: str, start: int, size: int) -> Iterator[bytes]:
    while start < size:
        with translated():
            piece = fs.cat_file(path, start=start, end=min(start + _PIECE, size))
        if not piece:
            return
        yield piece
        start += len(piece)
