"""An event on its way into the engine: decoded, with its id, its times and the names it gives its customer."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec

from services.contracts.data import Data
from services.contracts.stamp import Voucher
from services.trigger_engine.profiles.state import Identifier


class Arrival(msgspec.Struct, gc=False):
    """One event. `id` is 16 bytes; `time` is the source's word, `received` the log's; `raw` is `data` as it came.

    `order` is (partition, offset): it settles ties between facts of one source time. `fields` is `data` as plain
    values, decoded when a condition or template first asks. `since` is when a derived event's story began.
    """

    id: bytes
    type: str
    source: str
    time: datetime
    received: datetime
    data: Data
    raw: bytes
    identifiers: tuple[Identifier, ...]
    order: tuple[int, int] = (0, 0)
    scope: Voucher = "server"
    hops: int = 0
    decoded: dict[str, Any] | None = None
    since: datetime | None = None

    @property
    def fields(self) -> dict[str, Any]:
        """`data` as plain values."""
        if self.decoded is None:
            self.decoded = msgspec.json.decode(self.raw)
        return self.decoded
