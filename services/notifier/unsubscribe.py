"""`/u/{token}`: leaving with one click (RFC 8058). POST unsubscribes at once; GET only shows a page with a button."""

from __future__ import annotations

from html import escape
from typing import Any

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import BaseRoute, Route

from services.contracts import ids
from services.contracts.message import Channel
from services.kit.errors import BadRecord
from services.kit.service import Context
from services.notifier.callbacks import Callbacks
from services.notifier.compose.links import read_token
from services.notifier.editions import Editions
from services.notifier.providers.base import Callback
from services.notifier.statuses import OURSELVES, heard

_FIND = "SELECT locale, channel FROM queue.outbound WHERE send_key = $1"
_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
    "X-Robots-Tag": "noindex",
}
_PAGE = """<!doctype html>
<html lang="{language}"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title><style>
body{{font:17px/1.5 system-ui,sans-serif;max-width:34rem;margin:12vh auto;padding:0 1.2rem;color:#222}}
button{{font:inherit;padding:.6rem 1.2rem;border:0;border-radius:.4rem;background:#222;color:#fff;cursor:pointer}}
</style></head><body><h1>{title}</h1><p>{text}</p>{form}</body></html>"""
_FORM = '<form method="post"><button name="List-Unsubscribe" value="One-Click">{button}</button></form>'

# title, text, button; {shop} is the shop's name
_WORDS: dict[str, dict[str, tuple[str, str, str]]] = {
    "pl": {
        "ask": ("Rezygnacja z wiadomości", "Czy na pewno nie chcesz już wiadomości od {shop}?", "Tak, rezygnuję"),
        "done": ("Gotowe", "{shop} nie będzie już wysyłać Ci wiadomości marketingowych.", ""),
        "lost": (
            "Ten link nie działa",
            "Link jest niepełny albo stary. Otwórz go jeszcze raz z najnowszej wiadomości lub napisz do sklepu.",
            "",
        ),
    },
    "en": {
        "ask": ("Unsubscribe", "Do you really want no more messages from {shop}?", "Yes, unsubscribe"),
        "done": ("Done", "{shop} will send you no more marketing messages.", ""),
        "lost": (
            "This link does not work",
            "It is incomplete or old. Open it again from the newest message, or write to the shop.",
            "",
        ),
    },
}


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
            return self._page("lost", self._language(None), 404)
        if kind != "unsubscribe":
            return self._page("lost", self._language(None), 404)
        row = await self._context.pool.fetchrow(_FIND, send_key)
        language = self._language(row["locale"] if row else None)
        if request.method != "POST":
            return self._page("ask", language, 200)
        if row is not None:
            await self._leave(send_key, row["channel"])
        return self._page("done", language, 200)

    async def _leave(self, send_key: bytes, channel: Channel) -> None:
        now = self._context.clock.real()
        # The time is part of the id: who subscribes again may leave again by the same link.
        callback = Callback(f"{ids.text(send_key)}:{now.isoformat()}", "unsubscribed", "one_click", now, send_key)
        await self._callbacks.hear([heard(OURSELVES, channel, callback)])

    def _language(self, locale: str | None) -> str:
        shop = self._editions.now.workspace.settings.shop.locale if self._editions.now else "en"
        return "pl" if (locale or shop).lower().startswith("pl") else "en"

    def _page(self, name: str, language: str, status: int) -> Response:
        shop: Any = self._editions.now.workspace.settings.shop.name if self._editions.now else ""
        title, text, button = (escape(part.format(shop=shop)) for part in _WORDS[language][name])
        form = _FORM.format(button=button) if button else ""
        page = _PAGE.format(language=language, title=title, text=text, form=form)
        return HTMLResponse(page, status, _HEADERS)
