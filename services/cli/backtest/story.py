"""What is told of one customer again: the events as they came, and what was heard of messages."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

import msgspec

from services.contracts.stamp import Voucher
from services.trigger_engine.intake import decoder
from services.trigger_engine.profiles.arrival import Arrival
from services.trigger_engine.profiles.state import Identifier


class Kept(msgspec.Struct, array_like=True, gc=False):
    """An event on disk: an Arrival whose data is still JSON. `story` tells whose it is."""

    story: bytes
    id: bytes
    type: str
    source: str
    time: datetime
    received: datetime
    raw: bytes
    identifiers: tuple[Identifier, ...]
    order: tuple[int, int] = (0, 0)
    scope: Voucher = "server"


class Heard(msgspec.Struct, array_like=True, gc=False):
    """What was heard of a message, which may be said again under the same send key."""

    story: bytes
    send_key: bytes
    kind: str
    at: datetime


class Story(msgspec.Struct):
    """One customer's events in the order in which they were received, and what was heard of messages, by time."""

    key: bytes
    events: list[Arrival] = []
    heard: list[Heard] = []

    @property
    def name(self) -> str:
        """What the shop calls the customer: the strongest name that was given."""
        names = [(rank, name.value) for event in self.events for rank, name in enumerate(event.identifiers)]
        return min(names, default=(0, self.key.hex()))[1]


def kept(event: Arrival, story: bytes) -> Kept:
    """An event as it goes to disk."""
    return Kept(
        story, event.id, event.type, event.source, event.time, event.received, event.raw, event.identifiers,
        event.order, event.scope,
    )  # fmt: skip


def stories(events: list[Kept], heard: list[Heard]) -> Iterator[Story]:
    """The customers of a bucket, by key."""
    found: dict[bytes, Story] = {}
    for event in sorted(events, key=lambda one: (one.received, one.order, one.id)):
        story = found.setdefault(event.story, Story(event.story))
        story.events.append(
            Arrival(
                id=event.id, type=event.type, source=event.source, time=event.time, received=event.received,
                data=decoder(event.type).decode(event.raw), raw=event.raw, identifiers=event.identifiers,
                order=event.order, scope=event.scope,
            )
        )  # fmt: skip
    for one in sorted(heard, key=lambda one: (one.at, one.send_key, one.kind)):
        if one.story in found:
            found[one.story].heard.append(one)
    return iter(sorted(found.values(), key=lambda story: story.key))
