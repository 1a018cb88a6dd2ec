"""`engine.entries` and `engine.timers`: who is where, and when they go on."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, datetime
from typing import NamedTuple

import msgspec

from services.contracts.policies import BRAKED
from services.kit.database.arrays import id_array, number_array, text_array
from services.kit.database.pool import Connection
from services.trigger_engine.journeys.reaction import EntryRow, Goal, Timer, Walked

UPSERT = """
    INSERT INTO engine.entries AS e
        (id, profile_id, journey, revision, key, entered_at, step, ended_at, reason, held_out, trace, arms)
    SELECT * FROM unnest($1::text::uuid[], $2::text::uuid[], $3::text::text[], $4::text::int[], $5::text::text[],
                         $6::timestamptz[], $7::text::text[], $8::timestamptz[], $9::text::text[], $10::bool[],
                         $11::bytea[], $12::text::text[])
    ON CONFLICT (id) DO UPDATE SET profile_id = excluded.profile_id, revision = excluded.revision,
        step = excluded.step, ended_at = excluded.ended_at, reason = excluded.reason,
        trace = e.trace || excluded.trace, arms = coalesce(e.arms || excluded.arms, excluded.arms, e.arms)"""
NOTE = """
    UPDATE engine.entries e SET trace = e.trace || w.trace FROM unnest($1::uuid[], $2::bytea[]) AS w (id, trace)
    WHERE e.id = w.id"""
GOALS = """
    UPDATE engine.entries e
    SET goal_at = w.at, goal_key = w.key, goal_amount = w.amount, goal_currency = w.currency
    FROM unnest($1::uuid[], $2::timestamptz[], $3::uuid[], $4::bigint[], $5::text[])
        AS w (id, at, key, amount, currency)
    WHERE e.id = w.id AND (e.goal_at IS NULL OR w.at < e.goal_at)"""
SET = """
    INSERT INTO engine.timers (id, profile_id, due, generation, paused, trial)
    SELECT * FROM unnest($1::text::uuid[], $2::text::uuid[], $3::timestamptz[], $4::text::int[],
                         $5::text::text[], $6::text::uuid[])
    ON CONFLICT (id) DO UPDATE SET profile_id = excluded.profile_id, due = excluded.due,
        generation = excluded.generation, paused = excluded.paused, trial = excluded.trial"""
FIRED = """
    DELETE FROM engine.timers t
    USING unnest($1::text::uuid[], $2::text::uuid[], $3::text::int[]) AS w (id, profile_id, generation)
    WHERE t.id = w.id AND t.profile_id = w.profile_id AND t.generation = w.generation"""
DUE = """
    SELECT id, profile_id, due, generation FROM engine.timers
    WHERE shard = ANY($1) AND due > $2 AND due <= $3 AND paused IS NULL ORDER BY due LIMIT $4"""
# From name to name by the index, however many wait for one that is still paused.
RESUMED = """
    WITH RECURSIVE names (name) AS (
        (SELECT paused FROM engine.timers WHERE paused IS NOT NULL ORDER BY paused LIMIT 1)
        UNION ALL
        SELECT (SELECT t.paused FROM engine.timers t WHERE t.paused > n.name ORDER BY t.paused LIMIT 1)
        FROM names n WHERE n.name IS NOT NULL)
    SELECT t.* FROM names n CROSS JOIN LATERAL (
        SELECT id, profile_id, due, generation FROM engine.timers
        WHERE paused = n.name AND shard = ANY($1) ORDER BY due LIMIT $2) t
    WHERE NOT EXISTS (SELECT FROM queue.pauses WHERE scope IN ('all', 'journey:' || n.name))
    LIMIT $2"""
PAUSED = f"""
    SELECT CASE WHEN by = '{BRAKED}' THEN '{BRAKED}:' || substr(scope, 9) ELSE scope END
    FROM queue.pauses WHERE scope = 'all' OR scope LIKE 'journey:%'"""
DONE = """
    SELECT send_key FROM queue.outbound WHERE profile_id = ANY($1)
    UNION ALL SELECT id FROM engine.entries WHERE profile_id = ANY($1)"""
COUNT = "SELECT count(*) FROM engine.timers WHERE due > $1 AND due <= $2 AND paused IS NULL"
_ENCODER = msgspec.json.Encoder(enc_hook=str)
_DECODER = msgspec.json.Decoder(Walked)
_BEGINNING = datetime(1, 1, 1, tzinfo=UTC)


class DueTimer(NamedTuple):
    """A timer that has come due, as found without a lock."""

    id: bytes
    profile_id: bytes
    due: datetime
    generation: int


async def upsert(
    connection: Connection,
    rows: Mapping[bytes, EntryRow],
    walked: Mapping[bytes, Sequence[Walked]],
    drawn: Mapping[bytes, Sequence[str]],
) -> None:
    """Store the enrolments that have changed, and add what was noted and drawn to what each of them has had before.

    An enrolment that has drawn has changed.
    """
    if rows:
        found = rows.values()
        arms = text_array("".join(f"{way}\n" for way in drawn[one]) if one in drawn else None for one in rows)
        await connection.execute(
            UPSERT, id_array(rows), id_array(r.profile_id for r in found), text_array(r.journey for r in found),
            number_array(r.revision for r in found), text_array(r.key for r in found), [r.entered_at for r in found],
            text_array(r.step for r in found), [r.ended_at for r in found], text_array(r.reason for r in found),
            [r.held_out for r in found], [_trace(walked.get(one, ())) for one in rows], arms,
        )  # fmt: skip
    others = [one for one in walked if one not in rows]
    if others:
        await connection.execute(NOTE, others, [_trace(walked[one]) for one in others])


def noted(trace: bytes) -> list[Walked]:
    """What an entry has noted, the first thing first."""
    return _DECODER.decode_lines(trace)


def _trace(walked: Sequence[Walked]) -> bytes:
    return _ENCODER.encode_lines(walked)


async def count_goals(connection: Connection, goals: Mapping[bytes, Goal]) -> None:
    """Note the goals that entries have reached; of several the earliest counts."""
    if goals:
        columns = [[getattr(goal, field) for goal in goals.values()] for field in Goal.__struct_fields__]
        await connection.execute(GOALS, list(goals), *columns)


async def set_timers(connection: Connection, timers: Sequence[Timer], taken: Collection[bytes]) -> None:
    """Set timers anew and take others away."""
    if taken:
        await connection.execute("DELETE FROM engine.timers WHERE id = ANY($1::text::uuid[])", id_array(taken))
    if timers:
        await connection.execute(
            SET, id_array(t.id for t in timers), id_array(t.profile_id for t in timers), [t.due for t in timers],
            number_array(t.generation for t in timers), text_array(t.paused for t in timers),
            id_array(t.trial for t in timers),
        )  # fmt: skip


async def drop_fired(connection: Connection, fired: Sequence[DueTimer]) -> None:
    """Take away timers that have fired, except those that were set anew or given to another profile since found."""
    if fired:
        await connection.execute(
            FIRED, id_array(t.id for t in fired), id_array(t.profile_id for t in fired),
            number_array(t.generation for t in fired),
        )  # fmt: skip


async def due(
    connection: Connection, shards: Sequence[int], after: datetime | None, until: datetime, most: int
) -> list[DueTimer]:
    """The oldest timers due after `after` and by `until`, without locking: what they mean is read under the lock."""
    return [DueTimer(*row) for row in await connection.fetch(DUE, shards, after or _BEGINNING, until, most)]


async def resumed(connection: Connection, shards: Sequence[int], most: int) -> list[DueTimer]:
    """The oldest timers that a pause has held and none holds any more."""
    return [DueTimer(*row) for row in await connection.fetch(RESUMED, shards, most)]


async def paused(connection: Connection) -> frozenset[str]:
    """What is paused now of journeys, as scopes: `all`, `journey:NAME`, or `brake:NAME` where the brake did it."""
    return frozenset(row[0] for row in await connection.fetch(PAUSED))


async def done(connection: Connection, profiles: Sequence[bytes]) -> frozenset[bytes]:
    """The send keys of all messages that were ever queued for these profiles, and the ids of all their entries."""
    return frozenset(row[0] for row in await connection.fetch(DONE, profiles))


async def count_due(connection: Connection, after: datetime | None, until: datetime) -> int:
    """How many timers are due after `after` and by `until`, in every shard."""
    number: int = await connection.fetchval(COUNT, after or _BEGINNING, until)
    return number


async def follow(connection: Connection, merged: Mapping[bytes, bytes]) -> None:
    """Give the rows of merged profiles to those that keep them."""
    if merged:
        await connection.execute(
            "UPDATE engine.entries e SET profile_id = w.new FROM unnest($1::uuid[], $2::uuid[]) AS w (old, new)"
            " WHERE e.profile_id = w.old",
            list(merged),
            list(merged.values()),
        )
