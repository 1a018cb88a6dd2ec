"""A record of `wici.events` made an Arrival, or a named reason why it cannot be one."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import UTC, datetime, timedelta

import msgspec

from services.contracts import ids, stamp
from services.contracts.data import DATA_TYPES, MAX_ID, Data
from services.contracts.event import ACCEPTED_TYPES, ENGINE_TYPES, MAX_EVENT_BYTES, MAX_HOPS, RECEIPT_TYPES, Event
from services.kit.bus import Record
from services.kit.errors import BadRecord
from services.trigger_engine.profiles.arrival import Arrival
from services.trigger_engine.profiles.identifiers import identify

_EVENT = msgspec.json.Decoder(Event)
_DATA: dict[str, msgspec.json.Decoder[Data]] = {kind: msgspec.json.Decoder(data) for kind, data in DATA_TYPES.items()}
_PLAIN = msgspec.json.Decoder(Data)
_AHEAD = timedelta(days=1)
EARLIEST, LATEST = 1970, 2100  # years


def decode(record: Record, keys: Sequence[str], own_types: Collection[str], now: datetime, region: str = "") -> Arrival:
    """The event of a record. `keys` are those of the gateway's stamp, `own_types` the shop's own event types.

    `region` is the shop's country (ISO 3166-1), for phones that name none.

    Raises BadRecord with a reason of its own for each way in which a record can be wrong.
    """
    if record.value is None or len(record.value) > MAX_EVENT_BYTES:
        raise BadRecord("size", f"The record's value must be a CloudEvent of 1 to {MAX_EVENT_BYTES} bytes")
    voucher = _stamp(record, record.value, keys)
    order = (record.partition, record.offset)
    return read(record.value, voucher, own_types, now, region, received=_received(record, now), order=order)


def read(
    value: bytes,
    voucher: stamp.Stamp | None,
    own_types: Collection[str],
    now: datetime,
    region: str = "",
    *,
    received: datetime,
    order: tuple[int, int] = (0, 0),
) -> Arrival:
    """The event of a record's value, under the stamp that the gateway has given it; None: another producer wrote it.

    Raises BadRecord as `decode` does.
    """
    if (b"\\" in value and b"\\u0000" in value) or b"\x00" in value:  # one byte is found far faster than six
        raise BadRecord("nul", "The record holds a NUL character; leave it out")
    try:
        event = _EVENT.decode(value)
        data = decoder(event.type).decode(event.data)
    except (msgspec.DecodeError, UnicodeError, RecursionError, ValueError) as error:
        raise BadRecord("not_readable", f"Not a readable CloudEvent 1.0 in JSON: {error}") from error
    scope: stamp.Voucher = "server"
    if voucher is None:
        identity, source = ids.kafka_event(event.source, event.id), event.source
    else:
        identity, source, scope = voucher
    _check(event, data, own_types, ours=scope == "wici")
    time = event.time or received
    if time > received and time > max(received, now) + _AHEAD:
        time = received
    return Arrival(
        id=identity,
        type=event.type,
        source=source,
        time=time,
        received=received,
        data=data,
        raw=bytes(event.data),
        identifiers=identify(source, event.subject, data, trusted=scope != "browser", region=region),
        order=order,
        scope=scope,
        hops=event.wicihops,
    )


def _received(record: Record, now: datetime) -> datetime:
    """When the log took it; a producer sets that itself (Kafka's CreateTime), so a moment to come is not believed."""
    try:
        said = datetime.fromtimestamp(record.timestamp / 1000, UTC)
    except (ValueError, OverflowError, OSError):
        return now
    return said if said.year >= EARLIEST and (said <= now or said <= now + _AHEAD) else now


def decoder(event_type: str) -> msgspec.json.Decoder[Data]:
    """How the data of an event of this type is read."""
    return _DATA.get(event_type, _PLAIN)


def _check(event: Event, data: Data, own_types: Collection[str], *, ours: bool) -> None:
    if event.specversion != "1.0":
        raise BadRecord("specversion", f'specversion is {event.specversion!r}; write "1.0"')
    if not 0 < len(event.id) <= MAX_ID or not 0 < len(event.source) <= MAX_ID:
        raise BadRecord("id", f"id and source must have 1 to {MAX_ID} characters")
    if event.type not in ACCEPTED_TYPES and event.type not in own_types and not (ours and event.type in ENGINE_TYPES):
        if event.type in ENGINE_TYPES or event.type in RECEIPT_TYPES:
            raise BadRecord("engine_type", f"Events of type {event.type} are made by wici alone")
        raise BadRecord("unknown_type", f"No schema for type {event.type}; add events/{event.type}.schema.json")
    if event.time is not None and (event.time.tzinfo is None or not EARLIEST <= event.time.year <= LATEST):
        raise BadRecord("time", f"time must be RFC 3339 with a zone, from {EARLIEST} to {LATEST}")
    if event.wicihops > MAX_HOPS:
        raise BadRecord("hops", f"The event has come round {event.wicihops} times; something sends outcomes back")
    if event.subject and len(event.subject) > MAX_ID:
        raise BadRecord("subject", f"subject must have at most {MAX_ID} characters")
    customer = data.customer
    if event.subject and customer is not None and customer.id and customer.id != event.subject:
        raise BadRecord("subject", "subject and data.customer.id differ; they must be the same customer id")


def _stamp(record: Record, value: bytes, keys: Sequence[str]) -> stamp.Stamp | None:
    for name, header in record.headers:
        if name == stamp.HEADER:
            found = stamp.read(header, value, keys)
            if found is None:
                raise BadRecord("stamp", f"The header {stamp.HEADER} was not made by this gateway for these bytes")
            return found
    return None
