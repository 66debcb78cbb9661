"""uvicorn's HTTP protocol with a timeout for the head of a request.

uvicorn has no timeout for a client that opens a connection and sends nothing, or
the head byte by byte; a thousand such clients use up the connections of a process
(Slowloris). The body has its own timeout: `--timeout`.
"""

from __future__ import annotations

import asyncio

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

# Apache's RequestReadTimeout gives a head 20 seconds; a working client sends it at once.
HEAD_SECONDS = 20.0

_RESPONSE = b"HTTP/1.1 408 Request Timeout\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"


class HeadTimeoutProtocol(H11Protocol):
    """Closes a connection whose head, or rest of a refused body, takes too long."""

    _deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Start the timeout of the first head."""
        super().connection_made(transport)
        self._start_timer()

    def data_received(self, data: bytes) -> None:
        """Process bytes; idle kept-alive connections have uvicorn's own, shorter timeout."""
        super().data_received(data)
        self._start_timer()

    def connection_lost(self, exc: Exception | None) -> None:
        """Cancel the timeout."""
        super().connection_lost(exc)
        self._cancel()

    def _start_timer(self) -> None:
        is_answering = self.cycle is not None and not self.cycle.response_complete
        if is_answering or self.transport.is_closing():
            self._cancel()
        elif self._deadline is None:
            self._deadline = self.loop.call_later(HEAD_SECONDS, self._time_out)

    def _cancel(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _time_out(self) -> None:
        received, _ = self.conn.trailing_data
        if (
            received and self.conn.their_state is h11.IDLE
        ):  # else the client is sending a refused body
            self.transport.write(_RESPONSE)
        self.transport.close()
