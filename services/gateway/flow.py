"""The whole route of this service: a request in, records on `wici.events` out, then the answer.

    an API call:  who is it? → read the body → split it into events → check each → publish all → 202
    a webhook:    read the body → is it signed? → translate it into events → check each → publish all → 202
    a Segment call: who is it? → read the body → translate each message, check it → publish all → 200

Every step raises HttpProblem to answer otherwise; then nothing is published. A signed webhook that cannot be translated
becomes a dead letter.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from services.contracts import ids
from services.gateway import cloudevents, records, webhooks
from services.gateway.keys import authenticate, granted
from services.gateway.limits import read_body
from services.gateway.problems import MAX_FAULTS, Fault, Listed, of_faults
from services.gateway.published import Published
from services.gateway.publishing import in_force, publish, send
from services.gateway.reading import named
from services.gateway.records import Arrival, Destination, Record
from services.gateway.segment import calls
from services.gateway.segment.taking import Taken, take
from services.gateway.validation import check
from services.kit.api_keys import key_of
from services.kit.errors import BadRecord
from services.kit.telemetry import trace
from services.kit.telemetry.metrics import EVENTS_PUBLISHED

if TYPE_CHECKING:
    from starlette.requests import Request

    from services.gateway.app import Gateway


async def accept(request: Request, gateway: Gateway) -> list[str]:
    """Take the events of one request, all or none. Returns their ids once the bus has stored them."""
    published = in_force(gateway)
    grant = authenticate(published.keys, request.headers.get("authorization"))
    body = await read_body(request)
    arrival = Arrival(grant, gateway.clock.now(), request.headers.get(trace.HEADER))
    batch = checked(cloudevents.split(request.headers, body), arrival, published, gateway.destination)
    await publish(batch, grant.source, gateway)
    return [ids.text(record.id) for record in batch]


async def hear(request: Request, gateway: Gateway) -> webhooks.Answer | None:
    """Take a storefront's webhook. None for the test of an address, which says nothing."""
    connected = webhooks.connected_source(in_force(gateway), request.path_params["source"])
    delivery = await webhooks.delivered(request, connected)
    if delivery is None or webhooks.is_test(delivery):
        return None
    ignored = connected.storefront.ignored.get(connected.storefront.topic(delivery), "")
    if ignored:
        EVENTS_PUBLISHED.labels(connected.source, "ignored").inc()
        return webhooks.Answer([], ignored)
    now = gateway.clock.now()
    try:
        batch = webhooks.written(delivery, connected, now, gateway.destination)
    except BadRecord as problem:
        letter = webhooks.letter(delivery, connected.source, problem, now, gateway.dead_letters)
        await send([letter], connected.source, gateway)
        return webhooks.Answer([])
    await publish(batch, connected.source, gateway)
    return webhooks.Answer([ids.text(record.id) for record in batch])


async def track(request: Request, kind: str, gateway: Gateway) -> Taken:
    """Take a call of a Segment client: all that can be understood of a batch, or the one message."""
    published = in_force(gateway)
    key = key_of(request.headers.get("authorization"))
    grant = None if key is None else granted(published.keys, key)
    call = calls.opened(kind, await read_body(request, gzip=True))
    grant = grant or granted(published.keys, call.key)
    arrival = Arrival(grant, gateway.clock.now(), request.headers.get(trace.HEADER))
    taken = take(call, arrival, published.words, gateway.destination, gateway.dead_letters)
    await publish(taken.events, grant.source, gateway, taken.letters)
    return taken


def checked(events: list[bytes], arrival: Arrival, published: Published, destination: Destination) -> list[Record]:
    """Every event's record, or one problem that lists what is wrong with which."""
    batch: list[Record] = []
    faults: list[Listed] = []
    for index, raw in enumerate(events):
        try:
            event = check(raw, arrival.grant.scope, published.words.own_types)
        except Fault as fault:
            faults.append(Listed(index, named(raw), fault))
            if len(faults) == MAX_FAULTS:
                break
        else:
            identity = ids.http_event(arrival.grant.namespace, event.source, event.id)
            batch.append(records.make(raw, event, identity, arrival, destination))
    if faults:
        EVENTS_PUBLISHED.labels(arrival.grant.source, "refused").inc(len(events))
        raise of_faults(faults, len(events))
    return batch
