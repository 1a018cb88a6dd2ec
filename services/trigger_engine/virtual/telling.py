"""Events made of plain values, and what many are told, by the way that every record takes."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import msgspec

from services.contracts import ids
from services.contracts.stamp import Scope, Stamp
from services.trigger_engine import intake
from services.trigger_engine.journeys.definitions import Definitions
from services.trigger_engine.profiles.arrival import Arrival
from services.trigger_engine.profiles.telling import Told, event, name_of


def arrival(
    definitions: Definitions,
    kind: str,
    data: Mapping[str, Any],
    at: datetime,
    *,
    identity: str,
    source: str = "backend",
    scope: Scope = "server",
    received: datetime | None = None,
    order: tuple[int, int] = (0, 0),
) -> Arrival:
    """The event that a key of `source` brought over HTTP, received when it happened unless said otherwise.

    Raises BadRecord, its message saying what to write instead, for data that is none of this type.
    """
    told = {"specversion": "1.0", "id": identity, "source": source, "type": kind, "time": at, "data": data}
    voucher = Stamp(ids.http_event(source, source, identity), source, scope)
    received = received or at
    value = msgspec.json.encode(told)
    return intake.read(
        value, voucher, definitions.schemas, received, definitions.region, received=received, order=order
    )


def heard(one: Told, definitions: Definitions, now: datetime) -> Arrival | None:
    """What a fan-out puts on the log for a customer at `now`; None where no name leads there."""
    name = name_of(one.profile, one.catalogue)
    if name is None:
        return None
    voucher = Stamp(one.id, name.source, "wici")
    value = msgspec.json.encode(event(one, name))
    return intake.read(value, voucher, definitions.schemas, now, definitions.region, received=now)
