"""`engine.fan_outs`: effects on many customers, worked off in chunks; and who is next."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple

import msgspec

from services.kit.database.pool import Connection
from services.trigger_engine.products.interest import Interest
from services.trigger_engine.profiles.state import Profile, load

ADD = """
    INSERT INTO engine.fan_outs (id, kind, due_at, payload, cursor)
    SELECT * FROM unnest($1::uuid[], $2::text[], $3::timestamptz[], $4::bytea[], $5::bytea[]) ON CONFLICT DO NOTHING"""
# One that another process works off is passed over.
OLDEST = """
    SELECT id, kind, due_at, payload, cursor FROM engine.fan_outs WHERE due_at <= $1
    ORDER BY due_at, id LIMIT 1 FOR UPDATE SKIP LOCKED"""
# Each customer once, by the strongest interest, unless what they wanted is bought. Who has gone is left out.
INTERESTED = f"""
    SELECT i.kind, i.turn, i.profile_id, p.version, p.state,
        i.at <= $3 AND NOT EXISTS (
            SELECT 1 FROM engine.interests o
            WHERE (o.catalogue, o.product_id, o.profile_id) = (i.catalogue, i.product_id, i.profile_id)
              AND ((o.kind < i.kind AND o.at <= $3) OR (o.kind = {Interest.BOUGHT} AND o.at >= i.at))) AS hears
    FROM engine.interests i LEFT JOIN engine.profiles p ON p.id = i.profile_id
    WHERE i.catalogue = $1 AND i.product_id = $2 AND i.kind < {Interest.BOUGHT}
      AND (i.kind, i.turn, i.profile_id) > ($4::smallint, $5::timestamptz, $6::uuid)
    ORDER BY i.kind, i.turn, i.profile_id LIMIT $7"""
EVERYBODY = "SELECT id, version, state FROM engine.profiles WHERE id > $1 ORDER BY id LIMIT $2"
_FIRST = (-1, datetime(1970, 1, 1, tzinfo=UTC), bytes(16))


class FanOut(NamedTuple):
    """A row: what it is for by `kind`, from when on (marketing time), and where it stands."""

    id: bytes
    kind: str
    due_at: datetime
    payload: bytes
    cursor: bytes | None


class Interested(NamedTuple):
    """Who may hear of a product: with which interest, in whose turn; `profile` is None where they do not."""

    kind: Interest
    turn: datetime
    profile_id: bytes
    profile: Profile | None


async def add(connection: Connection, rows: Sequence[FanOut]) -> None:
    """Leave fan-outs to be worked off; of one that is there already nothing changes."""
    if rows:
        await connection.execute(ADD, *(list(column) for column in zip(*rows, strict=True)))


async def oldest(connection: Connection, now: datetime) -> FanOut | None:
    """The one that has been due the longest and that nobody works off; locked until the transaction ends."""
    row = await connection.fetchrow(OLDEST, now)
    return None if row is None else FanOut(*row)


async def interested(
    connection: Connection, product: tuple[str, str], until: datetime, after: Sequence[Any] | None, most: int
) -> list[Interested]:
    """Whoever had shown an interest in the product by `until`, after the cursor; who asked comes first, in turn."""
    rows = await connection.fetch(INTERESTED, *product, until, *(_FIRST if after is None else after), most)
    return [
        Interested(Interest(kind), turn, who, load(state, version) if hears and state is not None else None)
        for kind, turn, who, version, state, hears in rows
    ]


async def everybody(connection: Connection, after: bytes, most: int) -> list[Profile]:
    """The next customers after a profile's id, in the order of ids."""
    return [load(row[2], row[1]) for row in await connection.fetch(EVERYBODY, after, most)]


async def move(connection: Connection, fan_out_id: bytes, cursor: Any, due_at: datetime) -> None:
    """Everybody up to `cursor` was told; it goes on at `due_at`."""
    query = "UPDATE engine.fan_outs SET cursor = $2, due_at = $3 WHERE id = $1"
    await connection.execute(query, fan_out_id, msgspec.json.encode(cursor), due_at)


async def drop(connection: Connection, fan_out_id: bytes) -> None:
    """Everybody was told."""
    await connection.execute("DELETE FROM engine.fan_outs WHERE id = $1", fan_out_id)


async def waiting(connection: Connection, now: datetime) -> int:
    """How many are due."""
    return int(await connection.fetchval("SELECT count(*) FROM engine.fan_outs WHERE due_at <= $1", now))
