"""A profile's state: one narrow row, MessagePack in `engine.profiles.state`, holding facts and live entries.

Everything that a decision needs is in this one value, so that a batch reads each customer once. Instances are mutable
and belong to one transaction; whoever catches an error half-way throws them away.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, NamedTuple

import msgspec

from services.contracts.message import Channel, MessageClass


class Identifier(NamedTuple):
    """One name that a customer goes by. `source` is empty where the value means the same everywhere."""

    kind: str  # customer, email, phone, anonymous, cart, order
    source: str
    value: str


class Fact(msgspec.Struct, array_like=True, gc=False):
    """A value and the source time at which it was true; the later one wins."""

    value: Any
    at: datetime


class Consent(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """Consent for a channel or one of its topics: `state` since `at`, and what it follows from.

    `flagged` is when a flag said subscribed, `given` when the customer said so, `withdrawn` when it was withdrawn:
    each the latest known, so that no order of arrival changes the state.
    """

    state: str
    at: datetime
    flagged: datetime | None = None
    given: datetime | None = None
    withdrawn: datetime | None = None


class Seen(msgspec.Struct, array_like=True, gc=False):
    """First and last source time of one event type."""

    first: datetime
    last: datetime


class Tally(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """How often something was met, and when last."""

    number: int
    last: datetime


class Member(msgspec.Struct, array_like=True, gc=False):
    """Membership of a segment since `since`; `ending` is since when its condition has not held. `tag` goes with it."""

    since: datetime
    tag: str | None = None
    ending: datetime | None = None


class Booked(msgspec.Struct, array_like=True, gc=False, omit_defaults=True):
    """One order as far as sums need it; `at` is the source time of the last word about it.

    Amounts are ten-thousandths; `paid` is without shipping. `refunds` are amounts by the refund's id.
    """

    at: datetime
    placed_at: datetime | None = None
    total: int = 0
    paid_at: datetime | None = None
    paid: int = 0
    currency: str = ""
    shipping: int = 0
    cancelled: bool = False
    refunds: dict[str, int] = msgspec.field(default_factory=dict)


class Cart(msgspec.Struct, array_like=True, gc=False):
    """The cart now. `changed_at` is its own word for its last change."""

    id: str
    changed_at: datetime
    data: dict[str, Any]
    source: str


class Checkout(msgspec.Struct, array_like=True, gc=False):
    """The last step of the last checkout, with that event's data; `cart_id` may be empty."""

    cart_id: str
    at: datetime
    data: dict[str, Any]


class Looked(msgspec.Struct, array_like=True, gc=False):
    """When a product or category was looked at, ascending, and what the last look said of it."""

    times: list[datetime]
    data: dict[str, Any]


class Unsettled(msgspec.Struct, array_like=True, gc=False):
    """An order that is to be paid: when it was placed, its key in the ledger, its data."""

    placed_at: datetime
    key: bytes
    order: dict[str, Any]


class Alarm(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """A moment at which something follows from time alone; only the firing of this generation counts."""

    due: datetime
    generation: int


class Sent(msgspec.Struct, array_like=True, gc=False):
    """A message that was queued `at` and counts under a cap; `left` once it is known to have left."""

    key: bytes
    at: datetime
    channel: Channel
    klass: MessageClass
    topic: str | None = None
    left: bool = False


class Tried(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """The way of a trial that an entry went, and when; until it has told."""

    trial: bytes
    arm: str
    at: datetime


class Entry(msgspec.Struct, array_like=True):
    """One enrolment that is live, or has ended and may still be exited or reach its goal until `until`.

    `event` keeps those fields of the entering event that later steps, exits and goals read. What happened before
    `since`, in source time, neither exits it nor reaches its goal. `heard` has a bit for each rule of the `wait_for`
    where it stands that was fulfilled; `held` tells whether a holdout kept it silent, None where there was none to;
    `started` whether another journey has started it, so that its event is not the journey's own; `waiting` since when
    policies make it wait at a step that will be decided again; `moved` whether it has come from another revision;
    `tried` are the trials that it takes part in, by step.
    """

    id: bytes
    journey: str
    revision: int
    key: str
    entered_at: datetime
    event_type: str
    event: dict[str, Any]
    since: datetime
    step: str = ""
    wake: datetime | None = None
    generation: int = 0
    until: datetime | None = None
    goal: bool = False
    heard: int = 0
    held: bool | None = None
    started: bool = False
    waiting: datetime | None = None
    moved: bool = False
    tried: dict[str, Tried] | None = None


class Profile(msgspec.Struct, omit_defaults=True):
    """One customer. Sums of money are whole ten-thousandths, so that no order of events changes them; times are UTC.

    `stated` holds the business keys of facts that the shop or wici has stated; `alarms` what wakes by kind, of
    `alarms_set` that were ever set; `formerly` the ids of profiles that became this one; `arms` the ways of splits and
    holdouts that the customer went first, and goes ever after; `sent` the messages that caps count, oldest first.
    """

    id: bytes
    created_at: datetime
    version: int = 0
    identifiers: dict[Identifier, int] = msgspec.field(default_factory=dict)  # since when, in seconds of Unix time
    facts: dict[str, Fact] = msgspec.field(default_factory=dict)
    consents: dict[str, Consent] = msgspec.field(default_factory=dict)
    seen: dict[str, Seen] = msgspec.field(default_factory=dict)
    orders: int = 0
    spent: dict[str, int] = msgspec.field(default_factory=dict)
    paid: dict[str, int] = msgspec.field(default_factory=dict)
    ledger: dict[bytes, Booked] = msgspec.field(default_factory=dict)  # the last orders one by one (orders.py)
    days: dict[str, dict[int, int]] = msgspec.field(default_factory=dict)  # numbers over windows (windows.py)
    tallies: dict[str, dict[str, Tally]] = msgspec.field(default_factory=dict)  # interests.py
    viewed: dict[str, Fact] = msgspec.field(default_factory=dict)  # interests.py
    segments: dict[str, Member] = msgspec.field(default_factory=dict)
    segments_changed: int = 0
    stated: dict[str, datetime] = msgspec.field(default_factory=dict)
    cart: Cart | None = None
    filled: str = ""
    checkout: Checkout | None = None
    looked: dict[str, Looked] = msgspec.field(default_factory=dict)
    unpaid: dict[str, Unsettled] = msgspec.field(default_factory=dict)
    bought: dict[str, datetime] = msgspec.field(default_factory=dict)
    alarms: dict[str, Alarm] = msgspec.field(default_factory=dict)
    alarms_set: int = 0
    entries: list[Entry] = msgspec.field(default_factory=list)
    entered: dict[str, dict[str, datetime]] = msgspec.field(default_factory=dict)
    formerly: list[bytes] = msgspec.field(default_factory=list)
    arms: dict[str, Fact] = msgspec.field(default_factory=dict)
    sent: list[Sent] = msgspec.field(default_factory=list)

    def fact(self, name: str) -> Any:
        """The value of one fact, None when it is not known."""
        fact = self.facts.get(name)
        return None if fact is None else fact.value


_ENCODER = msgspec.msgpack.Encoder()
_DECODER = msgspec.msgpack.Decoder(Profile)


def dump(profile: Profile) -> bytes:
    """MessagePack bytes of a profile, for `engine.profiles.state`."""
    return _ENCODER.encode(profile)


def load(raw: bytes, version: int) -> Profile:
    """The profile of a row."""
    profile = _DECODER.decode(raw)
    profile.version = version
    return profile
