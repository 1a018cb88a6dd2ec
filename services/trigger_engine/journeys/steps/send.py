"""`send`: say a template over the first allowed and reachable channel, or over all of them."""

from __future__ import annotations

from typing import Any

from services.contracts import ids
from services.contracts.journey import Send
from services.contracts.message import Channel, Message, MessageClass
from services.contracts.reasons import Reason
from services.trigger_engine.journeys.compiled import Node, pick
from services.trigger_engine.journeys.situation import Decision, End, Go, Situation
from services.trigger_engine.profiles.consent import NEEDS_CONSENT, allows
from services.trigger_engine.profiles.facts import MASKED_EMAIL
from services.trigger_engine.profiles.state import Profile

ADDRESS: dict[Channel, str] = {"email": "email", "sms": "phone"}


def decide(node: Node, step: Send, situation: Situation) -> Decision:
    """Say it where it may be said; where it may not, skip it or leave, as the step says."""
    messages: list[Message] = []
    skipped: list[Reason] = []
    for channel in step.via:
        reason = refusal(step, channel, situation)
        if reason is None:
            messages.append(_message(step, channel, situation))
            if not step.every:
                break
        else:
            skipped.append(reason)
    if not messages and step.otherwise == "exit":
        return End(skipped[-1], tuple(skipped))
    return Go(node.next, tuple(messages), tuple(skipped))


def refusal(step: Send, channel: Channel, situation: Situation) -> Reason | None:
    """Why this message must not go over this channel, or None."""
    profile, klass = situation.profile, _class(step, situation)
    if situation.turn.held and klass in ("marketing", "opinion"):
        return Reason.HELD_TOO_LONG
    if not address(profile, channel, klass):
        return Reason.NO_ADDRESS
    if not _consents(profile, channel, situation.compiled.journey.topic, klass):
        return Reason.NO_CONSENT
    if not any(
        _has(template, channel) for template in situation.turn.definitions.templates.get(step.template, {}).values()
    ):
        return Reason.NO_TEMPLATE
    return None


def address(profile: Profile, channel: Channel, klass: MessageClass) -> str | None:
    """Where to write. A marketplace's masked address is only good for what needs no consent."""
    found: str | None = profile.fact(ADDRESS[channel])
    if not found and channel == "email" and klass not in NEEDS_CONSENT:
        found = profile.fact(MASKED_EMAIL)
    return found


def _has(template: Any, channel: Channel) -> bool:
    return getattr(template, channel) is not None


def _class(step: Send, situation: Situation) -> MessageClass:
    return step.klass or situation.compiled.journey.klass


def _consents(profile: Profile, channel: Channel, topic: str | None, klass: MessageClass) -> bool:
    """A topic's own word overrides the channel's, but not a later withdrawal of the channel."""
    own = profile.consents.get(f"{channel}:{topic}") if topic else None
    whole = profile.consents.get(channel)
    if own is None or (whole is not None and whole.state == "unsubscribed" and whole.at >= own.at):
        return allows(whole, klass)
    return allows(own, klass)


def _message(step: Send, channel: Channel, situation: Situation) -> Message:
    profile, entry, definitions = situation.profile, situation.entry, situation.turn.definitions
    klass = _class(step, situation)
    slot = channel if step.every or len(step.via) == 1 else "first"
    return Message(
        send_key=ids.send_key(entry.id, step.id, slot),
        profile_id=profile.id,
        entry_id=entry.id,
        journey=entry.journey,
        step=step.id,
        klass=klass,
        channel=channel,
        template=step.template,
        recipient=address(profile, channel, klass) or "",
        context=pick(situation.env, definitions.template_paths.get(step.template, ())),
        created_at=situation.turn.now,
        locale=profile.fact("locale"),
        topic=situation.compiled.journey.topic,
        on_unknown=step.on_unknown,
    )
