"""Photos on a web server: an archive, or a folder whose pages list what is in it.

Needs only `requests`. The pages are those that Apache, nginx, Python's
own server and their like write: links to files, and links to folders with a
slash at the end. Nothing outside the address is followed.
"""

from __future__ import annotations

import contextlib
import html.parser
import re
import threading
from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any
from urllib.parse import unquote, urldefrag, urljoin, urlsplit, urlunsplit

from pawsight.addresses import public_address
from pawsight.data.file_types import ARCHIVE_ENDINGS, is_system_folder, is_table_name, is_wanted
from pawsight.data.sources import archive
from pawsight.data.sources.cloud.location import (
    RemoteFolder,
    one_file,
    wanted_files,
)
from pawsight.data.sources.mirror import RemoteFile, safe_path
from pawsight.data.sources.tar_shards import may_belong
from pawsight.errors import ExtraError, SourceError
from pawsight.progress import Progress
from pawsight.storage.download import (
    DownloadError,
    RetriesExhaustedError,
    Stream,
    with_retries,
)
from pawsight.storage.http import TIMEOUT_SECONDS, check_status, open_http, translated
from pawsight.storage.threads import map_in_threads

SCHEMES = ("http", "https")
_NUM_THREADS = 16
_MAX_PAGE_BYTES = 64 << 20
_MAX_LEVELS = 32  # of folders; a server whose links lead ever deeper must end
_HINT = (
    "What is needed is a page that lists files, such as a web server writes for a folder, or the "
    "direct link of an archive. Where a site shows photos in another way, download them there."
)
_STATED_NAME = re.compile(r'filename="?([^";]+)"?', re.IGNORECASE)


def list_files(text: str, progress: Progress) -> RemoteFolder:
    """List the photos at a URL.

    Raises:
        ExtraError: `requests` is not installed.
        SourceError: It is not there, may not be read, or cannot be reached.
    """
    try:
        import requests  # here: few commands fetch anything
    except ImportError as error:
        raise ExtraError("Fetching photos from the web", "cloud") from error
    url = urldefrag(text).url
    progress.start(f"Listing {public_address(url)}", None, "files")
    with requests.Session() as session:
        adapter = requests.adapters.HTTPAdapter(pool_maxsize=_NUM_THREADS)
        for scheme in SCHEMES:
            session.mount(f"{scheme}://", adapter)
        try:
            return _Web(session, progress).place(url)
        except DownloadError as error:
            raise SourceError(
                f"{public_address(url)} cannot be fetched: {error}.\n{_advice(error, url)}"
            ) from error


def _advice(error: DownloadError, url: str) -> str:
    """Return what to do where a web address cannot be fetched."""
    if error.status == 401:
        host = urlsplit(url).hostname
        return (
            f"It needs a name and a password, and those in ~/.netrc are missing or wrong. The line "
            f"there is: machine {host} login NAME password PASSWORD"
        )
    if error.status == 403:
        return (
            "You have no permission to read it: ask whoever runs the server. If the link was "
            "signed for a while, it may have expired; get a new one."
        )
    if isinstance(error, RetriesExhaustedError) and error.status is not None:
        return "The server has trouble or is busy. Run the command again in a while."
    if isinstance(error, RetriesExhaustedError):
        return (
            "Check the connection of this machine, the name of the server, and whether the address "
            "opens in a browser. Run the command again; what was copied is kept."
        )
    return "Check that the address is right and opens in a browser, and give it again."


class _Web:
    """One listing of a web server."""

    def __init__(self, session: Any, progress: Progress) -> None:
        self._session = session
        self._progress = progress

    def place(self, url: str) -> RemoteFolder:
        address = public_address(url)
        final, name, start, page = with_retries(lambda: self._ask(url))
        if page is not None:
            folder = _folder_of(final)
            files = self._files_below(folder, final, page)
            return RemoteFolder(_last_name(folder), address, files, _HINT)
        if is_table_name(name):
            folder = urljoin(final, ".")
            _, _, _, page = with_retries(lambda: self._ask(folder))
            files = self._files_below(folder, folder, page or "")
            return RemoteFolder(
                _last_name(folder), public_address(folder), files, _HINT, table=safe_path([name])
            )
        facts = with_retries(lambda: _head(self._session, url))
        return one_file(name, start, address, partial(_remote_file, self._session, url, facts))

    def _ask(self, url: str) -> tuple[str, str, bytes, str | None]:
        """Return the final address, the name and start of the file, and the page if it is one."""
        with translated(), self._get(url) as answer:
            check_status(answer)
            name = _file_name(answer)
            if not _is_page(answer) or is_table_name(name) or name.endswith(ARCHIVE_ENDINGS):
                start = next(answer.iter_content(archive.START_BYTES), b"")
                return answer.url, name, start, None
            content = b""
            for chunk in answer.iter_content(1 << 16):
                content += chunk
                if len(content) > _MAX_PAGE_BYTES:
                    raise DownloadError("its page is too long to be a list of files")
            return answer.url, name, b"", content.decode(answer.encoding or "utf-8", "replace")

    def _get(self, url: str) -> Any:
        return self._session.get(url, stream=True, timeout=TIMEOUT_SECONDS)

    def _files_below(self, folder: str, page_url: str, page: str) -> list[RemoteFile]:
        """List a folder and those in it, page by page, and request the facts of each file."""
        urls: dict[str, None] = {}
        pages = [(page_url, page)]
        seen = {folder}
        while pages:
            num_before = len(urls)
            page_url, page = pages.pop()
            for link in _links(page_url, page):
                if not link.startswith(folder) or link in seen:
                    continue
                seen.add(link)
                parts = _parts(link, folder)
                if not link.endswith("/"):
                    if is_wanted(parts[:-1], parts[-1]) or may_belong(parts):
                        urls[link] = None
                elif len(parts) <= _MAX_LEVELS and not any(map(is_system_folder, parts)):
                    final, _, _, inner = with_retries(partial(self._ask, link))
                    if inner is not None and final.startswith(folder):
                        pages.append((final, inner))
            self._progress.advance(len(urls) - num_before)
        return self._with_facts(folder, list(urls))

    def _with_facts(self, folder: str, urls: list[str]) -> list[RemoteFile]:
        facts: dict[str, dict[str, str]] = {}

        def ask(url: str) -> None:
            facts[url] = with_retries(lambda: _head(self._session, url))

        self._progress.start("Checking what changed", len(urls), "files")
        asked = map_in_threads(ask, urls, _NUM_THREADS, threading.Event(), lambda: None)
        with contextlib.closing(asked):
            for _, error in asked:
                if error is not None:
                    raise error
                self._progress.advance(1)
        return wanted_files(
            [
                (
                    "/".join(_parts(url, folder)),
                    partial(_remote_file, self._session, url, facts[url]),
                )
                for url in urls
            ]
        )


def _head(session: Any, url: str) -> dict[str, str]:
    """Request the facts of a file; nothing on an error, which copying reports."""
    headers = {"Accept-Encoding": "identity"}
    with translated():
        answer = session.head(url, headers=headers, timeout=TIMEOUT_SECONDS, allow_redirects=True)
    with contextlib.suppress(DownloadError):
        check_status(answer)
        return dict(answer.headers.lower_items())
    return {}


def _remote_file(session: Any, url: str, facts: dict[str, str], here: str) -> RemoteFile:
    stated = facts.get("content-length", "")
    is_compressed = facts.get("content-encoding", "identity") != "identity"
    size = int(stated) if stated.isdecimal() and not is_compressed else None
    marks = (facts.get("etag", ""), facts.get("last-modified", ""))
    version = f"{' '.join(marks)} {stated}" if any(marks) else stated

    @contextlib.contextmanager
    def open_stream(start: int) -> Iterator[Stream]:
        # Without an ETag or date, the rest may be of another version of the file.
        with open_http(session.get, url, start if any(marks) else 0, _check_is_file) as stream:
            yield stream

    def refreshed() -> RemoteFile:
        return _remote_file(session, url, _head(session, url), here)

    return RemoteFile(here, size, version, open_stream, refreshed=refreshed)


def _check_is_file(answer: Any) -> None:
    check_status(answer)
    if _is_page(answer):
        raise DownloadError(
            "the server returned a web page instead of the file; it may need a sign-in"
        )


def _is_page(answer: Any) -> bool:
    return answer.headers.get("Content-Type", "").partition(";")[0].strip().lower() in (
        "text/html",
        "application/xhtml+xml",
    )


class _Anchors(html.parser.HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: Sequence[tuple[str, str | None]]) -> None:
        if tag == "a":
            self.found += [value for name, value in attrs if name == "href" and value]


def _links(page_url: str, page: str) -> Iterator[str]:
    """Return the URLs that a page links to, without those that only sort it (with a query)."""
    anchors = _Anchors()
    anchors.feed(page)
    for href in anchors.found:
        with contextlib.suppress(ValueError):  # not a valid URL
            link = urldefrag(urljoin(page_url, href.strip())).url
            if not urlsplit(link).query:
                yield link


def _folder_of(url: str) -> str:
    """Return the folder that a page lists: with a slash at the end and without a query."""
    parts = urlsplit(url)._replace(query="")
    if parts.path.endswith("/"):
        return urlunsplit(parts)
    if parts.path.lower().endswith((".html", ".htm", ".php")):
        return urljoin(urlunsplit(parts), ".")
    return urlunsplit(parts._replace(path=f"{parts.path}/"))


def _parts(link: str, folder: str) -> list[str]:
    return [unquote(part) for part in link.removeprefix(folder).split("/") if part]


def _last_name(folder: str) -> str:
    parts = urlsplit(folder)
    return unquote(parts.path.rstrip("/").rpartition("/")[2]) or parts.hostname or "photos"


def _file_name(answer: Any) -> str:
    stated = _STATED_NAME.search(answer.headers.get("Content-Disposition", ""))
    named = stated[1] if stated else unquote(urlsplit(answer.url).path.rpartition("/")[2])
    return named.replace("\\", "/").rpartition("/")[2] or "photos"
