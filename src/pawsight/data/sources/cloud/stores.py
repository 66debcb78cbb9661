"""Cloud stores and SFTP servers, each accessed through its own module of fsspec.

Who may read what is each library's own business: keys, profiles, tokens and
addresses of other servers are taken from where that library reads them.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from functools import partial
from typing import Any

from pawsight.addresses import public_address
from pawsight.data.file_types import is_table_name, is_wanted
from pawsight.data.sources import archive
from pawsight.data.sources.cloud.file_versions import checksum_of, version_of
from pawsight.data.sources.cloud.location import (
    RemoteFolder,
    one_file,
    wanted_files,
)
from pawsight.data.sources.cloud.providers import STORES, Store
from pawsight.data.sources.mirror import RemoteFile
from pawsight.errors import ExtraError, SourceError, first_line
from pawsight.formatting import listed
from pawsight.progress import Progress
from pawsight.storage.download import (
    DownloadError,
    OpenStream,
    RetriesExhaustedError,
    RetryableError,
    Stream,
)

__all__ = ["STORES", "list_files", "open_store", "translated"]

_PIECE = 8 << 20  # bytes requested at a time; a cut connection loses less than this
_ANONYMOUS = "?anonymous"
_NAMED = 5  # files that a note names
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


class _NotFoundError(DownloadError):
    """There is nothing of that name."""


class _ForbiddenError(DownloadError):
    """One may not read it."""


def list_files(text: str, progress: Progress) -> RemoteFolder:
    """List what is at an address.

    Raises:
        ExtraError: The store's library is not installed.
        SourceError: It is not there, may not be read, or cannot be reached.
    """
    scheme, _, rest = text.partition("://")
    store = STORES[scheme.lower()]
    plain = rest.removesuffix(_ANONYMOUS)
    address = f"{scheme.lower()}://{plain}"
    if not plain.strip("/"):
        raise SourceError(f"{text} names no {store.top}.\nGive it as {store.example}.")
    seen = public_address(address)
    try:
        with translated():
            opened = _open(store, address, is_anonymous=plain != rest)
            progress.start(f"Listing {seen}", None, "files")
            return _listed(*opened, seen, progress)
    except _NotFoundError as error:
        raise SourceError(
            f"There is no {seen} ({error}).\n"
            f"Look for a slip in the name of the {store.top} or the folder: large and small "
            f"letters differ. It is given as {store.example}."
        ) from error
    except _ForbiddenError as error:
        raise SourceError(
            f"{store.title} does not let you read {seen}: {error}.\n{store.sign_in}"
        ) from error
    except (RetryableError, RetriesExhaustedError) as error:
        raise SourceError(
            f"{seen} cannot be listed: {error}.\n"
            f"{store.title} did not answer as it should, perhaps for a moment only: give the "
            f"command again; what was copied is kept."
        ) from error
    except DownloadError as error:  # its text contains the advice
        raise SourceError(f"{seen} cannot be listed: {error}.") from error


def open_store(address: str) -> tuple[Any, str]:
    """Return the file system of an address, and the path in it.

    Raises:
        ExtraError: The store's library is not installed.
        DownloadError: Nothing answers there, or the store does not let you in.
    """
    return _open(STORES[address.partition("://")[0].lower()], address, is_anonymous=False)


def _open(store: Store, address: str, *, is_anonymous: bool) -> tuple[Any, str]:
    """Return the file system, and the path in it."""
    if is_anonymous and not store.anonymous:
        raise SourceError(f"{store.title} does not support {_ANONYMOUS}: leave it out.")
    try:
        return store.open_file_system(address, store.anonymous if is_anonymous else {})
    except ImportError as error:
        raise ExtraError(f"Reading {address.partition('://')[0]}:// addresses", "cloud") from error
    except ValueError as error:
        if "Must provide either" in str(error):  # adlfs
            raise _ForbiddenError("no account is named") from error
        raise _ForbiddenError(first_line(error)) from error


def _listed(fs: Any, path: str, address: str, progress: Progress) -> RemoteFolder:
    path = path.rstrip("/") or path
    name = path.rpartition("/")[2] or address.rpartition("/")[2]
    info = _facts(fs, path)
    if info["type"] == "directory":
        return RemoteFolder(name, address, _below(fs, path, progress))
    if is_table_name(name):
        folder = path.rpartition("/")[0]
        files = _below(fs, folder, progress)
        return RemoteFolder(
            folder.rpartition("/")[2], address.rpartition("/")[0], files, table=name
        )
    start = fs.cat_file(path, start=0, end=archive.START_BYTES) if info["size"] else b""
    _mark_opaque(fs, {path: info})
    return one_file(name, start, address, partial(_remote, fs, path, info))


def _facts(fs: Any, path: str) -> dict[str, Any]:
    """Return the facts of a file or folder."""
    try:
        info: dict[str, Any] = fs.info(path)
    except PermissionError:
        # S3 answers with no reason to what `info` requests; a listing has one in its answer.
        if hasattr(fs, "call_s3"):
            bucket, key, _ = fs.split_path(path)
            fs.call_s3("list_objects_v2", Bucket=bucket, Prefix=key, MaxKeys=1)
        raise
    return info


def _below(fs: Any, folder: str, progress: Progress) -> list[RemoteFile]:
    infos = fs.find(folder, detail=True)
    start = len(folder.rstrip("/")) + 1
    _note_dangling([path[start:] for path, info in infos.items() if _dangles(path, info)], progress)
    infos = {path: info for path, info in infos.items() if info["type"] == "file"}
    _mark_opaque(fs, infos)
    return wanted_files(
        [(path[start:], partial(_remote, fs, path, info)) for path, info in sorted(infos.items())]
    )


def _dangles(path: str, info: dict[str, Any]) -> bool:
    *folders, name = path.split("/")
    return info["type"] == "dangling" and is_wanted(folders, name)


def _note_dangling(paths: list[str], progress: Progress) -> None:
    if paths:
        progress.note(f"Left out, since they are links that lead nowhere: {listed(paths, _NAMED)}.")


def _remote(fs: Any, path: str, info: dict[str, Any], here: str) -> RemoteFile:
    def refreshed() -> RemoteFile:
        with translated():
            fs.invalidate_cache()
            now = fs.info(path)
            _mark_opaque(fs, {path: now})
            return _remote(fs, path, now, here)

    return RemoteFile(
        here,
        info["size"],
        version_of(info),
        _opener(fs, path, info["size"]),
        checksum_of(info),
        refreshed,
    )


def _mark_opaque(fs: Any, infos: dict[str, dict[str, Any]]) -> None:
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


def _opener(fs: Any, path: str, size: int) -> OpenStream:
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
        if names & _NOT_SIGNED_IN or isinstance(error, PermissionError) or status in (401, 403):
            raise _ForbiddenError(_why_not_allowed(names, reason)) from error
        if isinstance(error, FileNotFoundError) or status == 404:
            raise _NotFoundError(reason) from error
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
