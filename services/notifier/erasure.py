"""Erasure of what this service has of a customer: worked off from `queue.erasures`, where the engine has put him.

Messages that are claimed may be repeated only as they were: they keep their recipient until they settle, and the
customer his row in `queue.erasures`. It keeps what is given back from being claimed anew. Send keys, attempts (digests)
and suppressions (HMACs that protect the person) stay.
"""

from __future__ import annotations

from datetime import timedelta

from services.contracts.message import State
from services.contracts.reasons import Reason
from services.kit.service import Context

MOST = 200
AGAIN = timedelta(seconds=15)
"""When to look again at a customer of whom a message is claimed."""

_DUE = """
    SELECT profile_id FROM queue.erasures WHERE due_at <= $1 ORDER BY due_at, profile_id LIMIT $2
    FOR UPDATE SKIP LOCKED"""

_LOCK = """
    SELECT send_key, profile_id, attempt_id, state FROM queue.outbound WHERE profile_id = ANY($1)
    ORDER BY send_key FOR UPDATE"""

_EMPTY = f"""
    UPDATE queue.outbound SET recipient = '', context = '',
        settled_at = coalesce(settled_at, $2),
        reason = CASE WHEN state = {State.QUEUED} THEN '{Reason.ERASED}' ELSE reason END,
        state = CASE WHEN state = {State.QUEUED} THEN {State.REVOKED} ELSE state END
    WHERE send_key = ANY($1) AND state <> {State.CLAIMED}"""

_FORGET = (
    """DELETE FROM notifier.parked_callbacks p
        WHERE p.send_key = ANY($1) OR p.attempt_id = ANY($2) OR EXISTS (
            SELECT 1 FROM notifier.deliveries d
            WHERE d.send_key = ANY($1) AND d.provider_id = p.provider_id AND d.account = p.account)""",
    "DELETE FROM notifier.deliveries WHERE send_key = ANY($1) AND $2::uuid[] IS NOT NULL",
    "DELETE FROM notifier.confirmations WHERE send_key = ANY($1) AND $2::uuid[] IS NOT NULL",
    "DELETE FROM notifier.mailbox WHERE send_key = ANY($1) AND $2::uuid[] IS NOT NULL",
)

_RECEIPTS = """
    DELETE FROM queue.receipts WHERE id IN (
        SELECT id FROM queue.receipts WHERE profile_id = ANY($1) FOR UPDATE SKIP LOCKED)"""

_DONE = "DELETE FROM queue.erasures WHERE profile_id = ANY($1)"
_LATER = "UPDATE queue.erasures SET due_at = $2 WHERE profile_id = ANY($1)"


async def work_off(context: Context) -> int:
    """Erase what is due, at most MOST customers in one transaction; how many of them are done with."""
    now = context.clock.real()
    async with context.pool.acquire() as connection, connection.transaction():
        due = [row["profile_id"] for row in await connection.fetch(_DUE, now, MOST)]
        if not due:
            return 0
        rows = await connection.fetch(_LOCK, due)
        waiting = {row["profile_id"] for row in rows if row["state"] == State.CLAIMED}
        settled = [row for row in rows if row["state"] != State.CLAIMED]
        keys = [row["send_key"] for row in settled]
        attempts = [row["attempt_id"] for row in settled if row["attempt_id"] is not None]
        await connection.execute(_EMPTY, keys, now)
        for statement in _FORGET:
            await connection.execute(statement, keys, attempts)
        await connection.execute(_RECEIPTS, due)
        done = [one for one in due if one not in waiting]
        await connection.execute(_DONE, done)
        await connection.execute(_LATER, list(waiting), now + AGAIN)
    return len(done)
