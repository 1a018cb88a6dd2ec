"""`/callbacks/{account}[/{token}]`: what providers report, proved over the untouched bytes before anything is read."""

from __future__ import annotations

from collections.abc import Sequence

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from services.kit.errors import BadRecord
from services.kit.service import Context
from services.kit.telemetry import metrics
from services.kit.telemetry.logs import Log, Logger
from services.kit.web import problem
from services.notifier.collector import Collector
from services.notifier.editions import Account, Editions
from services.notifier.hearing import apply
from services.notifier.providers.base import Callback, CallbackRefused, CallbackRequest
from services.notifier.statuses import Heard, heard

LARGEST = 1_048_576
"""Bytes of a callback's body."""
_log = Logger()


class Callbacks:
    """Hears providers. An answer of 2xx comes after the commit, so that a provider repeats what was not kept."""

    def __init__(self, context: Context, editions: Editions) -> None:
        self._context = context
        self._editions = editions
        self._batches: Collector[Sequence[Heard], None] = Collector(self._apply)

    def start(self) -> None:
        """Begin to apply what is heard."""
        self._batches.start()

    async def stop(self) -> None:
        """Stop; whoever still waits gets no answer, and will call again."""
        await self._batches.stop()

    def routes(self) -> list[BaseRoute]:
        """The routes of callbacks."""
        methods = ["GET", "POST"]
        return [
            Route("/callbacks/{account}", self._endpoint, methods=methods),
            Route("/callbacks/{account}/{token}", self._endpoint, methods=methods),
        ]

    async def hear(self, given: Sequence[Heard]) -> None:
        """Apply callbacks, with others' in one transaction; returns after its commit."""
        await self._batches.put(given)

    async def _apply(self, batch: Sequence[Sequence[Heard]]) -> Sequence[None]:
        await apply(self._context, [one for given in batch for one in given])
        return [None] * len(batch)

    async def _endpoint(self, request: Request) -> Response:
        edition = self._editions.now
        account = edition.account(request.path_params["account"]) if edition else None
        if account is None:
            return problem(404, "No account of this name: see providers in wici.yaml")
        body = await read_body(request)
        if body is None:
            return problem(413, f"A callback has at most {LARGEST} bytes")
        asked = self._asked(request, body)
        try:
            account.provider.verify(account.settings, asked)
        except CallbackRefused as refusal:
            metrics.CALLBACKS_REFUSED.labels(account.name).inc()
            _log.warning(Log.CALLBACK_REFUSED, account=account.name, reason=str(refusal))
            return problem(401, "Nothing proves that this is the provider's")
        try:
            told = _translate(account, asked)
        except BadRecord as wrong:
            return problem(400, str(wrong))
        if told:
            await self.hear([heard(account.name, account.channel, one) for one in told])
        return Response(account.provider.acknowledgement, media_type="text/plain")

    def _asked(self, request: Request, body: bytes) -> CallbackRequest:
        return CallbackRequest(
            method=request.method,
            path_token=request.path_params.get("token"),
            headers=dict(request.headers),
            query=request.url.query,
            body=body,
            received=self._context.clock.real(),
            public_url=self._context.settings.public_url + request.url.path,
        )


def _translate(account: Account, asked: CallbackRequest) -> list[Callback]:
    try:
        return account.provider.translate(asked)
    except BadRecord:
        raise
    except Exception as error:
        # Whatever the body made of the translator, it is the body's fault to the caller and ours to the operator.
        _log.error(Log.SERVICE_FAILED, error, service="notifier", account=account.name)
        raise BadRecord("callback", "this cannot be read as a callback of the account's provider") from error


async def read_body(request: Request) -> bytes | None:
    """The body, or None when it is longer than LARGEST; the rest of a longer one is not kept."""
    kept = bytearray()
    async for chunk in request.stream():
        kept += chunk
        if len(kept) > LARGEST:
            return None
    return bytes(kept)
