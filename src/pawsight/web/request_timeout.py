"""The protocol of uvicorn, with an end to waiting for the head of a request.

uvicorn waits for ever for a client that opens a connection and says nothing, or
sends its head letter by letter; some thousand of these hold every connection
that a process can have. The body has its own time: `--timeout`.
"""

from __future__ import annotations

import asyncio

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

# Apache's RequestReadTimeout gives a head 20 seconds; on any working line it comes at once.
HEAD_SECONDS = 20.0

_TOO_LATE = b"HTTP/1.1 408 Request Timeout\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"


class HeadInTime(H11Protocol):
    """A connection that is closed when a head, or the rest of a refused body, takes too long."""

    _deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin to wait for the first head."""
        super().connection_made(transport)
        self._watch()

    def data_received(self, data: bytes) -> None:
        """Take bytes; a connection that was only kept alive has uvicorn's own, shorter, time."""
        super().data_received(data)
        self._watch()

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait no more."""
        super().connection_lost(exc)
        self._forget()

    def _watch(self) -> None:
        is_answering = self.cycle is not None and not self.cycle.response_complete
        if is_answering or self.transport.is_closing():
            self._forget()
        elif self._deadline is None:
            self._deadline = self.loop.call_later(HEAD_SECONDS, self._give_up)

    def _forget(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _give_up(self) -> None:
        begun, _ = self.conn.trailing_data
        if begun and self.conn.their_state is h11.IDLE:  # else it still sends a refused body
            self.transport.write(_TOO_LATE)
        self.transport.close()
