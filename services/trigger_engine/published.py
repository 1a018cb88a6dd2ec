"""What the engine says to the world: records for `wici.outcomes` and `wici.dead-letters`, published after commit."""

from __future__ import annotations

import base64
from collections.abc import Iterable
from datetime import datetime
from typing import Any, NamedTuple

import msgspec

from services.contracts import ids
from services.contracts.data import Data
from services.contracts.receipt import STATEMENT
from services.kit.bus import Outgoing, Record
from services.kit.bus.dead_letters import dead_letter
from services.kit.errors import BadRecord
from services.trigger_engine.journeys.reaction import Derived
from services.trigger_engine.profiles.arrival import Arrival
from services.trigger_engine.profiles.receipts import ReceiptRow, receipt_arrival
from services.trigger_engine.store.outcomes import Outcome

_NO_DATA = Data()
_NO_HEADERS = b"[]"


class Topics(NamedTuple):
    """The names of the topics here, prefix and all."""

    events: str
    outcomes: str
    dead_letters: str


def derived_arrival(one: Derived, now: datetime) -> Arrival:
    """A derived event as it is put on record, received `now`."""
    return Arrival(one.id, one.type, "wici", one.time, now, _NO_DATA, msgspec.json.encode(one.data), ())


def outcomes(derived: Iterable[Derived], receipts: Iterable[ReceiptRow], topics: Topics) -> list[Outcome]:
    """Derived events and receipts as CloudEvents, keyed by profile so that one customer's stay in order.

    A statement is none: what it changed is told by the events that follow from it.
    """
    found = [_outcome(topics.outcomes, d.profile_id, d.id, d.type, d.time, d.data) for d in derived]
    for receipt in receipts:
        if receipt.kind == STATEMENT:
            continue
        heard = receipt_arrival(receipt)
        found.append(_outcome(topics.outcomes, receipt.profile_id, heard.id, heard.type, heard.time, heard.fields))
    return found


def _outcome(
    topic: str, profile_id: bytes, identity: bytes, kind: str, time: datetime, data: dict[str, Any]
) -> Outcome:
    value = {
        "specversion": "1.0",
        "id": ids.text(identity),
        "source": "wici",
        "type": kind,
        "time": time,
        "wiciprofile": ids.text(profile_id),
        "datacontenttype": "application/json",
        "data": data,
    }
    return Outcome(topic, profile_id.hex().encode(), msgspec.json.encode(value), _NO_HEADERS)


def dead(record: Record, problem: BadRecord, at: datetime, topics: Topics) -> Outcome:
    """A record that cannot be processed, as the dead letter that it becomes once its batch is committed."""
    letter = dead_letter(record, problem, at, topics.dead_letters)
    headers = [(name, base64.b64encode(value).decode()) for name, value in letter.headers]
    return Outcome(letter.topic, letter.key, letter.value or b"", msgspec.json.encode(headers))


def outgoing(outcome: Outcome) -> Outgoing:
    """The record to publish."""
    headers = [(name, base64.b64decode(value)) for name, value in msgspec.json.decode(outcome.headers)]
    return Outgoing(outcome.topic, outcome.key, outcome.value, tuple(headers))
