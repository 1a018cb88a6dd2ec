"""Whom a link is about: everything is found by the message's send key, so a token needs to hold nothing else.

A customer who was erased, or never was, is nobody: the page cannot tell one from the other, nor can its caller.
"""

from __future__ import annotations

from collections import Counter
from datetime import datetime
from urllib.parse import parse_qs

import asyncpg
import msgspec
from starlette.requests import Request

from services.contracts.message import Channel
from services.kit.clock import monotonic
from services.kit.errors import BadRecord
from services.kit.service import Context
from services.notifier.compose.links import LinkKind, read_token

LARGEST = 16_384
"""Bytes of a form."""
MOST_FIELDS = 500
MOST_PER_MINUTE = 60
"""Requests by one link that a process answers in a minute; a person needs fewer, and a scanner gets by."""

_FIND = """
    SELECT o.send_key, coalesce(a.new, o.profile_id) AS profile_id, o.channel, o.topic, o.locale, o.recipient,
           o.created_at, c.at AS confirmed_at
    FROM queue.outbound o
    LEFT JOIN engine.v_aliases a ON a.old = o.profile_id
    LEFT JOIN notifier.confirmations c ON c.send_key = o.send_key
    WHERE o.send_key = $1 AND o.recipient <> ''
      AND NOT EXISTS (SELECT 1 FROM queue.erasures e WHERE e.profile_id IN (o.profile_id, a.new))"""


class Letter(msgspec.Struct, frozen=True):
    """The message that a link stood in. `profile_id` is the customer's now; `created_at` is marketing time."""

    send_key: bytes
    profile_id: bytes
    channel: Channel
    topic: str | None
    locale: str | None
    recipient: str
    created_at: datetime
    confirmed_at: datetime | None


class Busy(Exception):  # noqa: N818 -- what has happened
    """This link was followed too often in this minute."""


class Letters:
    """Finds messages by their links' tokens, within bounds."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._minute = 0
        self._asked: Counter[bytes] = Counter()

    async def find(self, kind: LinkKind, token: str) -> Letter | None:
        """The message whose link of this kind it is; None for every token that leads nowhere. Busy when overdone."""
        try:
            signed, send_key = read_token(token, self._context.settings.secret_keys)
        except BadRecord:
            return None
        if signed != kind:
            return None
        self._count(send_key)
        row: asyncpg.Record | None = await self._context.pool.fetchrow(_FIND, send_key)
        return Letter(*row) if row is not None else None

    def _count(self, send_key: bytes) -> None:
        minute = int(monotonic() // 60)
        if minute != self._minute:
            self._minute = minute
            self._asked.clear()
        self._asked[send_key] += 1
        if self._asked[send_key] > MOST_PER_MINUTE:
            raise Busy


async def form(request: Request) -> dict[str, list[str]] | None:
    """The fields of a posted form; None for one that is too large or none."""
    kept = bytearray()
    async for chunk in request.stream():
        kept += chunk
        if len(kept) > LARGEST:
            return None
    try:
        return parse_qs(kept.decode(), max_num_fields=MOST_FIELDS)
    except ValueError:
        return None
