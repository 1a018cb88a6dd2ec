"""Who is interested in a product: they hear that it is back, or cheaper."""

from __future__ import annotations

from datetime import datetime

import msgspec

from services.contracts import ids
from services.kit.database.pool import Connection
from services.trigger_engine.audiences.part import Part
from services.trigger_engine.products.telling import Product, told
from services.trigger_engine.store import fan_outs
from services.trigger_engine.store.fan_outs import FanOut

KIND = "product"
CHUNK = 200


async def part(connection: Connection, row: FanOut) -> Part:
    """The next who have shown an interest, the strongest first."""
    said = msgspec.json.decode(row.payload, type=Product)
    after = None if row.cursor is None else msgspec.json.decode(row.cursor, type=tuple[int, datetime, str])
    start = None if after is None else (after[0], after[1], ids.parse(after[2]))
    found = await fan_outs.interested(connection, (said.catalogue, said.product["id"]), said.time, start, CHUNK)
    hear = [told(row.id, said, one.profile, one.kind) for one in found if one.profile is not None]
    if len(found) < CHUNK:
        return Part(hear, len(found), None)
    last = found[-1]
    return Part(hear, len(found), (last.kind, last.turn, ids.text(last.profile_id)))
