"""Read the photos of a request into memory, under limits; nothing is written to disk."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from urllib.parse import unquote

from fastapi import HTTPException, Request
from starlette.datastructures import UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser

from pawsight.errors import PawsightError
from pawsight.web.settings import ServeSettings

FIELD = "photos"
_GRACE_SECONDS = 10.0  # before the minimum rate applies
_MIN_RATE = 8192  # bytes per second; a stalled body would occupy the queue until the timeout
RAW_TYPES = ("application/octet-stream",)  # besides image/*


class BusyError(PawsightError):
    """The service cannot accept a request now."""


@dataclass(frozen=True, slots=True)
class Upload:
    """A photo as it was sent: its name, which may be "", and its bytes."""

    name: str
    data: bytes


class MemoryBudget:
    """Limits the bytes of all requests in memory."""

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self.num_bytes = 0

    def add(self, num_bytes: int) -> None:
        """Add the bytes of a request; raises BusyError."""
        if self.num_bytes + num_bytes > self._max_bytes:
            raise BusyError("Too many uploads at once. Try again in a second.")
        self.num_bytes += num_bytes

    def release(self, num_bytes: int) -> None:
        """Subtract the bytes of a request."""
        self.num_bytes -= num_bytes


class Body:
    """The body of a request, read under limits; a context manager that releases its memory."""

    def __init__(self, request: Request, settings: ServeSettings, memory: MemoryBudget) -> None:
        self._request, self._settings, self._memory = request, settings, memory
        self._num_bytes = 0

    def __enter__(self) -> Body:
        return self

    def __exit__(self, *_: object) -> None:
        self._memory.release(self._num_bytes)

    async def photos(self) -> list[Upload]:
        """Read the photos.

        Returns:
            The photos in the order sent, at least one.

        Raises:
            HTTPException: 400, 408, 413, 415 or 422, with the reason.
            BusyError: The requests in memory are too large.
            ClientDisconnect: The client has disconnected.
        """
        kind = self._request.headers.get("content-type", "").partition(";")[0].strip().lower()
        is_form = kind == "multipart/form-data"
        if not is_form and kind not in RAW_TYPES and not kind.startswith("image/"):
            raise HTTPException(
                415,
                f"Send photos as multipart/form-data in the field '{FIELD}', or one photo as it "
                f"is with the content type image/jpeg, another image type, or {RAW_TYPES[0]}.",
            )
        length = self._request.headers.get("content-length", "")
        if length.isdecimal() and len(length) < 20 and int(length) > self._settings.max_bytes:
            raise self._too_large()
        try:
            async with asyncio.timeout(min(_GRACE_SECONDS, self._settings.timeout)) as limit:
                self._limit, self._began = limit, asyncio.get_running_loop().time()
                return await (self._form() if is_form else self._raw())
        except TimeoutError as error:
            raise HTTPException(
                408,
                f"The photos did not arrive within {self._settings.timeout:g} seconds, or arrived "
                f"at less than {_MIN_RATE / 1024:g} kB per second.",
                headers={"Connection": "close"},
            ) from error

    async def _raw(self) -> list[Upload]:
        # Headers are decoded as Latin-1; the name is UTF-8 or percent-encoded.
        name = self._request.headers.get("x-filename", "").encode("latin-1")
        data = b"".join([chunk async for chunk in self._chunks()])
        if not data:
            raise HTTPException(422, "There is no photo in the request: its body is empty.")
        return [Upload(unquote(name.decode("utf-8", "replace")), data)]

    async def _form(self) -> list[Upload]:
        max_photos = self._settings.max_photos
        parser = _InMemory(
            self._request.headers,
            self._chunks(),
            max_files=max_photos,
            max_fields=max_photos,
            max_part_size=4096,  # bytes of a field that is not a file
        )
        try:
            form = await parser.parse()
        except MultiPartException as error:
            if error.message.startswith("Too many files"):
                raise HTTPException(
                    413,
                    f"At most {max_photos} photos may be in a request. Send the others separately.",
                ) from error
            raise HTTPException(400, f"The form cannot be read: {error.message}") from error
        except (ValueError, LookupError) as error:  # a malformed header
            raise HTTPException(400, "The form cannot be read: its parts are malformed.") from error
        try:
            files = [value for value in form.getlist(FIELD) if isinstance(value, UploadFile)]
            if not files:
                raise HTTPException(
                    422, f"There is no photo in the request: send files in the field '{FIELD}'."
                )
            return [Upload(file.filename or "", await file.read()) for file in files]
        finally:
            await form.close()

    async def _chunks(self) -> AsyncGenerator[bytes, None]:
        async for chunk in self._request.stream():
            if self._num_bytes + len(chunk) > self._settings.max_bytes:
                raise self._too_large()
            self._memory.add(len(chunk))
            self._num_bytes += len(chunk)
            allowed = min(_GRACE_SECONDS + self._num_bytes / _MIN_RATE, self._settings.timeout)
            self._limit.reschedule(self._began + allowed)
            yield chunk

    def _too_large(self) -> HTTPException:
        limit = self._settings.max_bytes
        size = f"{limit / 2**20:g} MiB" if limit >= 2**20 else f"{limit:,} bytes"
        return HTTPException(413, f"At most {size} may be sent in one request.")


class _InMemory(MultiPartParser):
    """Starlette's parser, which then does not write large files to disk."""

    spool_max_size = 2**62
