"""A gateway with a workspace in force and a producer that remembers: requests go straight to its ASGI application."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, cast

import asyncpg
from starlette.types import Message

from services.contracts.settings import Settings as Published
from services.contracts.settings import Shop, Source
from services.contracts.workspace import Workspace
from services.gateway.app import Gateway, build
from services.gateway.cloudevents import STRUCTURED
from services.gateway.published import prepare
from services.kit.bus import Bus, Outgoing
from services.kit.clock import FixedClock
from services.kit.errors import Problem
from services.kit.service import Context
from services.kit.settings import Settings
from services.kit.web import application

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
SECRETS = ("a-secret-of-at-least-32-characters", "the-one-before-it-of-32-characters")
SERVER = {"authorization": "Bearer server-key", "content-type": STRUCTURED}
BROWSER = {"authorization": "Bearer page-key", "content-type": STRUCTURED}
ENVIRON = {"BACKEND_KEY": "server-key", "PAGE_KEY": "page-key"}

WORKSPACE = Workspace(
    settings=Published(
        shop=Shop(name="Sklep", url="https://shop.example", locale="pl", currency="PLN", time_zone="Europe/Warsaw"),
        sources={
            "backend": Source("http", keys=("$BACKEND_KEY",), browser_keys=("$PAGE_KEY",)),
            "sklep": Source("magento"),
        },
    ),
    event_schemas={"ring.sized": {"type": "object", "required": ["size"], "properties": {"size": {"type": "integer"}}}},
    version=7,
)


@dataclass
class Answer:
    """What came back."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class Memory:
    """A producer that keeps what it is given, or fails with `error`."""

    records: list[Outgoing] = field(default_factory=list)
    error: Problem | None = None

    async def publish(self, records: Sequence[Outgoing]) -> None:
        if self.error:
            raise self.error
        self.records.extend(records)


class Served:
    """The application of one gateway."""

    def __init__(self, workspace: Workspace | None = WORKSPACE, environ: dict[str, str] = ENVIRON) -> None:
        context = Context(
            settings=Settings(secret_keys=SECRETS, topic_prefix="test."),
            pool=cast("asyncpg.Pool", None),
            bus=cast("Bus", None),
            clock=FixedClock(NOW),
            instance="test",
            environ=environ,
        )
        self.bus = Memory()
        self.gateway: Gateway = build(context)
        self.gateway.producer = self.bus
        self.gateway.follower.published = prepare(workspace, environ) if workspace else None
        self._app = application(self.gateway.routes(), dict, lambda: True)

    async def ask(
        self,
        body: bytes | Iterable[bytes] = b"",
        headers: dict[str, str] = SERVER,
        method: str = "POST",
        path: str = "/v1/events",
    ) -> Answer:
        """One request; a body in several chunks arrives in several messages, and one without an end never ends."""
        chunks = iter([body] if isinstance(body, bytes) else body)
        sent: list[Message] = []

        async def receive() -> Message:
            chunk = next(chunks, None)
            if chunk == WAIT:
                await asyncio.Event().wait()
            return {"type": "http.request", "body": chunk or b"", "more_body": chunk is not None}

        async def send(message: Message) -> None:
            sent.append(message)

        await self._app(_scope(method, path, headers), receive, send)
        answered = {name.decode(): value.decode() for name, value in sent[0]["headers"]}
        return Answer(sent[0]["status"], answered, b"".join(message.get("body", b"") for message in sent[1:]))


WAIT = b"\0wait"


def _scope(method: str, path: str, headers: dict[str, str]) -> dict[str, Any]:
    return {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": method,
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "root_path": "",
        "headers": [(name.lower().encode(), value.encode("latin-1")) for name, value in headers.items()],
        "client": ("127.0.0.1", 1),
        "server": ("127.0.0.1", 80),
    }
