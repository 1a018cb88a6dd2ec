"""`gateway.positions`: how far each topic of the shop's own has been read. Only what the bus acknowledged counts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import asyncpg

from services.kit.database.pool import FAILURES
from services.kit.errors import Misconfigured, TryAgain

_START = "SELECT partition, position, topic_id FROM gateway.positions WHERE source = $1 AND topic = $2"
# A process that has lost its partitions and does not know it never moves a position back.
_ADVANCE = """
    INSERT INTO gateway.positions AS p (source, topic, topic_id, partition, position)
    SELECT $1, $2, $3, * FROM unnest($4::int[], $5::bigint[])
    ON CONFLICT (source, topic, partition) DO UPDATE SET position = greatest(p.position, excluded.position)"""


async def start(
    pool: asyncpg.Pool, source: str, topic: tuple[str, str], partitions: Iterable[int]
) -> Mapping[int, int]:
    """Where to read on; a partition that was never read is not in it. `topic` is its name and id.

    Misconfigured when the topic was deleted and made again: its offsets mean something else now.
    """
    name, topic_id = topic
    try:
        rows = await pool.fetch(_START, source, name)
    except FAILURES as error:
        raise TryAgain(f"The database does not tell how far {name} was read: {error!r}") from error
    if any(row["topic_id"] != topic_id for row in rows):
        raise Misconfigured(
            f"Topic {name} of source {source} is not the one that was read before: it was deleted and made again. To "
            f"read it from its beginning, run: DELETE FROM gateway.positions WHERE source = '{source}'"
        )
    mine = frozenset(partitions)
    return {row["partition"]: row["position"] for row in rows if row["partition"] in mine}


async def advance(pool: asyncpg.Pool, source: str, topic: tuple[str, str], positions: Mapping[int, int]) -> None:
    """Move the positions on, in one statement. TryAgain without the database."""
    try:
        await pool.execute(_ADVANCE, source, *topic, list(positions), list(positions.values()))
    except FAILURES as error:
        raise TryAgain(f"The database does not take positions now: {error!r}") from error
