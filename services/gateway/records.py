"""From a checked event to the record on `wici.events`: key, value and headers."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple

import msgspec

from services.contracts import stamp
from services.contracts.record_key import record_key
from services.gateway.keys import Grant
from services.gateway.validation import Checked
from services.kit.bus import Outgoing
from services.kit.telemetry import trace


class Arrival(NamedTuple):
    """What all events of one request share: its key, when it came (real time), and its `traceparent` header."""

    grant: Grant
    at: datetime
    trace: str | None


class Destination(NamedTuple):
    """The topic as this installation calls it, and WICI_SECRET_KEY, newest first."""

    topic: str
    secret_keys: Sequence[str]


class Record(NamedTuple):
    """An event's id (16 bytes), and what is written."""

    id: bytes
    outgoing: Outgoing


def make(raw: bytes, event: Checked, identity: bytes, arrival: Arrival, destination: Destination) -> Record:
    """The record of one event. Without `time` it gets the arrival's; `data` is not encoded anew."""
    grant = arrival.grant
    topic, secret_keys = destination
    changes: dict[str, Any] = event.changes
    if not event.has_time:
        changes = changes | {"time": arrival.at}
    value = _rewritten(raw, changes) if changes else raw
    headers = (
        (stamp.HEADER, stamp.make(stamp.Stamp(identity, grant.source, grant.scope), value, secret_keys)),
        (trace.HEADER, trace.text(trace.parse(event.traceparent or arrival.trace) or trace.start()).encode()),
    )
    key = record_key(event.subject, event.email, event.anonymous_id, identity, secret_keys[0])
    return Record(identity, Outgoing(topic, key, value, headers))


def _rewritten(raw: bytes, changes: dict[str, Any]) -> bytes:
    members: dict[str, Any] = msgspec.json.decode(raw, type=dict[str, msgspec.Raw])
    members |= changes
    return msgspec.json.encode({name: value for name, value in members.items() if value is not None})
