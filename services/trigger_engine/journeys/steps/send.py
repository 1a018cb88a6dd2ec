"""`send`: say a template over the first allowed and reachable channel, or over all of them."""

from __future__ import annotations

from typing import Any

from services.contracts import ids
from services.contracts.journey import Send, Step, Webhook
from services.contracts.message import Channel, Message, MessageClass
from services.contracts.policies import braked
from services.contracts.reasons import Reason
from services.trigger_engine.journeys.compiled import Node, pick
from services.trigger_engine.journeys.situation import Decision, End, Go, Situation, Sleep
from services.trigger_engine.journeys.steps.wait import customer_zone
from services.trigger_engine.policies import timing
from services.trigger_engine.policies.hours import Home
from services.trigger_engine.policies.public_holidays import is_known
from services.trigger_engine.policies.timing import Held, Plan, Wish
from services.trigger_engine.profiles.consent import NEEDS_CONSENT, allows, governing
from services.trigger_engine.profiles.facts import ADDRESS, MASKED_EMAIL
from services.trigger_engine.profiles.state import Profile


def decide(node: Node, step: Send, situation: Situation) -> Decision:
    """Say it where it may be said; wait where policies say so; where it may not be said, skip it or leave."""
    refused = {channel: refusal(step, channel, situation) for channel in step.via}
    allowed = tuple(channel for channel, reason in refused.items() if reason is None)
    rules = situation.turn.definitions.policies
    if rules.says_nothing:
        wish, plan = None, Plan(allowed if step.every else allowed[:1])
    else:
        wish = _wish(step, situation)
        plan = _plan(step, wish, allowed, situation)
    if plan.until is not None:
        return Sleep(plan.until, reason=plan.skipped[-1].reason, by=tuple(held.by for held in plan.skipped))
    looked_at = step.via if step.every or not plan.channels else step.via[: step.via.index(plan.channels[0])]
    skipped: tuple[Reason | Held, ...] = tuple(reason for channel in looked_at if (reason := refused[channel]))
    skipped += plan.skipped
    if not plan.channels and step.otherwise == "onsite":
        skipped = (*skipped, Reason.NO_ENGINE)
    if not plan.channels and step.otherwise == "exit":
        last = skipped[-1]
        return End(last.reason if isinstance(last, Held) else last, skipped)
    return Go(node.next, tuple(_message(step, channel, wish, situation) for channel in plan.channels), skipped)


def _wish(step: Send, situation: Situation) -> Wish:
    profile, definitions, journey = situation.profile, situation.turn.definitions, situation.compiled.journey
    rules = definitions.policies
    zone = customer_zone(profile.fact("time_zone"), definitions.settings.shop.time_zone)
    own = str(profile.fact("country") or "").upper()
    return Wish(
        rules=rules,
        sent=profile.sent,
        klass=_class(step, situation),
        topic=journey.topic,
        home=Home(zone, own if is_known(own) else rules.country),
        quiet=journey.quiet_hours == "inherit",
    )


def _plan(step: Send, wish: Wish, allowed: tuple[Channel, ...], situation: Situation) -> Plan:
    """What policies say of the channels that are left; who has waited too long in all, waits no more."""
    now, since = situation.turn.now, situation.entry.waiting
    plan = (timing.together if step.every else timing.first)(wish, allowed, now)
    if plan.until is not None and since is not None and now - since >= wish.rules.patience:
        return Plan(skipped=plan.skipped)
    return plan


def refusal(step: Send, channel: Channel, situation: Situation) -> Reason | None:
    """Why this message must not go over this channel, or None."""
    profile, klass = situation.profile, _class(step, situation)
    if situation.turn.held and klass in ("marketing", "opinion"):
        return Reason.HELD_TOO_LONG
    if not address(profile, channel, klass):
        return Reason.NO_ADDRESS
    if not allows(governing(profile.consents, channel, situation.compiled.journey.topic), klass):
        return Reason.NO_CONSENT
    written = situation.turn.definitions.templates.get(step.variant or step.template, {})
    if not any(_has(template, channel) for template in written.values()):
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


def is_braked(step: Step, situation: Situation) -> bool:
    """Whether the step says what the brake counts."""
    if not isinstance(step, Send | Webhook):
        return False
    klass = _class(step, situation) if isinstance(step, Send) else "service"
    return klass in braked(situation.turn.definitions.settings.policies.brake)


def _class(step: Send, situation: Situation) -> MessageClass:
    """The class that it counts as."""
    return situation.turn.definitions.policies.counts_as[step.klass or situation.compiled.journey.klass]


def _message(step: Send, channel: Channel, wish: Wish | None, situation: Situation) -> Message:
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
        template=step.variant or step.template,
        recipient=address(profile, channel, klass) or "",
        context=pick(situation.env, definitions.template_paths.get(step.variant or step.template, ())),
        created_at=situation.turn.now,
        locale=profile.fact("locale"),
        topic=situation.compiled.journey.topic,
        on_unknown=step.on_unknown,
        quiet=timing.silences(wish, channel, situation.turn.now) if wish is not None else (),
    )
