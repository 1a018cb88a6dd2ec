"""The whole route of this service: a request in, records on `wici.events` out, then the answer.

    who is it? → read the body → split it into events → check each → publish all → 202

Every step raises HttpProblem to answer otherwise; then nothing is published.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from services.contracts import ids
from services.gateway import cloudevents, records
from services.gateway.keys import authenticate
from services.gateway.limits import read_body
from services.gateway.problems import MAX_FAULTS, Fault, Listed, bus_silent, of_faults, unavailable
from services.gateway.published import Published
from services.gateway.reading import named
from services.gateway.records import Arrival, Destination, Record
from services.gateway.validation import check
from services.kit.errors import TryAgain
from services.kit.telemetry import trace
from services.kit.telemetry.metrics import EVENTS_PUBLISHED

if TYPE_CHECKING:
    from starlette.requests import Request

    from services.gateway.app import Gateway

NOTHING_PUBLISHED = "No workspace is published yet. Run wici apply."


async def accept(request: Request, gateway: Gateway) -> list[str]:
    """Take the events of one request, all or none. Returns their ids once the bus has stored them."""
    published = gateway.follower.published
    if published is None:
        raise unavailable(gateway.follower.problem or NOTHING_PUBLISHED)
    grant = authenticate(published.keys, request.headers.get("authorization"))
    body = await read_body(request)
    arrival = Arrival(grant, gateway.clock.now(), request.headers.get(trace.HEADER))
    batch = checked(cloudevents.split(request.headers, body), arrival, published, gateway.destination)
    await publish(batch, grant.source, gateway)
    return [ids.text(record.id) for record in batch]


def checked(events: list[bytes], arrival: Arrival, published: Published, destination: Destination) -> list[Record]:
    """Every event's record, or one problem that lists what is wrong with which."""
    batch: list[Record] = []
    faults: list[Listed] = []
    for index, raw in enumerate(events):
        try:
            event = check(raw, arrival.grant.scope, published.own_types)
        except Fault as fault:
            faults.append(Listed(index, named(raw), fault))
            if len(faults) == MAX_FAULTS:
                break
        else:
            batch.append(records.make(raw, event, arrival, destination))
    if faults:
        EVENTS_PUBLISHED.labels(arrival.grant.source, "refused").inc(len(events))
        raise of_faults(faults, len(events))
    return batch


async def publish(batch: list[Record], source: str, gateway: Gateway) -> None:
    """Return when the bus has acknowledged every record."""
    try:
        await gateway.producer.publish([record.outgoing for record in batch])
    except TryAgain as error:
        EVENTS_PUBLISHED.labels(source, "unavailable").inc(len(batch))
        raise bus_silent(error) from error
    EVENTS_PUBLISHED.labels(source, "accepted").inc(len(batch))
