"""A receiver of webhooks on loopback, which verifies them with the specification's own library."""

from __future__ import annotations

from collections.abc import AsyncIterator, MutableMapping
from contextlib import asynccontextmanager
from typing import Any

from aiohttp import web
from standardwebhooks import Webhook


class Receiver:
    """Takes POSTs, and answers with `statuses` in turn, then 204. `secret` is what they are signed with."""

    def __init__(self, secret: str) -> None:
        self.taken: list[tuple[dict[str, str], bytes]] = []
        self.statuses: list[int] = []
        self.url = self.host = ""
        self._secret = secret

    async def handle(self, request: web.Request) -> web.Response:
        """Keep it, and answer."""
        self.taken.append(({k.lower(): v for k, v in request.headers.items()}, await request.read()))
        status = self.statuses.pop(0) if self.statuses else 204
        return web.Response(status=status, headers={"Location": "/elsewhere"} if 300 <= status < 400 else {})

    def verified(self) -> list[Any]:
        """Every body, as the library lets it through."""
        verifier = Webhook(self._secret)
        return [verifier.verify(body, headers) for headers, body in self.taken]


@asynccontextmanager
async def receiving(environ: MutableMapping[str, str], name: str) -> AsyncIterator[Receiver]:
    """A receiver whose address the variable `name` holds; the signing secret is HOOK_SECRET's."""
    played, app = Receiver(environ["HOOK_SECRET"]), web.Application()
    app.router.add_route("*", "/{rest:.*}", played.handle)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    played.host = f"127.0.0.1:{runner.addresses[0][1]}"
    played.url = environ[name] = f"http://{played.host}/hooks"
    try:
        yield played
    finally:
        del environ[name]
        await runner.cleanup()
