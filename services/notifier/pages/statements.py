"""What a customer stated on a page, handed to the engine in one transaction with what must hold at once.

A withdrawal of a channel suppresses the address that the page's message went to, and those that messages of the
channel are about to leave for, before anything else is told; a consent is the engine's to judge.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

import msgspec
from starlette.requests import Request

from services.contracts.message import Channel
from services.contracts.receipt import STATEMENT, State, Statement
from services.kit.service import Context
from services.notifier import suppressions
from services.notifier.pages.letter import Letter
from services.notifier.suppressions import Suppression, fingerprints

_TELL = """
    INSERT INTO queue.receipts (send_key, profile_id, entry_id, journey, step, channel, kind, at, data)
    SELECT o.send_key, o.profile_id, o.entry_id, o.journey, o.step, o.channel, $2, $3, $4
    FROM queue.outbound o WHERE o.send_key = $1"""
_CONFIRM = f"""
    WITH fresh AS (
        INSERT INTO notifier.confirmations (send_key, at) VALUES ($1, $3) ON CONFLICT DO NOTHING RETURNING send_key)
    {_TELL} AND EXISTS (SELECT 1 FROM fresh)"""
_LEAVING = """
    SELECT DISTINCT channel, recipient FROM queue.outbound
    WHERE profile_id = $1 AND channel = ANY($2) AND state < 10"""


def statement(
    context: Context, letter: Letter, request: Request, lines: Mapping[str, State], *, text_id: str, text: str
) -> Statement:
    """`lines` as this caller states them, `text` being what the page showed."""
    address = fingerprints(letter.channel, letter.recipient, context.settings.secret_keys[:1])[0]
    return Statement(
        "confirmation" if text_id.startswith("wici/confirm/") else "preferences", dict(lines), letter.recipient,
        address.hex(), text_id, text, request.client.host if request.client else "",
        _word(request, "x-forwarded-for"), _word(request, "user-agent"),
    )  # fmt: skip


def _word(request: Request, header: str) -> str:
    return request.headers.get(header, "").replace("\x00", "")[:300]


async def confirm(context: Context, letter: Letter, said: Statement) -> bool:
    """Hand a confirmation on, once for each link; whether this was the once."""
    now = context.clock.real()
    done: str = await context.pool.execute(_CONFIRM, letter.send_key, STATEMENT, now, msgspec.json.encode(said))
    return done.endswith(" 1")


async def state(context: Context, letter: Letter, said: Statement) -> None:
    """Hand on what was chosen."""
    now = context.clock.real()
    gone = [name for name, one in said.lines.items() if one == "unsubscribed" and ":" not in name]
    async with context.pool.acquire() as connection, connection.transaction():
        await connection.execute(_TELL, letter.send_key, STATEMENT, now, msgspec.json.encode(said))
        if gone:
            rows = await connection.fetch(_LEAVING, letter.profile_id, gone)
            leaving: set[tuple[Channel, str]] = {(row["channel"], row["recipient"]) for row in rows}
            if letter.channel in gone:
                leaving.add((letter.channel, letter.recipient))
            await suppressions.add(connection, [_suppressed(context, *one, now) for one in leaving])


def _suppressed(context: Context, channel: Channel, recipient: str, now: datetime) -> Suppression:
    address = fingerprints(channel, recipient, context.settings.secret_keys[:1])[0]
    return Suppression(channel, address, "unsubscribed", now)
