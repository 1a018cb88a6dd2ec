"""Caps: how many messages a customer has got, and from when on another one may come.

A message counts from the moment it is queued. The profile remembers those that some cap counts; what is taken back,
dropped or refused before it leaves is forgotten again (docs/policies.md).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from datetime import datetime, timedelta

from services.contracts.message import CHANNELS, SETTLED, Channel, Message, MessageClass, State
from services.contracts.policies import Cap
from services.trigger_engine.profiles.state import Profile, Sent

LEFT = (State.ACCEPTED, State.UNKNOWN)


def counts(cap: Cap, channel: Channel, klass: MessageClass, topic: str | None) -> bool:
    """Whether a message counts under the cap; without a class it leaves transactional ones alone."""
    if cap.channel not in (None, channel) or cap.topic not in (None, topic):
        return False
    return klass == cap.klass if cap.klass is not None else klass != "transactional"


def free_from(cap: Cap, sent: Iterable[Sent], at: datetime) -> datetime:
    """The first moment from `at` on at which the cap, of at least 1, lets another message pass."""
    times = sorted(one.at for one in sent if counts(cap, one.channel, one.klass, one.topic))
    if len(times) < cap.at_most:
        return at
    return max(at, times[-cap.at_most] + timedelta(seconds=cap.per))


def note(profile: Profile, message: Message, caps: tuple[Cap, ...]) -> None:
    """Count a message that is queued now, and forget what no cap counts any more. Only what customers hear counts."""
    channel = next((one for one in CHANNELS if one == message.channel), None)
    if channel is None or not any(counts(cap, channel, message.klass, message.topic) for cap in caps):
        return
    since = message.created_at - timedelta(seconds=max(cap.per for cap in caps))
    kept = [one for one in profile.sent if one.at > since]
    kept.append(Sent(message.send_key, message.created_at, channel, message.klass, message.topic))
    # Caps themselves bound the list; merged profiles, and caps that were lowered, may exceed it for a while.
    profile.sent = kept[-2 * sum(cap.at_most for cap in caps) :]


def unsettled(profile: Profile) -> list[bytes]:
    """Send keys of which it is not yet known that they have left."""
    return [one.key for one in profile.sent if not one.left]


def settle(profile: Profile, states: Mapping[bytes, int]) -> None:
    """Forget messages that will not leave, by the states of the queue; one without a row left long ago."""
    kept = []
    for one in profile.sent:
        state = states.get(one.key, State.ACCEPTED)
        if one.left or state < SETTLED or state in LEFT:
            one.left = one.left or state in LEFT
            kept.append(one)
    profile.sent = kept


def forget(profile: Profile, keys: Collection[bytes]) -> None:
    """Give back what these messages have used."""
    profile.sent = [one for one in profile.sent if one.key not in keys]
