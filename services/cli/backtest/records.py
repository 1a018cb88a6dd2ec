"""A history of records: a file of CloudEvents, one JSON object a line, or the events topic itself."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryFile

import msgspec

from services.cli.backtest.grouping import Groups
from services.cli.backtest.spool import Spool
from services.cli.backtest.story import Kept, kept
from services.contracts.event import Event
from services.kit.bus import Bus
from services.kit.errors import BadRecord, Misconfigured
from services.trigger_engine import intake
from services.trigger_engine.journeys.definitions import Definitions
from services.trigger_engine.profiles.arrival import Arrival

_PAGE = 1_000
_LENGTH = 4


class Refused(msgspec.Struct):
    """Records that could not be read, by reason, and those that name nobody."""

    reasons: dict[str, int] = {}
    nameless: int = 0


async def of_file(path: Path, definitions: Definitions) -> AsyncIterator[Arrival | str]:
    """The events of a file, received when they say they happened; a reason for each that cannot be read.

    Misconfigured with the line's number where a line is no JSON object, or has no time.
    """
    with path.open("rb") as file:
        for number, line in enumerate(file):
            if not line.strip():
                continue
            try:
                said = msgspec.json.decode(line, type=Event)
            except msgspec.DecodeError as error:
                raise Misconfigured(f"{path}:{number + 1} is no CloudEvent in JSON: {error}") from error
            if said.time is None:
                raise Misconfigured(f"{path}:{number + 1} has no time; write when it happened (RFC 3339)")
            try:
                yield intake.read(
                    line, None, definitions.schemas, said.time, definitions.region, received=said.time,
                    order=(0, number),
                )  # fmt: skip
            except BadRecord as problem:
                yield problem.reason


async def of_log(bus: Bus, topic: str, keys: tuple[str, ...], definitions: Definitions) -> AsyncIterator[Arrival | str]:
    """The events on a topic as it is now; a reason for each that cannot be read."""
    for partition in range(await bus.partitions(topic)):
        offset = 0
        while records := await bus.read(topic, partition, offset, _PAGE):
            offset = records[-1].offset + 1
            for record in records:
                received = datetime.fromtimestamp(record.timestamp / 1000).astimezone()
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
