"""A record of the shop's own topic in our words, as wici.yaml maps it. Pure: a record in, an event or BadRecord out."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, NamedTuple

import msgspec

from services.contracts import ids
from services.contracts.event import ACCEPTED_TYPES, KNOWN_TYPES
from services.contracts.settings import Shop, Source
from services.gateway.problems import Fault
from services.gateway.published import Vocabulary
from services.gateway.reading import UNREADABLE, read, why_unreadable
from services.gateway.storefronts.base import Payload
from services.gateway.storefronts.payload import compact
from services.gateway.storefronts.places import find, owner, placed
from services.gateway.validation import Checked, check
from services.kit.bus import Record
from services.kit.errors import BadRecord

STOREFRONT = "kafka"
_MILLISECONDS = 10_000_000_000  # numbers from here on are milliseconds since 1970, below it seconds
_PRICED = ("order", "cart", "product")


class TopicSource(msgspec.Struct, frozen=True):
    """How a source reads its topic. Each text but `topic`, `bootstrap` and `event` is a path in the record's JSON.

    What a record is, `event` says for all of them, or the value at `type`, by the table `types` where there is one.
    `data` is an object in our words already; `items` are the lines of an order or cart, `at` the list.
    """

    topic: str
    bootstrap: str = ""
    event: str | None = None
    type: str | None = None
    types: dict[str, str] = {}
    id: str | None = None
    time: str | None = None
    data: str | None = None
    items: dict[str, str] = {}


class Reading(NamedTuple):
    """A source as it is read: its name, its mapping and `map:`, and the words of the published workspace."""

    source: str
    topic: TopicSource
    places: dict[str, str]
    words: Vocabulary


class Event(NamedTuple):
    """One event: its id (16 bytes), its JSON, and what was found in it."""

    id: bytes
    raw: bytes
    checked: Checked


def topic_source(source: Source) -> TopicSource:
    """The mapping that wici.yaml gives."""
    return msgspec.convert(source.options, TopicSource)


def event(record: Record, reading: Reading, topic_id: str) -> Event | None:
    """What a record says; None where that is nothing here. `topic_id` is that of the topic it stands in.

    BadRecord: `record_unreadable` for what is no JSON object, `record_untranslatable` for what the mapping makes no
    event of.
    """
    if record.value is None:
        return None  # the key is gone: a topic that keeps the newest value of each key says so
    payload = _payload(record.value)
    event_type = _type(payload, reading)
    if event_type is None:
        return None
    said = find(payload, reading.topic.id) if reading.topic.id else None
    place = f"{record.partition}/{record.offset}"
    identity = (
        ids.topic_fact(reading.source, record.topic, said) if said else ids.topic_place(reading.source, topic_id, place)
    )
    members = {
        "specversion": "1.0",
        "id": said or place,
        "source": record.topic,
        "type": event_type,
        "time": _time(payload, record, reading.topic),
        "data": _data(payload, event_type, reading),
    }
    return _checked(identity, members, reading)


def _payload(value: bytes) -> Payload:
    try:
        return read(value, "record")
    except Fault as fault:
        raise BadRecord("record_unreadable", fault.error) from None


def _type(payload: Payload, reading: Reading) -> str | None:
    """The event's type; None for a kind of record that the table does not name."""
    topic = reading.topic
    if topic.type is None:
        return topic.event
    said = find(payload, topic.type)
    if said is None:
        raise _untranslatable(f"`{topic.type}` is not there, and says what the record is.")
    if topic.types:
        return topic.types.get(said)
    if said not in ACCEPTED_TYPES and said not in reading.words.own_types:
        raise _untranslatable(f"`{topic.type}` is {said[:64]!r}, which is no type of event. Write a table `types`.")
    return said


def _time(payload: Payload, record: Record, topic: TopicSource) -> datetime:
    said = find(payload, topic.time) if topic.time else None
    try:
        if said is None:
            return datetime.fromtimestamp(record.timestamp / 1000, UTC)
        if said.replace(".", "", 1).isdigit():
            number = float(said)
            return datetime.fromtimestamp(number / 1000 if number >= _MILLISECONDS else number, UTC)
        at = datetime.fromisoformat(said)
    except (ValueError, OverflowError, OSError):
        raise _untranslatable(f"`{topic.time or 'timestamp'}` is no time.") from None
    return at.replace(tzinfo=UTC) if at.tzinfo is None else at


def _data(payload: Payload, event_type: str, reading: Reading) -> dict[str, Any]:
    topic, places = reading.topic, reading.places
    data = dict(_object(payload, topic.data)) if topic.data else {}
    if not topic.data and event_type not in KNOWN_TYPES:
        data = dict(payload)  # the shop's own type: its schema is about what the topic holds
    for word, place in places.items():
        if find(payload, place) is not None:
            data.setdefault(owner(word), {})
    data = placed(data, payload, places)
    if topic.items:
        lines = _lines(payload, topic.items)
        for name in ("order", "cart"):
            if name in data:
                data[name] = data[name] | {"items": lines}
    return {name: _priced(name, value, reading.words.settings.shop) for name, value in data.items()}


def _priced(name: str, value: Any, shop: Shop) -> Any:
    if name not in _PRICED or not isinstance(value, dict) or value.get("currency"):
        return value
    return value | {"currency": shop.currency}


def _object(payload: Payload, path: str) -> Payload:
    found = _at(payload, path)
    if not isinstance(found, dict):
        raise _untranslatable(f"`{path}` is no object.")
    return found


def _lines(payload: Payload, items: dict[str, str]) -> list[dict[str, Any]]:
    found = _at(payload, items["at"])
    if found is None:
        return []
    if not (isinstance(found, list) and all(isinstance(line, dict) for line in found)):
        raise _untranslatable(f"`{items['at']}` is no list of objects.")
    return [_line(line, items) for line in found]


def _line(line: Payload, items: dict[str, str]) -> dict[str, Any]:
    said: dict[str, Any] = {name: find(line, path) for name, path in items.items() if name != "at"}
    quantity = said.get("quantity")
    if quantity is not None:
        try:
            said["quantity"] = float(quantity)
        except ValueError:
            raise _untranslatable(f"`{items['quantity']}` of a line is no number.") from None
    return compact(**said)


def _at(payload: Any, path: str) -> Any:
    for name in path.split("."):
        payload = payload.get(name) if isinstance(payload, dict) else None
    return payload


def _checked(identity: bytes, members: dict[str, Any], reading: Reading) -> Event:
    try:
        raw = msgspec.json.encode(members)
        return Event(identity, raw, check(raw, "server", reading.words.own_types))
    except Fault as fault:
        raise _untranslatable(f"{members['type']}: {fault.error}") from None
    except UNREADABLE as error:
        raise BadRecord("record_unreadable", f"The record holds no valid text: {why_unreadable(error)}") from None


def _untranslatable(message: str) -> BadRecord:
    return BadRecord("record_untranslatable", message)
