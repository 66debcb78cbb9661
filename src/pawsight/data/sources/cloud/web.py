"""List photos on a web server: an archive, or a folder with pages that list its files.

Apache, nginx, the server of Python and similar servers write such pages: with links to
files, and links to folders that end with a slash. Links that leave the address are not
followed.
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
from pawsight.data.sources.cloud.location import RemoteFolder, one_file, wanted_files
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
_MAX_DEPTH = 32  # levels of folders, since links of a server may lead deeper without end
_HINT = (
    "Give the address of a page that lists files, such as a web server writes for a folder, or the "
    "direct link of an archive. If a site shows photos in another way, download them there."
)
_STATED_NAME = re.compile(r'filename="?([^";]+)"?', re.IGNORECASE)


def list_files(text: str, progress: Progress) -> RemoteFolder:
    """List the photos at a URL.

    Raises:
        ExtraError: `requests` is not installed.
        SourceError: The URL does not exist, may not be read, or cannot be reached.
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
            return _Listing(session, progress).run(url)
        except DownloadError as error:
            raise SourceError(
                f"{public_address(url)} cannot be fetched: {error}.\n{_advice(error, url)}"
            ) from error


def _advice(error: DownloadError, url: str) -> str:
    """Return what to do if a web address cannot be fetched."""
    if error.status == 401:
        host = urlsplit(url).hostname
        return (
            f"It needs a name and a password, which are missing or wrong in ~/.netrc. Write this "
            f"line there: machine {host} login NAME password PASSWORD"
        )
    if error.status == 403:
        return (
            "You have no permission to read it: ask the administrator of the server. A signed "
            "link may have expired; get a new link."
        )
    if isinstance(error, RetriesExhaustedError) and error.status is not None:
        return "The server has a failure or is busy. Run the command again later."
    if isinstance(error, RetriesExhaustedError):
        return (
            "Check the connection of this machine, the name of the server, and whether the address "
            "opens in a browser. Run the command again; what was copied is kept."
        )
    return "Check that the address is correct and opens in a browser."


class _Listing:
    """One call of `list_files`."""

    def __init__(self, session: Any, progress: Progress) -> None:
        self._session = session
        self._progress = progress

    def run(self, url: str) -> RemoteFolder:
        address = public_address(url)
        final, name, start, page = with_retries(lambda: self._request(url))
        if page is not None:
            folder = _folder_of(final)
            files = self._files_below(folder, final, page)
            return RemoteFolder(_last_name(folder), address, files, _HINT)
        if is_table_name(name):
            folder = urljoin(final, ".")
            _, _, _, page = with_retries(lambda: self._request(folder))
            files = self._files_below(folder, folder, page or "")
            return RemoteFolder(
                _last_name(folder), public_address(folder), files, _HINT, table=safe_path([name])
            )
        headers = with_retries(lambda: _head(self._session, url))
        return one_file(name, start, address, partial(_remote_file, self._session, url, headers))

    def _request(self, url: str) -> tuple[str, str, bytes, str | None]:
        """Request a URL.

        Returns:
            The final URL after redirects, the name of the file, its first bytes, and the
            text of a page. The bytes are b"" for a page, and the page is None for a file.
        """
        get = self._session.get
        with translated(), get(url, stream=True, timeout=TIMEOUT_SECONDS) as response:
            check_status(response)
            name = _file_name(response)
            if not _is_page(response) or is_table_name(name) or name.endswith(ARCHIVE_ENDINGS):
                start = next(response.iter_content(archive.START_BYTES), b"")
                return response.url, name, start, None
            content = b""
            for chunk in response.iter_content(1 << 16):
                content += chunk
                if len(content) > _MAX_PAGE_BYTES:
                    raise DownloadError("its page is too long to be a list of files")
            return response.url, name, b"", _decoded(content, response.encoding)

    def _files_below(self, folder: str, page_url: str, page: str) -> list[RemoteFile]:
        """List a folder and its subfolders, page by page, and request the headers of each file."""
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
                elif len(parts) <= _MAX_DEPTH and not any(map(is_system_folder, parts)):
                    final, _, _, inner = with_retries(partial(self._request, link))
                    if inner is not None and final.startswith(folder):
                        pages.append((final, inner))
            self._progress.advance(len(urls) - num_before)
        return self._with_headers(folder, list(urls))

    def _with_headers(self, folder: str, urls: list[str]) -> list[RemoteFile]:
        headers: dict[str, dict[str, str]] = {}

        def request(url: str) -> None:
            headers[url] = with_retries(lambda: _head(self._session, url))

        self._progress.start("Checking what changed", len(urls), "files")
        outcomes = map_in_threads(request, urls, _NUM_THREADS, threading.Event(), lambda: None)
        with contextlib.closing(outcomes):
            for _, error in outcomes:
                if error is not None:
                    raise error
                self._progress.advance(1)
        return wanted_files(
            [
                (
                    "/".join(_parts(url, folder)),
                    partial(_remote_file, self._session, url, headers[url]),
                )
                for url in urls
            ]
        )


def _decoded(content: bytes, encoding: str | None) -> str:
    try:
        return content.decode(encoding or "utf-8", "replace")
    except LookupError:  # the server names an unknown encoding
        return content.decode("utf-8", "replace")


def _head(session: Any, url: str) -> dict[str, str]:
    """Request the headers of a file; {} if the server refuses it, which copying reports."""
    headers = {"Accept-Encoding": "identity"}
    with translated():
        response = session.head(url, headers=headers, timeout=TIMEOUT_SECONDS, allow_redirects=True)
    with contextlib.suppress(DownloadError):
        check_status(response)
        return dict(response.headers.lower_items())
    return {}


def _remote_file(session: Any, url: str, headers: dict[str, str], local_path: str) -> RemoteFile:
    length = headers.get("content-length", "")
    is_compressed = headers.get("content-encoding", "identity") != "identity"
    size = int(length) if length.isdecimal() and not is_compressed else None
    marks = (headers.get("etag", ""), headers.get("last-modified", ""))
    version = f"{' '.join(marks)} {length}" if any(marks) else length

    @contextlib.contextmanager
    def open_stream(start: int) -> Iterator[Stream]:
        # Without an ETag or date, do not resume: the file may have changed meanwhile.
        with open_http(session.get, url, start if any(marks) else 0, _check_is_file) as stream:
            yield stream

    def refreshed() -> RemoteFile:
        return _remote_file(session, url, _head(session, url), local_path)

    return RemoteFile(local_path, size, version, open_stream, refreshed=refreshed)


def _check_is_file(response: Any) -> None:
    check_status(response)
    if _is_page(response):
        raise DownloadError(
            "the server returned a web page instead of the file; it may need a sign-in"
        )


def _is_page(response: Any) -> bool:
    return response.headers.get("Content-Type", "").partition(";")[0].strip().lower() in (
        "text/html",
        "application/xhtml+xml",
    )


class _LinkParser(html.parser.HTMLParser):
    """Collects the targets of the links of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.hrefs: list[str] = []

    def handle_starttag(self, tag: str, attrs: Sequence[tuple[str, str | None]]) -> None:
        if tag == "a":
            self.hrefs += [value for name, value in attrs if name == "href" and value]


def _links(page_url: str, page: str) -> Iterator[str]:
    """Yield the URLs that a page links to, without URLs with a query, which sort the page."""
    parser = _LinkParser()
    parser.feed(page)
    for href in parser.hrefs:
        with contextlib.suppress(ValueError):  # not a valid URL
            link = urldefrag(urljoin(page_url, href.strip())).url
            if not urlsplit(link).query:
                yield link


def _folder_of(url: str) -> str:
    """Return the URL of the folder that a page lists, with a final slash and without a query."""
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


def _file_name(response: Any) -> str:
    match = _STATED_NAME.search(response.headers.get("Content-Disposition", ""))
    name = match[1] if match else unquote(urlsplit(response.url).path.rpartition("/")[2])
    return name.replace("\\", "/").rpartition("/")[2] or "photos"
