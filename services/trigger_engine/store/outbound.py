"""`queue.outbound` and `queue.receipts`, from the engine's side: say, take back, hear."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

import asyncpg
import msgspec

from services.contracts.message import SETTLED, Message, State
from services.contracts.reasons import Reason
from services.kit.database.pool import Connection
from services.trigger_engine.journeys.reaction import Revocation
from services.trigger_engine.profiles.consent import NEEDS_CONSENT
from services.trigger_engine.profiles.receipts import ReceiptRow

COLUMNS = (
    "send_key", "profile_id", "entry_id", "journey", "step", "class", "topic", "channel", "template", "locale",
    "recipient", "context", "on_unknown", "created_at", "expires_at", "quiet",
)  # fmt: skip
LOCK = f"""
    SELECT send_key, state, profile_id, entry_id, channel, class, topic FROM queue.outbound
    WHERE state < {SETTLED} AND profile_id = ANY($1)
    ORDER BY send_key FOR UPDATE"""
REVOKE = f"""
    UPDATE queue.outbound o SET state = {State.REVOKED}, reason = w.reason, settled_at = $3, context = ''
    FROM unnest($1::uuid[], $2::text[]) AS w (send_key, reason)
    WHERE o.send_key = w.send_key"""
FATES = "SELECT send_key, state, entry_id FROM queue.outbound WHERE send_key = ANY($1)"
FOLLOW = f"""
    UPDATE queue.outbound o SET profile_id = w.new FROM unnest($1::uuid[], $2::uuid[]) AS w (old, new)
    WHERE o.profile_id = w.old AND o.state < {SETTLED}"""
HEAR = """
    WITH taken AS (
        DELETE FROM queue.receipts WHERE id IN (
            SELECT id FROM queue.receipts
            WHERE id IN (SELECT id FROM queue.receipts WHERE shard = ANY($1) ORDER BY id LIMIT $3)
               OR profile_id = ANY($2)
            FOR UPDATE SKIP LOCKED)
        RETURNING *)
    SELECT t.id, t.send_key, COALESCE(a.new, t.profile_id), t.entry_id, t.journey, t.step, t.channel, t.kind, t.at,
        t.data
    FROM taken t LEFT JOIN engine.aliases a ON a.old = t.profile_id"""


async def say(connection: Connection, messages: Sequence[Message]) -> None:
    """Queue messages. UniqueViolationError if a send key was used before."""
    if messages:
        encode = msgspec.json.encode
        rows = [
            (
                m.send_key, m.profile_id, m.entry_id, m.journey, m.step, m.klass, m.topic, m.channel, m.template,
                m.locale, m.recipient, encode(m.context), m.on_unknown, m.created_at, m.expires_at,
                [asyncpg.Range(*span) for span in m.quiet] or None,
            )
            for m in messages
        ]  # fmt: skip
        await connection.copy_records_to_table("outbound", schema_name="queue", columns=COLUMNS, records=rows)


class Unsettled(NamedTuple):
    """A row of the queue that is not settled, as far as it matters to what is taken back."""

    send_key: bytes
    state: int
    profile_id: bytes
    entry_id: bytes
    channel: str
    klass: str
    topic: str | None


async def take_back(
    connection: Connection, revocations: Sequence[Revocation], merged: Mapping[bytes, bytes], real: datetime
) -> dict[bytes, Reason]:
    """Revoke what is unclaimed, and let messages follow merged profiles. Rows are locked in the order of their keys.

    The profiles of `revocations` are those that stay after the merges. Returns what was revoked, by send key.
    """
    if not revocations and not merged:
        return {}
    profiles = {*merged, *(revocation.profile_id for revocation in revocations)}
    rows = [Unsettled(*row) for row in await connection.fetch(LOCK, list(profiles))]
    revoked = covered(rows, revocations, merged)
    if revoked:
        await connection.execute(REVOKE, list(revoked), list(revoked.values()), real)
    if merged:
        await connection.execute(FOLLOW, list(merged), list(merged.values()))
    return revoked


class Fate(NamedTuple):
    """Where a queued message stands."""

    state: int
    entry_id: bytes


async def fates(connection: Connection, keys: Sequence[bytes]) -> dict[bytes, Fate]:
    """Where these messages stand now, without locking them; those whose rows are gone are left out."""
    if not keys:
        return {}
    rows = await connection.fetch(FATES, keys)
    return {row[0]: Fate(row[1], row[2]) for row in rows}


def covered(
    rows: Sequence[Unsettled], revocations: Sequence[Revocation], merged: Mapping[bytes, bytes]
) -> dict[bytes, Reason]:
    """Which queued messages are taken back, by send key, and why."""
    entries = {r.entry_id: r.reason for r in revocations}
    channels: dict[tuple[bytes, str | None], list[Revocation]] = {}
    for revocation in revocations:
        if revocation.entry_id is None:
            channels.setdefault((revocation.profile_id, revocation.channel), []).append(revocation)
    revoked: dict[bytes, Reason] = {}
    for row in rows:
        if row.state != State.QUEUED:
            continue
        mine = channels.get((merged.get(row.profile_id, row.profile_id), row.channel), [])
        if row.entry_id in entries:
            revoked[row.send_key] = entries[row.entry_id]
        elif row.klass in NEEDS_CONSENT and any(r.topic in (None, row.topic) for r in mine):
            revoked[row.send_key] = mine[0].reason
    return revoked


async def hear(connection: Connection, shards: Sequence[int], profiles: Sequence[bytes], most: int) -> list[ReceiptRow]:
    """Take the oldest receipts of these shards, and all of these profiles, off the queue, in this transaction."""
    rows = await connection.fetch(HEAR, shards, profiles, most)
    return sorted(ReceiptRow(*row) for row in rows)
