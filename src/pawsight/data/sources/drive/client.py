"""Read from Google Drive: what is in a folder, what a file is, and its bytes.

The questions go through Google's own client library with the description of
Drive v3 that it contains; the bytes through a session of google-auth,
which can stream. Neither may be shared by threads, so each thread has its own.
"""

from __future__ import annotations

import contextlib
import http.client
import os
import threading
from collections.abc import Callable, Iterator
from typing import Any

from pawsight.data.sources.drive.api_errors import check_status, meaning
from pawsight.data.sources.drive.credentials import Access
from pawsight.errors import SourceError
from pawsight.storage.download import RetryableError, Stream, wait, with_retries
from pawsight.storage.http import open_http

FOLDER = "application/vnd.google-apps.folder"
SHORTCUT = "application/vnd.google-apps.shortcut"
GOOGLES_OWN = "application/vnd.google-apps."
_TIMEOUT_SECONDS = 30.0
_PAGE = 1000  # the most that Drive gives at a time
_EMPTY_PAGES = 50  # in a row; Drive may send a few
_FACTS = (
    "id,name,mimeType,size,md5Checksum,modifiedTime,driveId,resourceKey,"
    "shortcutDetails(targetId,targetMimeType,targetResourceKey)"
)

Item = dict[str, Any]  # a `File` of Drive v3, with the fields in _FACTS


class Drive:
    """Google Drive, as one account or API key may read it; for many threads."""

    def __init__(self, access: Access, pause: Callable[[float], None] = wait) -> None:
        """Open it with credentials or an API key."""
        from googleapiclient.discovery import build

        self._access = access
        self._pause = pause
        self._own = threading.local()
        self._opened: list[Any] = []
        self._keys: dict[str, str] = {}  # what links to some older files must contain
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
        """Close every connection, of all threads."""
        for one in self._opened:
            one.close()

    def account(self) -> str:
        """The e-mail address of the signed-in account.

        Raises:
            SourceError, DownloadError: As `get`.
        """
        request = self._service.about().get(fields="user(emailAddress)")
        return str(self._execute(request)["user"].get("emailAddress", ""))

    def get(self, file_id: str, resource_key: str = "") -> Item:
        """Return what a file or folder is.

        Raises:
            DownloadError: It cannot be fetched; NotFoundError if it is not there.
            SourceError: Nothing can, for all that is known.
        """
        if resource_key:
            self._keys[file_id] = resource_key
        request = self._service.files().get(
            fileId=file_id, fields=_FACTS + ",parents", supportsAllDrives=True
        )
        item: Item = self._execute(request, file_id)
        return item

    def shared_drives(self) -> list[Item]:
        """List the shared drives, each an item with an id and a name."""
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
        """List the items that a condition holds for, page by page, each once.

        Args:
            condition: In Drive's language of queries.
            drive_id: Of the shared drive they are in, "" for none.
            folder_id: The folder they are in, "" if the condition names none.

        Raises:
            DownloadError, SourceError: As `get`; or Drive repeats itself for ever.
        """
        where = {"corpora": "drive", "driveId": drive_id} if drive_id else {"corpora": "user"}
        return self._pages(
            lambda token: self._service.files().list(
                q=f"{condition} and trashed = false",
                pageSize=_PAGE,
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

    def open_file(self, file_id: str, start: int) -> contextlib.AbstractContextManager[Stream]:
        """Open the bytes of a file from some byte on.

        Raises:
            RetryableError, DownloadError, SourceError: As a `Stream` may be.
        """
        request = self._service.files().get_media(fileId=file_id, supportsAllDrives=True)
        return self._opened_file(request.uri, file_id, start)

    @contextlib.contextmanager
    def _opened_file(self, url: str, file_id: str, start: int) -> Iterator[Stream]:
        def get(url: str, headers: dict[str, str], **options: Any) -> Any:
            headers = headers | self._key_header(file_id)
            return self._session().get(url, headers=headers, **options)

        with _translated(), open_http(get, url, start, check_status) as stream:
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
            fresh = {item["id"]: item for item in page.get(kind, ()) if item["id"] not in seen}
            seen |= fresh.keys()
            yield from fresh.values()
            token = page.get("nextPageToken")
            if not token:
                return
            num_empty = 0 if fresh else num_empty + 1
            if token in tokens or num_empty >= _EMPTY_PAGES:
                raise SourceError(
                    f"Google Drive does not come to an end with listing {what}: after "
                    f"{len(seen):,} items it repeats a page that it gave before.\n"
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
                    after = error.resp.get("retry-after", "")
                    raise meaning(error.resp.status, after, error.content) from error
                except OSError as error:  # no route, a certificate; nothing is written here
                    raise RetryableError(
                        f"there is no connection to Google Drive ({error})"
                    ) from error

        return with_retries(execute, self._pause)

    def _key_header(self, file_id: str) -> dict[str, str]:
        key = self._keys.get(file_id)
        return {"X-Goog-Drive-Resource-Keys": f"{file_id}/{key}"} if key else {}

    def _http(self) -> Any:
        if not hasattr(self._own, "http"):
            import httplib2

            self._own.http = plain = httplib2.Http(timeout=_TIMEOUT_SECONDS)
            if self._access.credentials is not None:
                from google_auth_httplib2 import AuthorizedHttp

                self._own.http = AuthorizedHttp(self._access.credentials, http=plain)
            self._opened.append(self._own.http)
        return self._own.http

    def _session(self) -> Any:
        if not hasattr(self._own, "session"):
            import requests
            from google.auth.transport.requests import AuthorizedSession

            credentials = self._access.credentials
            session = AuthorizedSession(credentials) if credentials else requests.Session()
            self._own.session = session
            self._opened.append(session)
        return self._own.session


@contextlib.contextmanager
def _translated() -> Iterator[None]:
    """Turn what Google's libraries raise into reasons to try again, or to sign in again.

    Raises:
        RetryableError: The connection could not be made, or broke.
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
