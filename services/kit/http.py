"""The one place that knows the HTTP client: requests and answers as plain values over one pool of connections."""

from __future__ import annotations

from collections.abc import Mapping
from types import TracebackType
from typing import Any, Self

import aiohttp
import msgspec

from services.kit.errors import Misconfigured, Refused, TryAgain, Unknown
from services.kit.public_hosts import NotPublicError, public_socket

LARGEST_ANSWER = 1_048_576
"""Bytes of an answer's body that are kept; the rest of a longer one is not read."""


class HttpRequest(msgspec.Struct, frozen=True, gc=False):
    """A request that is ready to be sent: nothing is added to `body`, so its bytes are what the other side gets."""

    method: str
    url: str
    headers: dict[str, str]
    body: bytes = b""

    def __repr__(self) -> str:
        return f"<HttpRequest {self.method} {self.url}, {len(self.body)} bytes>"

    def __rich_repr__(self) -> list[tuple[str, Any]]:
        return [("method", self.method), ("url", self.url)]


class HttpResponse(msgspec.Struct, frozen=True, gc=False):
    """An answer. Header names are in lower case; `body` holds at most LARGEST_ANSWER bytes."""

    status: int
    headers: Mapping[str, str] = {}
    body: bytes = b""


class NotConnected(TryAgain):
    """No connection came about: not one byte of the request was written. It may be made again freely."""


class Forbidden(Refused):
    """The host's address is not a public one: no connection was tried."""


class NoAnswer(Unknown):
    """The request was written, or may have been, and no whole answer came back."""


class Http:
    """One pool of connections, kept alive. Enter it where an event loop runs; `send` may then be called concurrently.

    `timeout` bounds a whole call and `connect_timeout` its part before the request is written, both in seconds.
    With `public_only` only public addresses are connected to (services/kit/public_hosts.py).
    Redirects are answers like any other: following one would repeat the call, and its key, somewhere else.
    """

    def __init__(
        self, timeout: float = 15.0, connect_timeout: float = 5.0, connections: int = 256, *, public_only: bool = False
    ) -> None:
        # The connect time-out must strike first: one that strikes later says nothing about what was written.
        if connect_timeout >= timeout:
            raise Misconfigured("connect_timeout must be shorter than timeout")
        self._timeout = aiohttp.ClientTimeout(total=timeout, connect=connect_timeout)
        self._connections = connections
        self._socket_factory = public_socket if public_only else None
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        # An idle connection is dropped well before the vendors drop theirs: a request written into a dying
        # connection would stay unanswered.
        connector = aiohttp.TCPConnector(
            limit=self._connections, keepalive_timeout=10.0, socket_factory=self._socket_factory
        )
        self._session = aiohttp.ClientSession(
            connector=connector,
            timeout=self._timeout,
            cookie_jar=aiohttp.DummyCookieJar(),
            headers={"Accept-Encoding": "identity"},
            skip_auto_headers=("User-Agent",),
        )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def send(self, request: HttpRequest) -> HttpResponse:
        """Send `request` once and read the answer, whatever its status.

        Raises NotConnected if nothing was written, NoAnswer if something may have been, Misconfigured for an
        address that is none, Forbidden for one that is not public where only those may be asked.
        """
        if self._session is None:
            raise RuntimeError("enter Http with `async with` before sending")
        try:
            async with self._session.request(
                request.method, request.url, headers=request.headers, data=request.body, allow_redirects=False
            ) as answer:
                body = await _read(answer)
                return HttpResponse(answer.status, {k.lower(): v for k, v in answer.headers.items()}, body)
        except aiohttp.InvalidURL:
            raise Misconfigured(f"{request.url} is no address: write https://host") from None
        except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError) as error:
            if isinstance(error, aiohttp.ClientConnectorError) and isinstance(error.os_error, NotPublicError):
                raise Forbidden("not a public address") from error
            raise NotConnected(_why(error)) from error
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            raise NoAnswer(_why(error)) from error


async def _read(answer: aiohttp.ClientResponse) -> bytes:
    if answer.content_length is not None and answer.content_length <= LARGEST_ANSWER:
        return await answer.read()
    kept = bytearray()
    async for chunk in answer.content.iter_any():
        kept += chunk
        if len(kept) >= LARGEST_ANSWER:
            # The connection cannot be used again with the rest still on it.
            answer.close()
            break
    return bytes(kept[:LARGEST_ANSWER])


def _why(error: BaseException) -> str:
    """The error's class: its text may hold an address with a secret in it."""
    return type(error).__name__
