"""The second check: may this message still leave? Pure, over what the claim has read in its transaction.

Whatever could have changed since the engine decided is asked again: expiry, consent as it is now, suppressions of the
address, and WICI_ONLY_TO. (Pauses and quiet hours are part of the claim's statement: what is held
stays in the queue.)
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

import msgspec

from services.contracts.message import MessageClass, State
from services.contracts.reasons import Reason
from services.notifier.suppressions import Suppression

CONSENTED: frozenset[MessageClass] = frozenset({"marketing", "opinion"})
"""Classes that leave only to who has subscribed."""


class Facts(msgspec.Struct, frozen=True, gc=False):
    """What is known about one message at the claim. Consent states are None where there is no row."""

    klass: MessageClass
    recipient: str
    expires_at: datetime | None
    consent: str | None
    consent_at: datetime | None
    topic_consent: str | None
    topic_consent_at: datetime | None


def verdict(facts: Facts, suppressions: Iterable[Suppression], now: datetime, only_to: Sequence[str]) -> Reason | None:
    """Why the message must not leave, or None. `now` is marketing time; `only_to` is in lower case."""
    if facts.expires_at is not None and facts.expires_at <= now:
        return Reason.EXPIRED
    if only_to and not allowed_here(facts.recipient, only_to):
        return Reason.NOT_ALLOWED_HERE
    granted: datetime | None = None
    if facts.klass in CONSENTED:
        refusal, granted = _consent(facts)
        if refusal is not None:
            return refusal
    return Reason.SUPPRESSED if any(blocks(one, facts.klass, granted) for one in suppressions) else None


def settled_as(reason: Reason) -> State:
    """The state of a message that was stopped for `reason`."""
    return State.EXPIRED if reason is Reason.EXPIRED else State.DROPPED


def allowed_here(recipient: str, only_to: Sequence[str]) -> bool:
    """Whether WICI_ONLY_TO names the recipient, or its domain (`@shop.example`)."""
    address = recipient.casefold()
    return any(address.endswith(one) if one.startswith("@") else address == one for one in only_to)


def _consent(facts: Facts) -> tuple[Reason | None, datetime | None]:
    """Why there is no consent, else since when there is.

    A withdrawal of the topic overrides the channel's consent; one of the channel overrides an older one of the topic.
    """
    withdrawn_at = facts.consent_at if facts.consent == "unsubscribed" else None
    if facts.topic_consent == "unsubscribed":
        return Reason.WITHDRAWN, None
    grants = [
        at
        for state, at in ((facts.consent, facts.consent_at), (facts.topic_consent, facts.topic_consent_at))
        if state == "subscribed" and at is not None and (withdrawn_at is None or at > withdrawn_at)
    ]
    if grants:
        return None, max(grants)
    return (Reason.WITHDRAWN if withdrawn_at is not None else Reason.NO_CONSENT), None


def blocks(one: Suppression, klass: MessageClass, granted: datetime | None) -> bool:
    """Whether a suppression of its address stops a message of this class; `granted` is since when there is consent."""
    match one.reason:
        case "bounced":
            return True
        case "complained":
            return klass != "transactional"
        case "unsubscribed":
            return klass in CONSENTED and (granted is None or one.at >= granted)
