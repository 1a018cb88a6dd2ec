"""The gateway as a service: its routes, start and stop."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from http import HTTPStatus

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from services.contracts import topics
from services.gateway import openapi
from services.gateway.flow import accept, hear, track
from services.gateway.published import Follower
from services.gateway.publishing import NOTHING_PUBLISHED
from services.gateway.records import Destination
from services.gateway.segment.calls import ADDRESSES
from services.gateway.topics.bridge import Surroundings
from services.gateway.topics.bridges import Bridges
from services.gateway.webhooks import Answer
from services.kit.bus import Producer
from services.kit.problems import HttpProblem
from services.kit.service import Context

JSON = "application/json"

# Any page may call with its browser key: a bearer key is no cookie, so an origin proves nothing here.
CORS = {"Access-Control-Allow-Origin": "*"}
_PREFLIGHT = {
    **CORS,
    "Access-Control-Allow-Methods": "POST",
    "Access-Control-Allow-Headers": "authorization, content-type, content-encoding, traceparent, x-retry-count",
    "Access-Control-Max-Age": "86400",
}

Endpoint = Callable[[Request], Awaitable[Response]]


class Gateway:
    """Takes events over HTTP and writes them to `wici.events`. A Service (services/kit/service.py)."""

    name = "gateway"

    def __init__(self, context: Context) -> None:
        settings = context.settings
        self.destination = Destination(settings.topic(topics.EVENTS), settings.secret_keys)
        self.dead_letters = settings.topic(topics.DEAD_LETTERS)
        self.clock = context.clock
        self.follower = Follower(context.pool, settings.database_url, context.environ)
        self.producer: Producer  # from `start` on
        self._context = context
        self._bridges = Bridges(self.follower, context.bus, settings)

    async def start(self) -> None:
        """Connect to the bus and follow the published workspace."""
        context = self._context
        self.producer = await context.bus.producer()
        await self.follower.start()
        self._bridges.start(
            Surroundings(
                context.pool,
                self.producer,
                self.clock,
                self.destination,
                self.dead_letters,
                context.instance,
                context.settings.topic_prefix,
            )
        )

    async def stop(self) -> None:
        """Stop following and reading."""
        await self._bridges.stop()
        await self.follower.stop()

    def ready(self) -> tuple[bool, str]:
        """Whether events are taken: a workspace must be published. What is broken beside is told.

        A newer version that cannot be used, or a topic that cannot be read, keeps nobody else's events away.
        """
        published, problem = self.follower.published, self.follower.problem
        if published is None:
            return False, problem or NOTHING_PUBLISHED
        unread = "; ".join(self._bridges.problems.values())
        return True, problem or unread or f"taking events under workspace version {published.version}"

    def routes(self) -> Sequence[Route]:
        """The addresses of this service."""
        return [
            Route("/v1/events", _answering(self.events), methods=["POST", "OPTIONS"]),
            *(
                Route(f"/v1/{address}", _answering(self.segment(kind)), methods=["POST", "OPTIONS"])
                for address, kind in ADDRESSES.items()
            ),
            Route("/webhooks/{source}", _answering(self.webhook), methods=["POST"]),
            Route("/openapi.json", self.description, methods=["GET"]),
        ]

    async def events(self, request: Request) -> Response:
        """202 with the ids of the events, once the bus has them."""
        if request.method == "OPTIONS":
            return Response(status_code=HTTPStatus.NO_CONTENT, headers=_PREFLIGHT)
        taken = await accept(request, self)
        return Response(msgspec.json.encode({"accepted": len(taken), "ids": taken}), HTTPStatus.ACCEPTED, CORS, JSON)

    def segment(self, kind: str) -> Endpoint:
        """200 for a call of this kind by a Segment client, once the bus has its events."""

        async def answer(request: Request) -> Response:
            if request.method == "OPTIONS":
                return Response(status_code=HTTPStatus.NO_CONTENT, headers=_PREFLIGHT)
            taken = await track(request, kind, self)
            return Response(msgspec.json.encode(taken.as_json()), HTTPStatus.OK, CORS, JSON)

        return answer

    async def webhook(self, request: Request) -> Response:
        """202 with the ids of the events, once the bus has them; 200 for the test of an address."""
        taken = await hear(request, self)
        status = HTTPStatus.OK if taken is None else HTTPStatus.ACCEPTED
        return Response(msgspec.json.encode((taken or Answer([])).as_json()), status, media_type=JSON)

    async def description(self, _: Request) -> Response:
        """The OpenAPI document."""
        return Response(openapi.text(), media_type=JSON)


def build(context: Context) -> Gateway:
    """A gateway that is not started. Nothing connects here."""
    return Gateway(context)


def _answering(endpoint: Endpoint) -> Endpoint:
    async def answer(request: Request) -> Response:
        try:
            return await endpoint(request)
        except HttpProblem as problem:
            response = problem.response()
            response.headers.update(CORS)
            return response

    return answer
