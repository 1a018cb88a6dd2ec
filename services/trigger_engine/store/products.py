"""`engine.products` and `engine.interests`: what is known of products, and who has shown an interest."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime

import msgspec

from services.kit.database.arrays import id_array, number_array, text_array
from services.kit.database.pool import Connection
from services.trigger_engine.products.interest import Interest
from services.trigger_engine.products.known import Known
from services.trigger_engine.products.shelf import InterestKey, ProductKey

# Locks rows that exist, and makes those that do not: whoever comes second waits here.
LOCK = """
    INSERT INTO engine.products AS p (catalogue, product_id, state)
    SELECT catalogue, product_id, '' FROM unnest($1::text[], $2::text[]) AS w (catalogue, product_id)
    ON CONFLICT (catalogue, product_id) DO UPDATE SET state = p.state
    RETURNING catalogue, product_id, state"""
STORE = """
    UPDATE engine.products p SET state = w.state
    FROM unnest($1::text[], $2::text[], $3::bytea[]) AS w (catalogue, product_id, state)
    WHERE (p.catalogue, p.product_id) = (w.catalogue, w.product_id)"""
_LATER = f"""
    ON CONFLICT (catalogue, product_id, kind, profile_id) DO UPDATE
        SET at = CASE i.kind WHEN {Interest.ASKED} THEN LEAST(i.at, excluded.at) ELSE GREATEST(i.at, excluded.at) END"""
SHOW = f"""
    INSERT INTO engine.interests AS i (catalogue, product_id, kind, profile_id, at)
    SELECT * FROM unnest($1::text::text[], $2::text::text[], $3::text::smallint[], $4::text::uuid[], $5::timestamptz[])
    {_LATER}"""
TOLD = f"""
    DELETE FROM engine.interests i
    USING unnest($1::text[], $2::text[], $3::uuid[], $4::timestamptz[]) AS w (catalogue, product_id, profile_id, at)
    WHERE (i.catalogue, i.product_id, i.profile_id) = (w.catalogue, w.product_id, w.profile_id)
      AND i.kind = {Interest.ASKED} AND i.at <= w.at"""
FOLLOW = f"""
    WITH gone AS (
        DELETE FROM engine.interests i USING unnest($1::uuid[], $2::uuid[]) AS w (old, new) WHERE i.profile_id = w.old
        RETURNING i.catalogue, i.product_id, i.kind, w.new AS profile_id, i.at)
    INSERT INTO engine.interests AS i (catalogue, product_id, kind, profile_id, at)
    SELECT catalogue, product_id, kind, profile_id, CASE kind WHEN {Interest.ASKED} THEN min(at) ELSE max(at) END
    FROM gone GROUP BY catalogue, product_id, kind, profile_id
    {_LATER}"""
EXPIRE = f"""
    DELETE FROM engine.interests WHERE ctid = ANY(ARRAY(
        SELECT ctid FROM engine.interests WHERE kind <> {Interest.ASKED} AND at < $1
        LIMIT $2 FOR UPDATE SKIP LOCKED))"""

_DECODER = msgspec.msgpack.Decoder(Known)
_ENCODER = msgspec.msgpack.Encoder()


async def lock(connection: Connection, keys: Iterable[ProductKey]) -> dict[ProductKey, Known]:
    """Lock these products, sorted, making those that are new; what is known of each."""
    wanted = sorted(set(keys))
    rows = await connection.fetch(LOCK, [key.catalogue for key in wanted], [key.id for key in wanted])
    return {ProductKey(row[0], row[1]): _DECODER.decode(row[2]) if row[2] else Known() for row in rows}


async def store(connection: Connection, known: Mapping[ProductKey, Known]) -> None:
    """Store what is known of products that this transaction has locked."""
    if known:
        states = [_ENCODER.encode(one) for one in known.values()]
        await connection.execute(STORE, [key.catalogue for key in known], [key.id for key in known], states)


async def show(connection: Connection, interests: Mapping[InterestKey, datetime]) -> None:
    """Keep interests of customers whose profiles this transaction has locked."""
    if interests:
        keys = list(interests)
        await connection.execute(
            SHOW, text_array(k.product.catalogue for k in keys), text_array(k.product.id for k in keys),
            number_array(k.kind for k in keys), id_array(k.profile_id for k in keys), list(interests.values()),
        )  # fmt: skip


async def told(connection: Connection, answered: Mapping[tuple[ProductKey, bytes], datetime]) -> None:
    """Forget that customers asked for products, if they asked by the moment that they hear of."""
    if answered:
        keys = list(answered)
        await connection.execute(
            TOLD, [k[0].catalogue for k in keys], [k[0].id for k in keys], [k[1] for k in keys],
            list(answered.values()),
        )  # fmt: skip


async def follow(connection: Connection, merged: Mapping[bytes, bytes]) -> None:
    """Let interests follow profiles that became another one."""
    if merged:
        await connection.execute(FOLLOW, list(merged), list(merged.values()))


async def expire(connection: Connection, before: datetime, most: int = 10_000) -> None:
    """Forget what was viewed, left in a cart or bought before; requests stay until they are answered.

    Rows that a transaction holds are left for the next time.
    """
    while await connection.execute(EXPIRE, before, most) == f"DELETE {most}":
        pass
