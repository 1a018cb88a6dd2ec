"""`/c/{token}` and `/o/{token}.gif`: clicks and opens, told apart from machines, then heard like any callback.

The answer comes at once and whatever the database does: a customer's way to the shop must not wait. A hit is told two
seconds later, when it is known what else was followed in the same message; a crash loses what is in hand. A GET changes
no consent, and leads only where a token signed by us says.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from datetime import timedelta
from itertools import islice

from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from services.contracts.receipt import ReceiptKind
from services.kit.errors import BadRecord
from services.kit.service import Context
from services.kit.telemetry import metrics
from services.notifier.callbacks import Callbacks
from services.notifier.compose.links import read_click, read_token
from services.notifier.machines import AT_ONCE, Hit, by_its_words, judged
from services.notifier.providers.base import Callback
from services.notifier.statuses import OURSELVES, heard

MOST_IN_HAND = 50_000
"""Hits that wait to be told; above it, the newest are lost rather than the process's memory."""
AT_A_TIME = 500
_WAIT = AT_ONCE * 2
_SENT = "SELECT send_key, channel, settled_at FROM queue.outbound WHERE send_key = ANY($1) AND settled_at IS NOT NULL"
_PIXEL = bytes.fromhex(
    "47494638396101000100800000000000ffffff21f90401000000002c000000000100010000020144003b"
)  # a transparent GIF of one pixel
_HEADERS = {"Cache-Control": "no-store", "Referrer-Policy": "no-referrer", "X-Robots-Tag": "noindex"}
_LOST = (
    "<!doctype html><meta charset=utf-8><title>404</title>"
    "<p>Ten link jest niepełny albo stary. / This link is incomplete or old.</p>"
)


class Tracker:
    """The two routes, and the hits in hand."""

    def __init__(self, context: Context, callbacks: Callbacks) -> None:
        self._context = context
        self._callbacks = callbacks
        self._hits: deque[Hit] = deque(maxlen=MOST_IN_HAND)

    def routes(self) -> list[BaseRoute]:
        """The routes; Starlette answers HEAD where it answers GET."""
        return [Route("/c/{token}", self._click), Route("/o/{token}.gif", self._open)]

    async def tell(self, wait: timedelta = _WAIT) -> None:
        """Tell the hits that are old enough, in batches: two statements and one transaction each."""
        until = self._context.clock.real() - wait
        while self._hits and self._hits[0].at <= until:
            batch = list(islice(self._hits, AT_A_TIME * 4))
            await self._tell([hit for hit in batch if hit.at <= until][:AT_A_TIME], batch)

    async def tell_all(self) -> None:
        """Tell whatever is in hand: the process ends."""
        await self.tell(timedelta(0))

    async def _tell(self, due: Sequence[Hit], known: Sequence[Hit]) -> None:
        """Tell `due`, the oldest of those `known`; they leave once that is committed."""
        keys = list({hit.send_key for hit in due})
        rows = await self._context.pool.fetch(_SENT, keys)
        sent = {row["send_key"]: row["settled_at"] for row in rows}
        channels = {row["send_key"]: row["channel"] for row in rows}
        found = judged(known, sent)[: len(due)]
        await self._callbacks.hear(
            [heard(OURSELVES, channels[h.send_key], _callback(h)) for h in found if h.send_key in channels]
        )
        for hit in found:
            self._hits.popleft()
            metrics.TRACKED.labels(hit.kind, "machine" if hit.machine else "person").inc()

    async def _click(self, request: Request) -> Response:
        try:
            send_key, url = read_click(request.path_params["token"], self._context.settings.secret_keys)
        except BadRecord:
            return HTMLResponse(_LOST, 404, _HEADERS)
        self._take(request, send_key, "clicked", url)
        return RedirectResponse(url, 302, _HEADERS)

    async def _open(self, request: Request) -> Response:
        try:
            kind, send_key = read_token(request.path_params["token"], self._context.settings.secret_keys)
        except BadRecord:
            return Response(status_code=404, headers=_HEADERS)
        if kind != "open":
            return Response(status_code=404, headers=_HEADERS)
        self._take(request, send_key, "opened")
        return Response(_PIXEL, media_type="image/gif", headers=_HEADERS)

    def _take(self, request: Request, send_key: bytes, kind: ReceiptKind, url: str = "") -> None:
        if len(self._hits) < MOST_IN_HAND:
            machine = by_its_words(request.method, request.headers)
            self._hits.append(Hit(send_key, kind, self._context.clock.real(), url, machine))


def _callback(hit: Hit) -> Callback:
    """The first open, and the first click on each link, of a person and of a machine, is one fact each."""
    by = "machine" if hit.machine else "person"
    data: dict[str, object] = {"url": hit.url} if hit.kind == "clicked" else {}
    if hit.machine:
        data["machine"] = True
    dedupe = f"{hit.send_key.hex()}:{hit.kind}:{by}:{hit.url}"
    return Callback(dedupe, hit.kind, "tracked", hit.at, hit.send_key, data=data)
