"""Every id that wici computes, spelled once.

All are version-5 UUIDs (RFC 9562 §5.5) over named parts, as 16 bytes: the hot paths, the driver and COPY want bytes.
They are promises to other systems and to rows already stored: tests/unit/test_ids.py holds golden values for ever.
"""

from __future__ import annotations

import uuid
from hashlib import sha1

_ROOT = uuid.uuid5(uuid.NAMESPACE_DNS, "wici").bytes
_SEPARATOR = "\x1f"
_KEPT, _MARKS = ~(0xF << 76 | 0x3 << 62), 0x5 << 76 | 0x2 << 62  # version 5; the variant of RFC 9562, in binary 10
_BASE = sha1(_ROOT, usedforsecurity=False)  # to copy: of so short a name, making a hash is half the work


def uuid5(*parts: str) -> bytes:
    """Version-5 UUID over `parts`, joined so that no two lists of parts give the same name. Returns 16 bytes."""
    name = _SEPARATOR.join(parts)
    if name.count(_SEPARATOR) != len(parts) - 1 or "\\" in name:
        name = _SEPARATOR.join(p.replace("\\", "\\\\").replace(_SEPARATOR, "\\x1f") for p in parts)
    hashed = _BASE.copy()
    hashed.update(name.encode("utf-8", "surrogatepass"))
    return (int.from_bytes(hashed.digest()[:16]) & _KEPT | _MARKS).to_bytes(16)


def text(value: bytes) -> str:
    """The usual written form of a 16-byte id, for logs, URLs and JSON."""
    return str(uuid.UUID(bytes=value))


def parse(value: str) -> bytes:
    """16 bytes from a written UUID. ValueError if it is none."""
    return uuid.UUID(value).bytes


def http_event(source_name: str, ce_source: str, ce_id: str) -> bytes:
    """A CloudEvent that came over HTTP under a key of `source_name`; (source, id) is CloudEvents' dedupe key."""
    return uuid5("event", source_name, ce_source, ce_id)


def kafka_event(ce_source: str, ce_id: str) -> bytes:
    """A record that another producer wrote to `wici.events`."""
    return uuid5("kafka", ce_source, ce_id)


def transition(source_name: str, event_type: str, resource: str) -> bytes:
    """What happens to a storefront's resource once: one `order.paid` per order, however often and late it is told."""
    return uuid5("transition", source_name, event_type, resource)


def update(source_name: str, event_type: str, resource: str, revision: str) -> bytes:
    """A state of a storefront's resource: `revision` is when it changed (ISO 8601 in UTC), else the body's SHA-256."""
    return uuid5("update", source_name, event_type, resource, revision)


def topic_fact(source_name: str, topic: str, identity: str) -> bytes:
    """A record of the shop's own topic that names its fact itself, however often and wherever it stands there."""
    return uuid5("topic-fact", source_name, topic, identity)


def topic_place(source_name: str, topic_id: str, place: str) -> bytes:
    """A record of the shop's own topic that has no name but its place, `partition/offset`, in the topic of this id."""
    return uuid5("topic-place", source_name, topic_id, place)


def derived_event(kind: str, profile: bytes, business_key: str) -> bytes:
    """A fact that wici derived: unique per profile and business key, whatever caused it and however often."""
    return uuid5("derived", kind, profile.hex(), business_key)


def fan_out(kind: str, cause: bytes) -> bytes:
    """An effect on many customers: what it is, and the event that has it."""
    return uuid5("fan-out", kind, cause.hex())


def fanned_out(fan_out_id: bytes, profile_id: bytes) -> bytes:
    """What a fan-out says to one customer, however often it is worked off."""
    return uuid5("fanned-out", fan_out_id.hex(), profile_id.hex())


def campaign(journey: str, occurrence: str) -> bytes:
    """What a scheduled journey says to many, at one of its times: the cause of its fan-outs."""
    return uuid5("campaign", journey, occurrence)


def alarm(kind: str, profile: bytes) -> bytes:
    """The id of a profile's one timer of a kind, such as that of `cart.abandoned`."""
    return uuid5("timer", kind, profile.hex())


def profile(event: bytes, ordinal: int) -> bytes:
    """A new profile, made by the event that first named one of its identifiers."""
    return uuid5("profile", event.hex(), str(ordinal))


def entry(journey: str, event: bytes) -> bytes:
    """One enrolment: this journey, entered by this event. Neither profile nor version is part of it."""
    return uuid5("entry", journey, event.hex())


def started(entry_id: bytes, step: str) -> bytes:
    """What stands for the event where a step starts another journey: this entry, this step."""
    return uuid5("start", entry_id.hex(), step)


def send_key(entry_id: bytes, step: str, slot: str) -> bytes:
    """One message: this entry, this step, this channel slot. Survives merge, upgrade and failover."""
    return uuid5("send", entry_id.hex(), step, slot)


def bought(order_id: str) -> bytes:
    """What a customer's order is called where it reaches goals: the same for every event about it and every journey."""
    return uuid5("bought", order_id)


def chance(salt: str, profile_id: bytes) -> float:
    """A customer's lot in a draw, 0 up to 100: the same for ever, and unrelated to that in another draw."""
    return int.from_bytes(uuid5("chance", salt, profile_id.hex())[:4]) / 2**32 * 100


def trial(journey: str, revision: int, step: str, occurrence: str) -> bytes:
    """What a split tries out: in this revision, at this step, at this time of a schedule (else empty)."""
    return uuid5("trial", journey, str(revision), step, occurrence)


def attempt(first_send_key: bytes, ordinal: int) -> bytes:
    """One provider call: the idempotency key that a repeat carries again."""
    return uuid5("attempt", first_send_key.hex(), str(ordinal))


def stated(send_key: bytes, statement: str, line: str) -> bytes:
    """`consent.changed` as a customer stated it on a page that this message led to: for one state of one channel."""
    return uuid5("stated", send_key.hex(), statement, line)


def callback(account: str, dedupe: str) -> bytes:
    """One status that a provider reported under its own dedupe id."""
    return uuid5("callback", account, dedupe)


def outcome(kind: str, *parts: str) -> bytes:
    """A record on `wici.outcomes`, published at least once: readers drop repeats by this id."""
    return uuid5("outcome", kind, *parts)
