"""`/u/{token}`: leaving with one click (RFC 8058). POST unsubscribes at once; GET only shows a page with a button."""

from __future__ import annotations

from html import escape

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from services.contracts import ids
from services.contracts.message import Channel
from services.kit.errors import BadRecord
from services.kit.service import Context
from services.notifier.callbacks import Callbacks
from services.notifier.compose.links import read_token
from services.notifier.editions import Editions
from services.notifier.pages.page import look, page, paragraph, say
from services.notifier.pages.words import WORDS, Name
from services.notifier.providers.base import Callback
from services.notifier.statuses import OURSELVES, heard

_FIND = "SELECT locale, channel FROM queue.outbound WHERE send_key = $1"
_FORM = '<form method="post"><button name="List-Unsubscribe" value="One-Click">{}</button></form>'


class Unsubscribe:
    """The page, and what its button and a mail program's own button do."""

    def __init__(self, context: Context, editions: Editions, callbacks: Callbacks) -> None:
        self._context = context
        self._editions = editions
        self._callbacks = callbacks

    def routes(self) -> list[BaseRoute]:
        """The route."""
        return [Route("/u/{token}", self._endpoint, methods=["GET", "POST"])]

    async def _endpoint(self, request: Request) -> Response:
        try:
            kind, send_key = read_token(request.path_params["token"], self._context.settings.secret_keys)
        except BadRecord:
            return self._say("lost", None, 404)
        if kind != "unsubscribe":
            return self._say("lost", None, 404)
        row = await self._context.pool.fetchrow(_FIND, send_key)
        locale = row["locale"] if row else None
        if request.method != "POST":
            how = look(self._editions, locale)
            title, text, button = WORDS[how.language].leave
            return page(how, title, paragraph(text.format(shop=how.shop)) + _FORM.format(escape(button)))
        if row is not None:
            await self._leave(send_key, row["channel"])
        return self._say("left", locale)

    async def _leave(self, send_key: bytes, channel: Channel) -> None:
        now = self._context.clock.real()
        # The time is part of the id: who subscribes again may leave again by the same link.
        callback = Callback(f"{ids.text(send_key)}:{now.isoformat()}", "unsubscribed", "one_click", now, send_key)
        await self._callbacks.hear([heard(OURSELVES, channel, callback)])

    def _say(self, name: Name, locale: str | None, status: int = 200) -> Response:
        return say(look(self._editions, locale), name, status)
