"""Reading a topic as a command does: all of it, once, beside those who consume it."""

from __future__ import annotations

from collections.abc import AsyncIterator

from services.kit.bus import Bus, Record

_PAGE = 1_000


async def everything(bus: Bus, topic: str) -> AsyncIterator[Record]:
    """Every record of a topic, one partition after the other, each in order of its offsets."""
    for partition in range(await bus.partitions(topic)):
        position = 0
        while page := await bus.read(topic, partition, position, _PAGE):
            for record in page:
                yield record
            position = page[-1].offset + 1
