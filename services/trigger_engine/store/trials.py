"""`engine.trials` and `engine.trial_arms`: what splits try out, counted in bulk, and decided once."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime

from services.kit.database.pool import Connection
from services.trigger_engine.journeys.trying import Standing, TrialChange

KNOWN = """
    SELECT t.id, t.begun_at, t.winner, t.why, a.arm, a.tried, a.won
    FROM engine.trials t LEFT JOIN engine.trial_arms a ON a.trial = t.id WHERE t.id <> ALL($1)"""
BEGIN = """
    INSERT INTO engine.trials AS t (id, journey, revision, step, occurrence, begun_at)
    SELECT * FROM unnest($1::uuid[], $2::text[], $3::int[], $4::text[], $5::text[], $6::timestamptz[]) AS w (id)
    ORDER BY w.id
    ON CONFLICT (id) DO UPDATE SET begun_at = LEAST(t.begun_at, excluded.begun_at)"""
COUNT = """
    INSERT INTO engine.trial_arms AS a (trial, arm, tried, won)
    SELECT * FROM unnest($1::uuid[], $2::text[], $3::int[], $4::int[]) AS w (trial, arm) ORDER BY w.trial, w.arm
    ON CONFLICT (trial, arm) DO UPDATE SET tried = a.tried + excluded.tried, won = a.won + excluded.won"""
DECIDE = """
    UPDATE engine.trials t SET winner = w.winner, why = w.why, decided_at = w.at
    FROM unnest($1::uuid[], $2::text[], $3::text[], $4::timestamptz[]) AS w (id, winner, why, at)
    WHERE t.id = w.id AND t.winner IS NULL"""
# Whoever is held back by a decided trial, also one who has come to it after it was decided and did not know yet.
WAKE = """
    UPDATE engine.timers t SET due = $1, trial = NULL FROM (
        SELECT id FROM engine.timers
        WHERE trial = ANY(ARRAY(SELECT id FROM engine.trials WHERE winner IS NOT NULL)) AND due > $1
        ORDER BY trial, id LIMIT $2 FOR UPDATE SKIP LOCKED) w
    WHERE t.id = w.id"""


async def load(connection: Connection, decided: Mapping[bytes, Standing]) -> dict[bytes, Standing]:
    """Every trial as it stands; `decided` are those that need not be read again."""
    found = dict(decided)
    for trial, begun_at, winner, why, arm, tried, won in await connection.fetch(KNOWN, list(decided)):
        standing = found.setdefault(trial, Standing(begun_at, winner=winner, why=why or ""))
        if arm is not None:
            standing.tried[arm], standing.won[arm] = tried, won
    return found


async def store(connection: Connection, changes: Mapping[bytes, TrialChange]) -> bool:
    """Add what was counted, and decide. False where another transaction has decided first."""
    if not changes:
        return True
    rows = list(changes.items())
    begun = [(one, c.journey, c.revision, c.step, c.occurrence, c.begun_at) for one, c in rows]
    await connection.execute(BEGIN, *_columns(begun))
    arms = [(one, arm, c.tried.get(arm, 0), c.won.get(arm, 0)) for one, c in rows for arm in sorted({*c.tried, *c.won})]
    if arms:
        await connection.execute(COUNT, *_columns(arms))
    verdicts = [(one, c.winner, c.why, c.decided_at) for one, c in rows if c.winner is not None]
    if not verdicts:
        return True
    done: str = await connection.execute(DECIDE, *_columns(verdicts))
    return done == f"UPDATE {len(verdicts)}"


async def wake(connection: Connection, now: datetime, most: int) -> int:
    """Let the next `most` of those who are held back go on. Locks no profile, and waits for nobody."""
    done = await connection.execute(WAKE, now, most)
    return int(done.rpartition(" ")[2])


def _columns(rows: Collection[tuple[object, ...]]) -> list[list[object]]:
    return [list(column) for column in zip(*rows, strict=True)]
