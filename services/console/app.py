"""The console as a service: the API that ops and their programs ask. It reads the database, and changes nothing."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from services.console import openapi
from services.console.flow import explain, report
from services.console.keys import CLOSED, Keys
from services.console.limits import SECONDS, Limits
from services.kit.service import Context

JSON = "application/json"
# What is told of a customer is kept by nobody on the way.
_PRIVATE = {"Cache-Control": "no-store"}
_ENCODER = msgspec.json.Encoder(order="deterministic")
Endpoint = Callable[[Request], Awaitable[Response]]


class Console:
    """Answers questions about what was done. A Service (services/kit/service.py)."""

    name = "console"

    def __init__(self, context: Context, *, limits: Limits | None = None, seconds: float = SECONDS) -> None:
        self.keys = Keys(context.settings.console_keys)
        self.secret_keys = context.settings.secret_keys
        self.pool, self.clock = context.pool, context.clock
        self.limits, self.seconds = limits or Limits(), seconds

    async def start(self) -> None:
        """Nothing is to be begun."""

    async def stop(self) -> None:
        """Nothing is in hand but requests, which the runner lets end."""

    def ready(self) -> tuple[bool, str]:
        """Always: without keys it refuses everybody, and says so."""
        return True, "answers whoever has a key" if self.keys else CLOSED

    def routes(self) -> Sequence[BaseRoute]:
        """The addresses of this service."""
        return [
            Route("/api/v1/customers/{customer}/explain", self._answering(explain), methods=["GET"]),
            Route("/api/v1/report", self._answering(report), methods=["GET"]),
            Route("/api/v1/openapi.json", self.description, methods=["GET"]),
        ]

    def _answering(
        self, ask: Callable[[Request, Console], Awaitable[object]]
    ) -> Callable[[Request], Awaitable[Response]]:
        async def answer(request: Request) -> Response:
            return Response(_ENCODER.encode(await ask(request, self)), headers=_PRIVATE, media_type=JSON)

        return answer

    async def description(self, _: Request) -> Response:
        """The OpenAPI document."""
        return Response(openapi.text(), media_type=JSON)


def build(context: Context) -> Console:
    """A console that is not started. Nothing connects here."""
    return Console(context)


Ask = Callable[[Request, Console], Awaitable[object]]
