"""List the photos at an address in a cloud store or on an SFTP server."""

from __future__ import annotations

from functools import partial
from typing import Any

from pawsight.addresses import public_address
from pawsight.data.file_types import is_table_name, is_wanted
from pawsight.data.sources import archive
from pawsight.data.sources.cloud.location import RemoteFolder, one_file, wanted_files
from pawsight.data.sources.mirror import RemoteFile
from pawsight.errors import SourceError
from pawsight.formatting import listed
from pawsight.progress import Progress
from pawsight.storage.download import DownloadError, RetriesExhaustedError, RetryableError
from pawsight.storage.stores.access import (
    ANONYMOUS,
    ForbiddenError,
    NotFoundError,
    mark_opaque,
    open_store,
    stream_opener,
    translated,
)
from pawsight.storage.stores.file_versions import checksum_of, version_of
from pawsight.storage.stores.providers import STORES


def list_files(text: str, progress: Progress) -> RemoteFolder:
    """List the photos at an address.

    Raises:
        ExtraError: The store's library is not installed.
        SourceError: The address does not exist, may not be read, or cannot be reached.
    """
    scheme, _, rest = text.partition("://")
    store = STORES[scheme.lower()]
    plain = rest.removesuffix(ANONYMOUS)
    address = f"{scheme.lower()}://{plain}"
    if not plain.strip("/"):
        raise SourceError(f"{text} names no {store.top}.\nGive it as {store.example}.")
    shown = public_address(address)
    try:
        with translated():
            file_system, path = open_store(text)
            progress.start(f"Listing {shown}", None, "files")
            return _list(file_system, path, shown, progress)
    except NotFoundError as error:
        raise SourceError(
            f"There is no {shown} ({error}).\n"
            f"Check the names of the {store.top} and the folder, also for upper and lower case. "
            f"The form of an address is {store.example}."
        ) from error
    except ForbiddenError as error:
        raise SourceError(
            f"{store.title} does not let you read {shown}: {error}.\n{store.sign_in}"
        ) from error
    except (RetryableError, RetriesExhaustedError) as error:
        raise SourceError(
            f"{shown} cannot be listed: {error}.\n"
            f"{store.title} did not answer correctly; this may be temporary. Run the command "
            f"again; what was copied is kept."
        ) from error
    except DownloadError as error:  # its text contains the advice
        raise SourceError(f"{shown} cannot be listed: {error}.") from error


def _list(fs: Any, path: str, address: str, progress: Progress) -> RemoteFolder:
    path = path.rstrip("/") or path
    name = path.rpartition("/")[2] or address.rpartition("/")[2]
    info = _info(fs, path)
    if info["type"] == "directory":
        return RemoteFolder(name, address, _list_folder(fs, path, progress))
    if is_table_name(name):
        folder = path.rpartition("/")[0]
        files = _list_folder(fs, folder, progress)
        return RemoteFolder(
            folder.rpartition("/")[2], address.rpartition("/")[0], files, table=name
        )
    start = fs.cat_file(path, start=0, end=archive.START_BYTES) if info["size"] else b""
    mark_opaque(fs, {path: info})
    return one_file(name, start, address, partial(_remote_file, fs, path, info))


def _info(fs: Any, path: str) -> dict[str, Any]:
    """Return fsspec's `info()` of a file or folder."""
    try:
        info: dict[str, Any] = fs.info(path)
    except PermissionError:
        # S3 states no reason to the requests of `info`; to a request for a listing it does.
        if hasattr(fs, "call_s3"):
            bucket, key, _ = fs.split_path(path)
            fs.call_s3("list_objects_v2", Bucket=bucket, Prefix=key, MaxKeys=1)
        raise
    return info


def _list_folder(fs: Any, folder: str, progress: Progress) -> list[RemoteFile]:
    infos = fs.find(folder, detail=True)
    start = len(folder.rstrip("/")) + 1
    if dangling := [path[start:] for path, info in infos.items() if _dangles(path, info)]:
        progress.note(f"Left out, since they are links that lead nowhere: {listed(dangling)}.")
    infos = {path: info for path, info in infos.items() if info["type"] == "file"}
    mark_opaque(fs, infos)
    return wanted_files(
        [
            (path[start:], partial(_remote_file, fs, path, info))
            for path, info in sorted(infos.items())
        ]
    )


def _dangles(path: str, info: dict[str, Any]) -> bool:
    *folders, name = path.split("/")
    return info["type"] == "dangling" and is_wanted(folders, name)


def _remote_file(fs: Any, path: str, info: dict[str, Any], local_path: str) -> RemoteFile:
    def refreshed() -> RemoteFile:
        with translated():
            fs.invalidate_cache()
            new_info = fs.info(path)
            mark_opaque(fs, {path: new_info})
            return _remote_file(fs, path, new_info, local_path)

    return RemoteFile(
        local_path,
        info["size"],
        version_of(info),
        stream_opener(fs, path, info["size"]),
        checksum_of(info),
        refreshed,
    )
