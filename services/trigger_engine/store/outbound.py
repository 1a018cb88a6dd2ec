"""`queue.outbound` and `queue.receipts`, from the engine's side: say, take back, hear."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

import msgspec

from services.contracts.message import SETTLED, Message, State
from services.kit.database.pool import Connection
from services.trigger_engine.journeys.reaction import Revocation

COLUMNS = (
    "send_key", "profile_id", "entry_id", "journey", "step", "class", "topic", "channel", "template", "locale",
    "recipient", "context", "on_unknown", "created_at", "expires_at",
)  # fmt: skip
LOCK = f"""
    SELECT send_key FROM queue.outbound
    WHERE state < {SETTLED} AND (entry_id = ANY($1) OR profile_id = ANY($2))
    ORDER BY send_key FOR UPDATE"""
REVOKE = f"""
    UPDATE queue.outbound o SET state = {State.REVOKED}, reason = w.reason, settled_at = $6, context = ''
    FROM unnest($1::uuid[], $2::uuid[], $3::text[], $4::text[], $5::text[])
        AS w (entry, profile, channel, topic, reason)
    WHERE o.state = {State.QUEUED}
      AND (o.entry_id = w.entry
           OR (w.entry IS NULL AND o.profile_id = w.profile AND o.channel = w.channel
               AND o.class IN ('marketing', 'opinion') AND (w.topic IS NULL OR o.topic = w.topic)))"""
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


class ReceiptRow(NamedTuple):
    """A receipt as the notifier left it."""

    id: int
    send_key: bytes
    profile_id: bytes
    entry_id: bytes
    journey: str
    step: str
    channel: str
    kind: str
    at: datetime
    data: bytes


async def say(connection: Connection, messages: Sequence[Message]) -> None:
    """Queue messages. UniqueViolationError if a send key was used before."""
    if messages:
        encode = msgspec.json.encode
        rows = [
            (
                m.send_key, m.profile_id, m.entry_id, m.journey, m.step, m.klass, m.topic, m.channel, m.template,
                m.locale, m.recipient, encode(m.context), m.on_unknown, m.created_at, m.expires_at,
            )
            for m in messages
        ]  # fmt: skip
        await connection.copy_records_to_table("outbound", schema_name="queue", columns=COLUMNS, records=rows)


async def take_back(
    connection: Connection, revocations: Sequence[Revocation], merged: Mapping[bytes, bytes], real: datetime
) -> None:
    """Revoke what is unclaimed, and let messages follow merged profiles. Rows are locked in the order of their keys."""
    if not revocations and not merged:
        return
    entries = [r.entry_id for r in revocations if r.entry_id is not None]
    profiles = [r.profile_id for r in revocations if r.entry_id is None] + list(merged)
    await connection.fetch(LOCK, entries, profiles)
    if revocations:
        columns = zip(*((r.entry_id, r.profile_id, r.channel, r.topic, r.reason) for r in revocations), strict=True)
        await connection.execute(REVOKE, *(list(column) for column in columns), real)
    if merged:
        await connection.execute(FOLLOW, list(merged), list(merged.values()))


async def hear(connection: Connection, shards: Sequence[int], profiles: Sequence[bytes], most: int) -> list[ReceiptRow]:
    """Take the oldest receipts of these shards, and all of these profiles, off the queue, in this transaction."""
    rows = await connection.fetch(HEAR, shards, profiles, most)
    return sorted(ReceiptRow(*row) for row in rows)
