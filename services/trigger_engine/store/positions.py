"""`engine.positions`: how far each partition has been taken in. The position moves in the batch's own transaction."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from services.kit.database.pool import Connection
from services.kit.errors import Misconfigured

ADVANCE = """
    UPDATE engine.positions p SET position = w.new
    FROM unnest($2::int[], $3::bigint[], $4::bigint[]) AS w (partition, old, new)
    WHERE p.topic = $1 AND p.partition = w.partition AND p.position = w.old"""


class Fenced(Exception):  # noqa: N818 -- what has happened, in the field's word
    """Another process has taken these partitions further: this batch must not commit."""


async def start(connection: Connection, topic: str, topic_id: str, partitions: Iterable[int]) -> dict[int, int]:
    """Where to read on in each partition; a partition seen for the first time starts at 0.

    Misconfigured when the topic was deleted and made again: its offsets mean something else now.
    """
    wanted = sorted(partitions)
    await connection.execute(
        "INSERT INTO engine.positions (topic, partition, topic_id, position)"
        " SELECT $1, p, $2, 0 FROM unnest($3::int[]) p ON CONFLICT DO NOTHING",
        topic,
        topic_id,
        wanted,
    )
    rows = await connection.fetch(
        "SELECT partition, position, topic_id FROM engine.positions WHERE topic = $1 AND partition = ANY($2)",
        topic,
        wanted,
    )
    if any(row[2] != topic_id for row in rows):
        raise Misconfigured(
            f"Topic {topic} is not the one that was read before: it was deleted and made again. Restore it, or, if its "
            f"events may be lost, run: DELETE FROM engine.positions WHERE topic = '{topic}'"
        )
    return {row[0]: row[1] for row in rows}


async def advance(connection: Connection, topic: str, old: Mapping[int, int], new: Mapping[int, int]) -> None:
    """Move positions on. Fenced unless every one still stands where this process left it."""
    moved = sorted(p for p in new if new[p] != old[p])
    if not moved:
        return
    done = await connection.execute(ADVANCE, topic, moved, [old[p] for p in moved], [new[p] for p in moved])
    if done != f"UPDATE {len(moved)}":
        raise Fenced(f"partitions {moved} of {topic}")


async def reached(connection: Connection, topic: str) -> dict[int, int]:
    """The committed position of every partition, whoever owns it."""
    rows = await connection.fetch("SELECT partition, position FROM engine.positions WHERE topic = $1", topic)
    return {row[0]: row[1] for row in rows}
