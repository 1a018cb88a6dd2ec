"""`/mailbox`: what the `mailbox` provider was given, for development. It exists only where such an account does."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from html import escape
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import BaseRoute, Route

from services.kit.database.pool import FAILURES
from services.kit.errors import Unknown
from services.kit.service import Context
from services.kit.web import problem
from services.notifier.editions import Editions
from services.notifier.providers.mailbox import Row

SHOWN = 200
_PUT = """
    INSERT INTO notifier.mailbox (send_key, channel, sent_at, message)
    SELECT given.send_key, given.channel, $4, given.message
    FROM unnest($1::uuid[], $2::text[], $3::bytea[]) AS given(send_key, channel, message)
    ON CONFLICT (send_key) DO NOTHING"""
_LIST = "SELECT sent_at, channel, message FROM notifier.mailbox ORDER BY seq DESC LIMIT $1"
_ONE = "SELECT sent_at, channel, message FROM notifier.mailbox WHERE send_key = $1"
_HEADERS = {
    # The mail's own frame inherits this, and is sandboxed besides: no script of a template ever runs.
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; img-src https: http: data:",
    "Cache-Control": "no-store",
}
_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>{title}</title><style>
body{{font:15px/1.45 system-ui,sans-serif;margin:2rem auto;max-width:62rem;padding:0 1rem;color:#222}}
table{{border-collapse:collapse;width:100%}}td,th{{text-align:left;padding:.35rem .6rem;border-bottom:1px solid #ddd}}
iframe{{width:100%;height:70vh;border:1px solid #ccc}}pre{{white-space:pre-wrap;background:#f6f6f6;padding:1rem}}
</style></head><body>{body}</body></html>"""


class Shown(msgspec.Struct, frozen=True):
    """One message as /mailbox.json lists it."""

    sent_at: datetime
    channel: str
    message: Row


class Mailbox:
    """The provider's store, and the pages."""

    def __init__(self, context: Context, editions: Editions) -> None:
        self._context = context
        self._editions = editions

    async def put(self, rows: Sequence[Row]) -> None:
        """Keep `rows`; one that is there already stays as it is. Unknown when the database does not answer."""
        try:
            await self._context.pool.execute(
                _PUT,
                [bytes.fromhex(row.send_key) for row in rows],
                ["email" if row.sms is None else "sms" for row in rows],
                [msgspec.json.encode(row) for row in rows],
                self._context.clock.now(),
            )
        except FAILURES as error:
            raise Unknown(type(error).__name__) from error

    def routes(self) -> list[BaseRoute]:
        """The pages."""
        return [
            Route("/mailbox", self._list),
            Route("/mailbox.json", self._json),
            Route("/mailbox/{send_key}", self._one),
        ]

    def _exists(self) -> bool:
        edition = self._editions.now
        return edition is not None and any(one.provider.name == "mailbox" for one in edition.accounts)

    async def _shown(self) -> list[Shown]:
        return [_shown(row) for row in await self._context.pool.fetch(_LIST, SHOWN)]

    async def _json(self, _request: Request) -> Response:
        if not self._exists():
            return _absent()
        return Response(msgspec.json.encode(await self._shown()), media_type="application/json", headers=_HEADERS)

    async def _list(self, _request: Request) -> Response:
        if not self._exists():
            return _absent()
        lines = "".join(_line(one) for one in await self._shown())
        head = "<tr><th>at</th><th>to</th><th>from</th><th></th></tr>"
        return _page("Mailbox", f"<h1>Mailbox</h1><table>{head}{lines}</table>")

    async def _one(self, request: Request) -> Response:
        key = request.path_params["send_key"]
        row = await self._context.pool.fetchrow(_ONE, bytes.fromhex(key)) if _is_key(key) and self._exists() else None
        return _absent() if row is None else _page("Message", _message(_shown(row)))


def _is_key(text: str) -> bool:
    return len(text) == 32 and all(c in "0123456789abcdef" for c in text)


def _shown(row: Any) -> Shown:
    return Shown(row["sent_at"], row["channel"], msgspec.json.decode(row["message"], type=Row))


def _line(one: Shown) -> str:
    message = one.message
    about = message.subject if message.sms is None else message.sms
    link = f'<a href="/mailbox/{escape(message.send_key)}">{escape(about or "(no subject)")}</a>'
    cells = (escape(f"{one.sent_at:%Y-%m-%d %H:%M:%S}"), escape(message.recipient), escape(message.sender or ""), link)
    return "<tr>" + "".join(f"<td>{cell}</td>" for cell in cells) + "</tr>"


def _message(one: Shown) -> str:
    message = one.message
    facts = {"To": message.recipient, "From": message.sender or "", "Subject": message.subject or "", **message.headers}
    head = "".join(f"<tr><th>{escape(k)}</th><td>{escape(v)}</td></tr>" for k, v in facts.items() if v)
    body = f"<p><a href='/mailbox'>all messages</a></p><table>{head}</table>"
    if message.html:
        # Links open in a tab of their own; scripts, forms and the page around stay out of reach.
        allowed = "allow-popups allow-popups-to-escape-sandbox"
        content = escape('<base target="_blank">' + message.html)
        body += f'<iframe sandbox="{allowed}" srcdoc="{content}" title="HTML"></iframe>'
    return body + "".join(f"<pre>{escape(text)}</pre>" for text in (message.text, message.sms) if text)


def _page(title: str, body: str) -> Response:
    return HTMLResponse(_PAGE.format(title=title, body=body), headers=_HEADERS)


def _absent() -> Response:
    return problem(404, "There is no mailbox here: write `provider: mailbox` in wici.yaml to have one")
