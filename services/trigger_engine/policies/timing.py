"""Over which channels to speak now, else when: caps first, then quiet hours."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

import msgspec

from services.contracts.message import Channel, MessageClass
from services.contracts.reasons import Reason
from services.trigger_engine.policies import caps, naming
from services.trigger_engine.policies.hours import Home, Span, ahead, opens
from services.trigger_engine.policies.rules import Rules
from services.trigger_engine.profiles.state import Sent

ROUNDS = 16
TOGETHER_WITHIN = timedelta(days=8)
"""If several channels find no common moment within this time, each is taken by itself."""


class Wish(msgspec.Struct):
    """What somebody wants to say to a customer. `quiet` is false for a journey that ignores quiet hours."""

    rules: Rules
    sent: Sequence[Sent]
    klass: MessageClass
    topic: str | None
    home: Home
    quiet: bool = True


class Held(msgspec.Struct, frozen=True):
    """A policy says no: why, and which one it is (naming.py). With `until` it says: from then on."""

    reason: Reason
    by: str
    until: datetime | None = None


class Plan(msgspec.Struct, frozen=True):
    """Speak over `channels` now; or, where there are none, decide again at `until`, if that is given.

    `skipped` is what keeps other channels from saying it, or from saying it yet.
    """

    channels: tuple[Channel, ...] = ()
    skipped: tuple[Held, ...] = ()
    until: datetime | None = None


def first(wish: Wish, channels: Sequence[Channel], now: datetime) -> Plan:
    """The first channel that may speak now; else the earliest that will."""
    skipped: list[Held] = []
    for channel in channels:
        found = verdict(wish, channel, now)
        if found is None:
            return Plan((channel,), tuple(skipped))
        skipped.append(found)
    return Plan((), tuple(skipped), _earliest(skipped))


def together(wish: Wish, channels: Sequence[Channel], now: datetime) -> Plan:
    """All that may speak, at the first moment at which all of them may; where there is none, those that may now."""
    at_once = _at(wish, channels, now)
    moment, here = now, at_once
    for _ in range(ROUNDS):
        if not here.waits or moment - now > TOGETHER_WITHIN:
            break
        moment = max(one.until or moment for one in here.waits)
        here = _at(wish, channels, moment)
    skipped = (*at_once.dropped, *at_once.waits)
    if here.spoken and not here.waits:
        return Plan(here.spoken, skipped) if moment == now else Plan((), skipped, moment)
    if at_once.spoken:
        return Plan(at_once.spoken, skipped)
    return Plan((), skipped, _earliest(at_once.waits))


def _earliest(waits: Iterable[Held]) -> datetime | None:
    return min((one.until for one in waits if one.until is not None), default=None)


class _Chorus(msgspec.Struct, frozen=True):
    """Who of several channels speaks, waits, or is dropped at a moment."""

    spoken: tuple[Channel, ...]
    dropped: tuple[Held, ...]
    waits: tuple[Held, ...]


def _at(wish: Wish, channels: Sequence[Channel], moment: datetime) -> _Chorus:
    """Each channel that speaks counts for the next."""
    spoken: list[Channel] = []
    dropped: list[Held] = []
    waits: list[Held] = []
    sent = list(wish.sent)
    for channel in channels:
        found = verdict(msgspec.structs.replace(wish, sent=sent), channel, moment)
        if found is None:
            spoken.append(channel)
            sent.append(Sent(b"", moment, channel, wish.klass, wish.topic))
        else:
            (dropped if found.until is None else waits).append(found)
    return _Chorus(tuple(spoken), tuple(dropped), tuple(waits))


def verdict(wish: Wish, channel: Channel, at: datetime) -> Held | None:
    """None: it may be said at `at`. Without an `until` it is dropped."""
    moment, by = at, Held(Reason.CAPPED, "")
    for cap in wish.rules.caps:
        if not caps.counts(cap, channel, wish.klass, wish.topic):
            continue
        free = caps.free_from(cap, wish.sent, at) if cap.at_most else None
        if free is None or (free > at and cap.then == "drop"):
            return Held(Reason.CAPPED, naming.cap(cap))
        if free > moment:
            moment, by = free, Held(Reason.CAPPED, naming.cap(cap))
    quiet = wish.rules.quiet_hours.get(channel) if wish.quiet else None
    if quiet is not None and wish.klass in quiet.classes:
        opening = opens(quiet, wish.home, moment)
        if opening is None or (opening > at == moment and quiet.then == "drop"):
            return Held(Reason.QUIET_HOURS, naming.quiet_hours(channel, quiet))
        if opening > moment and quiet.then == "wait":
            by = Held(Reason.QUIET_HOURS, naming.quiet_hours(channel, quiet)) if moment == at else by
            moment = opening
    return msgspec.structs.replace(by, until=moment) if moment > at else None


def silences(wish: Wish, channel: Channel, at: datetime) -> tuple[Span, ...]:
    """When a message that is queued at `at` must not leave, in the days to come."""
    quiet = wish.rules.quiet_hours.get(channel) if wish.quiet else None
    return ahead(quiet, wish.home, at) if quiet is not None and wish.klass in quiet.classes else ()
