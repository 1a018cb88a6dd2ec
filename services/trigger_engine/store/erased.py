"""`engine.erased`, and the deletion of everything that is known of a customer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from services.contracts.message import State
from services.contracts.reasons import Reason
from services.kit.database.arrays import text_array
from services.kit.database.pool import Connection

FIND = "SELECT identifier, erased_at FROM engine.erased WHERE identifier = ANY($1::text::bytea[])"
ADD = """
    INSERT INTO engine.erased AS e (identifier, erased_at) SELECT * FROM unnest($1::bytea[], $2::timestamptz[])
    ON CONFLICT (identifier) DO UPDATE SET erased_at = GREATEST(e.erased_at, excluded.erased_at)"""
DELETE = (
    "DELETE FROM engine.identifiers WHERE profile_id = ANY($1)",
    "DELETE FROM engine.profiles WHERE id = ANY($1)",
    "DELETE FROM engine.aliases WHERE old = ANY($1)",
    "DELETE FROM engine.entries WHERE profile_id = ANY($1)",
    "DELETE FROM engine.timers WHERE profile_id = ANY($1)",
    "DELETE FROM engine.parked WHERE profile_id = ANY($1)",
    "DELETE FROM engine.consents WHERE profile_id = ANY($1)",
    "DELETE FROM engine.interests WHERE profile_id = ANY($1)",
    "DELETE FROM engine.events WHERE profile_id = ANY($1)",
)
# Rows that another transaction holds are on their way out: waiting for it under a profile's lock could be for ever.
LEAVING = (
    """DELETE FROM queue.receipts WHERE id IN (
        SELECT id FROM queue.receipts WHERE profile_id = ANY($1) FOR UPDATE SKIP LOCKED)""",
    """DELETE FROM engine.outcomes WHERE id IN (
        SELECT o.id FROM engine.outcomes o JOIN unnest($1::uuid[]) AS w (id)
            ON o.key = convert_to(replace(w.id::text, '-', ''), 'UTF8') FOR UPDATE OF o SKIP LOCKED)""",
)
HAND_ON = """
    INSERT INTO queue.erasures (profile_id, due_at) SELECT id, $2 FROM unnest($1::uuid[]) AS w (id)
    ON CONFLICT DO NOTHING"""
LOCK = "SELECT 1 FROM queue.outbound WHERE profile_id = ANY($1) ORDER BY send_key FOR UPDATE"
EMPTY = f"""
    UPDATE queue.outbound SET recipient = '', context = '',
        settled_at = CASE WHEN state = {State.QUEUED} THEN $2 ELSE settled_at END,
        reason = CASE WHEN state = {State.QUEUED} THEN '{Reason.ERASED}' ELSE reason END,
        state = CASE WHEN state = {State.QUEUED} THEN {State.REVOKED} ELSE state END
    WHERE profile_id = ANY($1) AND state <> {State.CLAIMED}"""


async def find(connection: Connection, digests: Sequence[bytes]) -> dict[bytes, datetime]:
    """When each of these was erased, of those that were."""
    rows = await connection.fetch(FIND, text_array("\\x" + one.hex() for one in digests))
    return {row[0]: row[1] for row in rows}


async def erase(
    connection: Connection, profiles: Sequence[bytes], digests: Mapping[bytes, datetime], real: datetime
) -> None:
    """Delete these profiles, under their locks, and what belongs to them; remember only digests of their names.

    Event ids and send keys stay. A claimed message keeps its recipient: it can be repeated only as it was. What the
    notifier has, it erases itself, from `queue.erasures`.
    """
    former = await connection.fetch("SELECT old FROM engine.aliases WHERE new = ANY($1)", profiles)
    profiles = list({*profiles, *(row[0] for row in former)})
    for statement in (*DELETE, *LEAVING):
        await connection.execute(statement, profiles)
    await connection.fetch(LOCK, profiles)
    await connection.execute(EMPTY, profiles, real)
    await connection.execute(HAND_ON, profiles, real)
    await remember(connection, digests)


async def remember(connection: Connection, digests: Mapping[bytes, datetime]) -> None:
    """Note when the bearers of these names were erased; the latest counts."""
    rows = sorted(digests.items())
    await connection.execute(ADD, [digest for digest, _ in rows], [at for _, at in rows])
