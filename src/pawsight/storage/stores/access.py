"""Open a cloud store or SFTP server, and translate the errors of its library.

Credentials are left to each library: it reads keys, profiles, tokens and the
addresses of other servers from the places that it documents.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

from pawsight.errors import ExtraError, SourceError, first_line
from pawsight.storage.download import DownloadError, OpenStream, RetryableError, Stream
from pawsight.storage.stores.file_versions import checksum_of
from pawsight.storage.stores.providers import STORES

_CHUNK_BYTES = 8 << 20  # requested at a time; a broken connection loses less than this
ANONYMOUS = "?anonymous"
# Names of errors that a retry does not resolve; not all of the libraries need be installed.
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
    """There is no file or folder of that name."""


class ForbiddenError(DownloadError):
    """The user has no permission to read it."""


def open_store(address: str) -> tuple[Any, str]:
    """Return the file system of an address, and the path in it.

    Args:
        address: The address, with `?anonymous` at its end to read without signing in.

    Raises:
        ExtraError: The store's library is not installed.
        SourceError: This kind of store cannot be read without signing in.
        DownloadError: No server answers, or the store refuses access.
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
    """Translate the exceptions of the stores' libraries.

    Raises:
        DownloadError: A file does not exist, or must not be read.
        RetryableError: Any other error, most likely of the network.
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
            raise ForbiddenError(_reason_of_refusal(names, reason)) from error
        if isinstance(error, FileNotFoundError) or status == 404:
            raise NotFoundError(reason) from error
        raise RetryableError(reason) from error


def _reason_of_refusal(names: set[str], reason: str) -> str:
    """Return that credentials are missing or wrong, if that is known, else the reason."""
    if names & _NO_CREDENTIALS:
        return "no credentials were found"
    if any(text in reason for text in _WRONG_CREDENTIALS):
        return "the credentials are wrong"
    return reason


def _status(error: Exception) -> int | None:
    """Return the HTTP status of an error, whatever its library calls it; None if it has none."""
    for holder in (error, getattr(error, "response", None)):
        for name in ("status_code", "status", "code"):
            value = getattr(holder, name, None)
            if isinstance(value, int):
                return value
    return None


def mark_opaque(fs: Any, infos: dict[str, dict[str, Any]]) -> None:
    """Set `has_opaque_etag` on files of an S3 bucket whose ETags are no MD5.

    An ETag is no MD5 if the file is encrypted with a key. A listing does not state this, so the
    first file is checked for all: encryption is usually the same in the whole bucket. If this is
    wrong for a file, the check of its checksum fails, and this function checks that file alone.

    Args:
        fs: The file system; nothing happens if it is not S3.
        infos: The result of fsspec's `info()` for each file, by path; changed in place.
    """
    for path, info in infos.items():
        if "ETag" in info and checksum_of(info):
            bucket, key, _ = fs.split_path(path)
            head = fs.call_s3("head_object", Bucket=bucket, Key=key)
            if "kms" in head.get("ServerSideEncryption", "") or "SSECustomerAlgorithm" in head:
                for each in infos.values():
                    each["has_opaque_etag"] = True
            return


def stream_opener(fs: Any, path: str, size: int) -> OpenStream:
    """Return a function that opens a file of a store at a byte offset, for `fetch_resumed`."""

    @contextlib.contextmanager
    def open_stream(start: int) -> Iterator[Stream]:
        # No total: if the file became shorter, the chunks end early, and the caller finds out.
        yield Stream(start, None, _chunks(fs, path, start, size))

    return open_stream


def _chunks(fs: Any, path: str, start: int, size: int) -> Iterator[bytes]:
    while start < size:
        with translated():
            chunk = fs.cat_file(path, start=start, end=min(start + _CHUNK_BYTES, size))
        if not chunk:
            return
        yield chunk
        start += len(chunk)
