"""A history of records: a file of CloudEvents, one JSON object a line, or the events topic itself."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryFile

import msgspec

from services.cli import event_file
from services.cli.backtest.grouping import Groups
from services.cli.backtest.spool import Spool
from services.cli.backtest.story import Kept, kept
from services.kit.bus import Bus
from services.kit.bus.everything import everything
from services.kit.errors import BadRecord
from services.trigger_engine import intake
from services.trigger_engine.journeys.definitions import Definitions
from services.trigger_engine.profiles.arrival import Arrival

_LENGTH = 4


class Refused(msgspec.Struct):
    """Records that could not be read, by reason, and those that name nobody."""

    reasons: dict[str, int] = {}
    nameless: int = 0


async def of_file(path: Path, definitions: Definitions) -> AsyncIterator[Arrival | str]:
    """The events of a file; a reason for each that cannot be read."""
    for _, event in event_file.events(path, definitions):
        yield event.reason if isinstance(event, BadRecord) else event


async def of_log(bus: Bus, topic: str, keys: tuple[str, ...], definitions: Definitions) -> AsyncIterator[Arrival | str]:
    """The events on a topic as it is now; a reason for each that cannot be read."""
    async for record in everything(bus, topic):
        received = datetime.fromtimestamp(record.timestamp / 1000, UTC)
        try:
            yield intake.decode(record, keys, definitions.schemas, received, definitions.region)
        except BadRecord as problem:
            yield problem.reason


async def group(
    events: AsyncIterator[Arrival | str], since: datetime, until: datetime, spool: Spool
) -> tuple[int, datetime | None, Refused]:
    """Spool events by customer: they wait in a file until all names are known."""
    groups, refused, number, last = Groups(), Refused(), 0, None
    encode, decode = msgspec.msgpack.Encoder().encode, msgspec.msgpack.Decoder(tuple[int, Kept]).decode
    with TemporaryFile() as waiting:
        async for event in events:
            if isinstance(event, str):
                refused.reasons[event] = refused.reasons.get(event, 0) + 1
            elif not event.identifiers:
                refused.nameless += 1
            elif since <= event.received < until:
                told = encode((groups.add(event.identifiers), kept(event, b"")))
                waiting.write(len(told).to_bytes(_LENGTH, "big") + told)
                number, last = number + 1, max(last or event.received, event.received)
        waiting.seek(0)
        while head := waiting.read(_LENGTH):
            name, one = decode(waiting.read(int.from_bytes(head, "big")))
            one.story = groups.find(name)
            spool.put(one)
    return number, last, refused
