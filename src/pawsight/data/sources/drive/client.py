"""Read from Google Drive: list folders, get the facts of files, and open files.

Requests for facts use the client library of Google, with the description of Drive v3
that it contains. Files are read through a session of google-auth, which can stream.
Neither is thread-safe, so each thread has its own.
"""

from __future__ import annotations

import contextlib
import http.client
import os
import threading
from collections.abc import Callable, Iterator
from typing import Any

from pawsight.data.sources.drive.api_errors import check_status, error_of
from pawsight.data.sources.drive.credentials import Access
from pawsight.errors import SourceError
from pawsight.storage.download import RetryableError, Stream, wait, with_retries
from pawsight.storage.http import open_http

FOLDER = "application/vnd.google-apps.folder"
SHORTCUT = "application/vnd.google-apps.shortcut"
DOCUMENT_PREFIX = "application/vnd.google-apps."  # of the types of Docs, Sheets and the like
_TIMEOUT_SECONDS = 30.0
_PAGE_SIZE = 1000  # items; the maximum of Drive
_MAX_EMPTY_PAGES = 50  # in a row; Drive may send a few
_FACTS = (
    "id,name,mimeType,size,md5Checksum,modifiedTime,driveId,resourceKey,"
    "shortcutDetails(targetId,targetMimeType,targetResourceKey)"
)

Item = dict[str, Any]  # a `File` of Drive v3, with the fields in _FACTS


class Drive:
    """Google Drive, as one account or API key may read it; any thread may call the methods.

    Args:
        access: Credentials or an API key.
        pause: Waits the given seconds between two attempts.
    """

    def __init__(self, access: Access, pause: Callable[[float], None] = wait) -> None:
        from googleapiclient.discovery import build

        self._access = access
        self._pause = pause
        self._local = threading.local()
        self._opened: list[Any] = []
        self._keys: dict[str, str] = {}  # resource keys, which some older files need, by file id
        endpoint = os.environ.get("PAWSIGHT_DRIVE_URL")
        self._service = build(
            "drive",
            "v3",
            http=self._http(),
            developerKey=access.api_key or None,
            static_discovery=True,
            client_options={"api_endpoint": endpoint.rstrip("/") + "/"} if endpoint else None,
        )

    def close(self) -> None:
        """Close the connections of all threads."""
        for connection in self._opened:
            connection.close()

    def account(self) -> str:
        """Return the e-mail address of the signed-in account.

        Raises:
            SourceError, DownloadError: See `get`.
        """
        request = self._service.about().get(fields="user(emailAddress)")
        return str(self._execute(request)["user"].get("emailAddress", ""))

    def get(self, file_id: str, resource_key: str = "") -> Item:
        """Return the facts of a file or folder.

        Args:
            file_id: Its id.
            resource_key: The resource key in its link, "" if there is none.

        Raises:
            NotFoundError: The file does not exist.
            DownloadError: The file cannot be read for another reason.
            SourceError: The error concerns all files, such as an expired sign-in.
        """
        if resource_key:
            self._keys[file_id] = resource_key
        request = self._service.files().get(
            fileId=file_id, fields=_FACTS + ",parents", supportsAllDrives=True
        )
        item: Item = self._execute(request, file_id)
        return item

    def shared_drives(self) -> list[Item]:
        """Return the shared drives, each an item with an id and a name."""
        return list(
            self._pages(
                lambda token: self._service.drives().list(
                    pageSize=100, pageToken=token, fields="nextPageToken,drives(id,name)"
                ),
                "drives",
                "the shared drives",
            )
        )

    def list_items(self, condition: str, drive_id: str = "", folder_id: str = "") -> Iterator[Item]:
        """Yield the items that match a condition, each once.

        Args:
            condition: A condition in the query language of Drive.
            drive_id: The id of the shared drive to search, "" for none.
            folder_id: The id of the folder in the condition, "" if there is none.

        Raises:
            DownloadError: See `get`.
            SourceError: See `get`; or Drive repeats pages without end.
        """
        where = {"corpora": "drive", "driveId": drive_id} if drive_id else {"corpora": "user"}
        return self._pages(
            lambda token: self._service.files().list(
                q=f"{condition} and trashed = false",
                pageSize=_PAGE_SIZE,
                pageToken=token,
                fields=f"nextPageToken,files({_FACTS})",
                supportsAllDrives=True,
                includeItemsFromAllDrives=True,
                **where,
            ),
            "files",
            "a folder",
            folder_id,
        )

    @contextlib.contextmanager
    def open_file(self, file_id: str, start: int) -> Iterator[Stream]:
        """Open a file at a byte offset, as an `OpenStream`.

        Raises:
            RetryableError, DownloadError: See `OpenStream`.
            SourceError: See `get`.
        """
        request = self._service.files().get_media(fileId=file_id, supportsAllDrives=True)

        def get(url: str, headers: dict[str, str], **options: Any) -> Any:
            headers = headers | self._key_header(file_id)
            return self._session().get(url, headers=headers, **options)

        with _translated(), open_http(get, request.uri, start, check_status) as stream:
            yield stream

    def _pages(
        self, request: Callable[[str | None], Any], kind: str, what: str, folder_id: str = ""
    ) -> Iterator[Item]:
        token: str | None = None
        tokens: set[str] = set()
        seen: set[str] = set()
        num_empty = 0
        while True:
            page = self._execute(request(token), folder_id)
            new = {item["id"]: item for item in page.get(kind, ()) if item["id"] not in seen}
            seen |= new.keys()
            yield from new.values()
            token = page.get("nextPageToken")
            if not token:
                return
            num_empty = 0 if new else num_empty + 1
            if token in tokens or num_empty >= _MAX_EMPTY_PAGES:
                raise SourceError(
                    f"Google Drive does not finish listing {what}: after {len(seen):,} items it "
                    f"repeats pages or sends empty pages.\n"
                    f"Try again later; what was copied is kept."
                )
            tokens.add(token)

    def _execute(self, request: Any, file_id: str = "") -> Any:
        request.headers.update(self._key_header(file_id))

        def execute() -> Any:
            from googleapiclient.errors import HttpError

            with _translated():
                try:
                    return request.execute(http=self._http())
                except HttpError as error:
                    retry_after = error.resp.get("retry-after", "")
                    raise error_of(error.resp.status, retry_after, error.content) from error
                except OSError as error:  # an error of the network, since no file is written here
                    raise RetryableError(
                        f"there is no connection to Google Drive ({error})"
                    ) from error

        return with_retries(execute, self._pause)

    def _key_header(self, file_id: str) -> dict[str, str]:
        key = self._keys.get(file_id)
        return {"X-Goog-Drive-Resource-Keys": f"{file_id}/{key}"} if key else {}

    def _http(self) -> Any:
        if not hasattr(self._local, "http"):
            import httplib2

            self._local.http = plain = httplib2.Http(timeout=_TIMEOUT_SECONDS)
            if self._access.credentials is not None:
                from google_auth_httplib2 import AuthorizedHttp

                self._local.http = AuthorizedHttp(self._access.credentials, http=plain)
            self._opened.append(self._local.http)
        return self._local.http

    def _session(self) -> Any:
        if not hasattr(self._local, "session"):
            import requests
            from google.auth.transport.requests import AuthorizedSession

            credentials = self._access.credentials
            session = AuthorizedSession(credentials) if credentials else requests.Session()
            self._local.session = session
            self._opened.append(session)
        return self._local.session


@contextlib.contextmanager
def _translated() -> Iterator[None]:
    """Translate the exceptions of Google's libraries.

    Raises:
        RetryableError: There is no connection, or it was broken.
        SourceError: The sign-in has expired.
    """
    import httplib2
    from google.auth import exceptions

    try:
        yield
    except exceptions.RefreshError as error:
        if error.retryable:
            raise RetryableError("Google's sign-in is busy") from error
        raise SourceError(
            "The sign-in to Google Drive has expired or was withdrawn.\n"
            "Sign in again: pawsight drive login"
        ) from error
    except exceptions.TransportError as error:
        raise RetryableError("there is no connection to Google's sign-in") from error
    except (httplib2.HttpLib2Error, http.client.HTTPException) as error:
        raise RetryableError(f"there is no connection to Google Drive ({error})") from error
