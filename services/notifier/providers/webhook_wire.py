"""The wire of webhooks: signs what leaves, and reaches only public hosts and those that the shop names as its own."""

from __future__ import annotations

import asyncio
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit

import msgspec

from services.kit.clock import Clock
from services.kit.errors import Misconfigured
from services.kit.http import Forbidden, Http, HttpRequest, HttpResponse, NoAnswer, NotConnected
from services.kit.signatures import standard_key
from services.notifier.providers.webhook import KEPT_IN, WebhookRequest

AT_ONCE = 64
"""Calls of one host at a time: half of an account's slots (services/notifier/pace.py), so that others have the rest."""
PATIENCE = 1.0
"""Seconds that a call waits for its host's turn."""
_PORTS = {"http": 80, "https": 443}


class WebhookWire:
    """The transport of webhooks. Enter it where an event loop runs; `timeout` is in seconds."""

    def __init__(self, clock: Clock, timeout: float = 15.0) -> None:
        self._clock = clock
        connect = min(5.0, timeout / 2)
        self._public = Http(timeout, connect, public_only=True)
        self._own = Http(timeout, connect)
        self._turns: dict[str, asyncio.Semaphore] = {}

    async def __aenter__(self) -> Self:
        await self._public.__aenter__()
        await self._own.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._own.__aexit__(kind, error, trace)
        await self._public.__aexit__(kind, error, trace)

    async def send(self, request: HttpRequest) -> HttpResponse:
        """Sign and send once. A host that may not be reached answers KEPT_IN; one that cannot be, NoAnswer.

        A repeat is harmless, so a host that is down or slow has its own attempts repeated later: given back to the
        queue, or kept waiting here, they would stand before those of all other hosts.
        """
        if not isinstance(request, WebhookRequest):
            raise TypeError("only webhooks leave by this wire")
        scheme, host = _target(request.url)
        own = host in request.allow
        if not own and scheme != "https":
            return HttpResponse(KEPT_IN, {}, b"not_https")
        turns = self._turns.setdefault(host, asyncio.Semaphore(AT_ONCE))
        try:
            async with asyncio.timeout(PATIENCE):
                await turns.acquire()
        except TimeoutError:
            raise NoAnswer("others of this host are still unanswered") from None
        try:
            return await (self._own if own else self._public).send(self._signed(request))
        except Forbidden:
            return HttpResponse(KEPT_IN, {}, b"not_public")
        except Misconfigured:
            return HttpResponse(KEPT_IN, {}, b"no_address")
        except NotConnected as error:
            raise NoAnswer(str(error)) from error
        finally:
            turns.release()

    def _signed(self, request: WebhookRequest) -> HttpRequest:
        now, id_ = self._clock.real(), request.headers["webhook-id"]
        signature = standard_key(request.secret).sign(id_, now, request.body.decode())
        stamp = {"webhook-timestamp": str(int(now.timestamp())), "webhook-signature": signature}
        return msgspec.structs.replace(request, headers={**request.headers, **stamp})


def _target(url: str) -> tuple[str, str]:
    """Scheme, and host:port as `allow` names them; both empty for what is no address."""
    try:
        parts = urlsplit(url)
        port = parts.port or _PORTS.get(parts.scheme, 0)
    except ValueError:
        return "", ""
    host = parts.hostname or ""
    return parts.scheme, f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
