"""What both routes share: the workspace in force at their beginning, the bus at their end."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from services.gateway.problems import bus_silent, unavailable
from services.gateway.published import Published
from services.gateway.records import Record
from services.kit.bus import Outgoing
from services.kit.errors import TryAgain
from services.kit.telemetry.metrics import EVENTS_PUBLISHED

if TYPE_CHECKING:
    from services.gateway.app import Gateway

NOTHING_PUBLISHED = "No workspace is published yet. Run wici apply."


def in_force(gateway: Gateway) -> Published:
    """The workspace that is published. HttpProblem 503 without one."""
    published = gateway.follower.published
    if published is None:
        raise unavailable(gateway.follower.problem or NOTHING_PUBLISHED)
    return published


async def publish(batch: list[Record], source: str, gateway: Gateway, letters: Sequence[Outgoing] = ()) -> None:
    """Return when the bus has acknowledged every record, and the dead letters beside them; count the records."""
    await send([*(record.outgoing for record in batch), *letters], source, gateway)
    EVENTS_PUBLISHED.labels(source, "accepted").inc(len(batch))


async def send(outgoing: list[Outgoing], source: str, gateway: Gateway) -> None:
    """Return when the bus has acknowledged all of it. HttpProblem 503 if it is silent."""
    try:
        await gateway.producer.publish(outgoing)
    except TryAgain as error:
        EVENTS_PUBLISHED.labels(source, "unavailable").inc(len(outgoing))
        raise bus_silent(error) from error
