"""Host check, API key, security headers.

A service on a loopback address without a key accepts only Host headers that name
this machine. Otherwise any web page could resolve its own name to 127.0.0.1 and
send requests here (DNS rebinding).
"""

from __future__ import annotations

import hmac

from fastapi import HTTPException, Request
from fastapi.security import APIKeyHeader, HTTPBearer
from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from pawsight.web.settings import ServeSettings

_LOCAL = ("localhost", "127.0.0.1", "[::1]")
_HEADERS = {
    "content-security-policy": "default-src 'self'; script-src 'self' 'wasm-unsafe-eval'; "
    "img-src 'self' blob: data:; media-src 'self' blob:; worker-src 'self' blob:; "
    "object-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "permissions-policy": "camera=(self), microphone=(), geolocation=()",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
    "cache-control": "no-cache",
}


class SecurityMiddleware:
    """Checks the Host header and the framing of a request, and adds security headers."""

    def __init__(self, app: ASGIApp, settings: ServeSettings) -> None:
        self._app = app
        host = f"[{settings.host}]" if ":" in settings.host else settings.host
        is_restricted = settings.is_local and settings.api_key is None
        self._allowed_hosts = {*_LOCAL, host.lower()} if is_restricted else None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Process a request, or reject it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def add_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in _HEADERS.items():
                    headers.setdefault(name, value)
            await send(message)

        if {b"content-length", b"transfer-encoding"} <= {name for name, _ in scope["headers"]}:
            # Servers may disagree on where such a body ends and the next request begins.
            refusal = JSONResponse(
                {"detail": "Send Content-Length or Transfer-Encoding, not both."},
                400,
                {"Connection": "close"},
            )
            await refusal(scope, receive, add_headers)
            return
        if self._allowed_hosts is not None and _host(scope) not in self._allowed_hosts:
            refusal = JSONResponse(
                {
                    "detail": "Host header not allowed. Without an API key only names of this "
                    "machine are, such as localhost; start the service with a key to allow others."
                },
                421,
            )
            await refusal(scope, receive, add_headers)
            return
        await self._app(scope, receive, add_headers)


def _host(scope: Scope) -> str:
    """Return the host of the Host header, without the port; "" if there is none."""
    host = Headers(scope=scope).get("host", "").lower()
    name, colon, port = host.rpartition(":")
    return name if colon and (port.isdecimal() or not port) else host


class ApiKey:
    """Checks the API key in the header X-API-Key or Authorization."""

    schemes = (
        APIKeyHeader(name="X-API-Key", auto_error=False),
        HTTPBearer(auto_error=False),
    )

    def __init__(self, key: str) -> None:
        self._key = key.encode()

    async def __call__(self, request: Request) -> None:
        """Check a request.

        Raises:
            HTTPException: 401, if the key is missing or wrong.
        """
        key = request.headers.get("x-api-key", "")
        kind, _, token = request.headers.get("authorization", "").partition(" ")
        if kind.lower() == "bearer":
            key = key or token.strip()
        # In constant time, so that the time reveals nothing about a partly correct key.
        if not hmac.compare_digest(key.encode("latin-1", "replace"), self._key):
            raise HTTPException(
                401,
                "Send the API key in the header X-API-Key, or as Authorization: Bearer KEY.",
                headers={"WWW-Authenticate": "Bearer"},
            )
