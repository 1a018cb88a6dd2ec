"""Consent: a withdrawal wins.

Flags that orders and customers carry may turn unknown into subscribed or pending, or withdraw; they never lift a
withdrawal. Only `consent.changed`, double opt-in and the preference centre lift one, with evidence later than it.
GDPR art. 7(3): as easy to withdraw as to give, at any time. PKE art. 398: prior consent, per channel.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from services.contracts.message import MessageClass
from services.trigger_engine.profiles.state import Consent

NEEDS_CONSENT: frozenset[MessageClass] = frozenset({"marketing", "opinion"})


def decide(now: Consent | None, state: str, at: datetime, *, explicit: bool) -> Consent | None:
    """The consent after a statement made at `at`, or None when it changes nothing.

    `explicit` when the customer spoke about consent itself; otherwise it is a flag on something else.
    """
    if state == "unknown":
        return None
    flagged, given, withdrawn = (None, None, None) if now is None else (now.flagged, now.given, now.withdrawn)
    if state == "unsubscribed":
        withdrawn = _later(withdrawn, at)
    elif state == "subscribed" and explicit:
        given = _later(given, at)
    elif state == "subscribed":
        flagged = _later(flagged, at)
    asked = at if now is None else min(at, now.at) if state == "pending" else now.at
    new = conclude(flagged, given, withdrawn, pending=asked)
    return None if new == now else new


def join(one: Consent, other: Consent) -> Consent:
    """What two profiles that become one have said together."""
    return conclude(
        _later(one.flagged, other.flagged),
        _later(one.given, other.given),
        _later(one.withdrawn, other.withdrawn),
        pending=min(one.at, other.at),
    )


def conclude(
    flagged: datetime | None, given: datetime | None, withdrawn: datetime | None, *, pending: datetime
) -> Consent:
    """The state that the latest flag, consent and withdrawal amount to."""
    if withdrawn is not None and (given is None or given <= withdrawn):
        return Consent("unsubscribed", withdrawn, flagged, given, withdrawn)
    if given is not None or flagged is not None:
        since = given if given is not None else flagged
        assert since is not None  # noqa: S101 -- for the type checker
        return Consent("subscribed", since, flagged, given, withdrawn)
    return Consent("pending", pending)


def _later(one: datetime | None, other: datetime | None) -> datetime | None:
    if one is None or other is None:
        return one or other
    return max(one, other)


def governing(consents: Mapping[str, Consent], channel: str, topic: str | None) -> Consent | None:
    """The word that counts: a topic's own overrides the channel's, but not a later withdrawal of the channel."""
    own = consents.get(f"{channel}:{topic}") if topic else None
    whole = consents.get(channel)
    if own is None or (whole is not None and whole.state == "unsubscribed" and whole.at >= own.at):
        return whole
    return own


def allows(consent: Consent | None, klass: MessageClass) -> bool:
    """Whether a message of this class may be sent over the channel."""
    return klass not in NEEDS_CONSENT or (consent is not None and consent.state == "subscribed")
