"""The history that the engine keeps: `engine.events`, read in chunks of customers, in one snapshot."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import asyncpg

from services.cli.backtest.spool import Spool
from services.cli.backtest.story import Heard, Kept
from services.trigger_engine.intake import decoder
from services.trigger_engine.products.known import BACK_IN_STOCK, PRICE_DROPPED
from services.trigger_engine.profiles.identifiers import identify
from services.trigger_engine.profiles.state import Identifier

CHUNK = 1_000  # customers
_FANNED_OUT = (PRICE_DROPPED, BACK_IN_STOCK)
"""What wici says to one customer because of something that is not his own: in a story of his own nothing derives it."""
_PROFILES = "SELECT id FROM engine.profiles WHERE id > $1 ORDER BY id LIMIT $2"
_EVENTS = """
    WITH mine AS (
        SELECT id AS old, id AS new FROM unnest($1::uuid[]) AS w (id)
        UNION ALL SELECT a.old, a.new FROM engine.v_aliases a WHERE a.new = ANY($1))
    SELECT m.new, e.id, e.type, e.source, e.time, e.received_at, e.data
    FROM engine.events e JOIN mine m ON m.old = e.profile_id
    WHERE e.received_at >= $2 AND e.received_at < $3 AND (e.source <> 'wici' OR e.type = ANY($4))"""
_KINDS = ("deferred", "delivered", "opened", "clicked", "refused", "bounced", "complained", "unsubscribed")
_TIMES = {kind: f"{kind}_at" for kind in _KINDS}
_HEARD = f"""
    SELECT o.profile_id, d.send_key, {", ".join(_TIMES.values())}
    FROM notifier.v_deliveries d JOIN queue.outbound o USING (send_key) WHERE o.profile_id = ANY($1)"""


async def read(
    opened: asyncpg.Connection[Any], since: datetime, until: datetime, region: str, spool: Spool
) -> tuple[int, datetime | None]:
    """Spool the events received from `since` on and before `until`; how many, and when the last was received."""
    number, last, cursor = 0, None, bytes(16)
    async with opened.transaction(isolation="repeatable_read", readonly=True):
        while profiles := [row[0] for row in await opened.fetch(_PROFILES, cursor, CHUNK)]:
            cursor = profiles[-1]
            for row in await opened.fetch(_EVENTS, profiles, since, until, list(_FANNED_OUT)):
                event = _event(row, region)
                spool.put(event)
                number, last = number + 1, max(last or event.received, event.received)
            for row in await opened.fetch(_HEARD, profiles):
                for kind, column in _TIMES.items():
                    if row[column] is not None:
                        spool.put(Heard(row["profile_id"], row["send_key"], kind, row[column]))
    return number, last


def _event(row: asyncpg.Record, region: str) -> Kept:
    """An event under the name of the profile that has it now, beside those it gives: who is who is settled."""
    profile, identity, kind, source, time, received, raw = row
    given = identify(source, None, decoder(kind).decode(raw), trusted=True, region=region)
    contacts = tuple(one for one in given if one.kind in {"email", "phone"})
    names = (Identifier("customer", "", profile.hex()), *contacts)
    return Kept(profile, identity, kind, source, time, received, raw, names)
