"""What follows from facts, in a fixed order. Pure.

They are applied in their cause's transaction and published to `wici.outcomes`; their ids come from a business key that
is unique per profile, so that what the shop states itself and what wici derives are one fact.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, timedelta

from services.contracts.data import Data, ThresholdData
from services.contracts.schedule import DUE
from services.trigger_engine.journeys.alarms import find, set_alarm
from services.trigger_engine.journeys.derived import cart_abandoned, first_order, spend_threshold
from services.trigger_engine.journeys.derived.registry import RULES, Wanted
from services.trigger_engine.journeys.reaction import Derived
from services.trigger_engine.journeys.schedules import dated, planned
from services.trigger_engine.journeys.turn import Turn
from services.trigger_engine.profiles.arrival import Arrival
from services.trigger_engine.profiles.money import units
from services.trigger_engine.profiles.state import Profile

_NOTHING = Data()


def derive(profile: Profile, event: Arrival, turn: Turn) -> Iterable[Derived]:
    """The events that follow from this one, the first of them before the next; alarms are set as they fall due."""
    definitions = turn.definitions
    following = definitions.follows.get(event.type, ())
    return _derive(profile, event, turn, following) if following or definitions.standing else ()


def _derive(profile: Profile, event: Arrival, turn: Turn, following: tuple[Wanted, ...]) -> Iterator[Derived]:
    definitions = turn.definitions
    shop = definitions.settings.shop
    for rule, policy in following:
        if rule.note is not None:
            rule.note(profile, event, policy)
        if rule.derive is not None:
            yield from rule.derive(profile, event, policy, shop)
        if rule.due is not None:
            set_alarm(profile, rule.type, rule.due(profile, policy, shop, turn.now), turn.into)
    for rule, policy in definitions.standing:
        if rule.due is not None and (rule.type not in profile.alarms or _moves(event)):
            set_alarm(profile, rule.type, rule.due(profile, policy, shop, turn.now), turn.into)


def _moves(event: Arrival) -> bool:
    """Whether the event may move days that come back every year."""
    customer = event.data.customer
    return customer is not None and (customer.birthday is not None or customer.time_zone is not None)


def undone(profile: Profile, event: Arrival, turn: Turn) -> set[bytes]:
    """Ids of derived events that this one has made untrue."""
    shop = turn.definitions.settings.shop
    return {
        one
        for rule, policy in turn.definitions.follows.get(event.type, ())
        if rule.undo is not None
        for one in rule.undo(profile, event, policy, shop)
    }


def watch_again(profile: Profile, turn: Turn) -> None:
    """Set every alarm of a profile with which another has become one, as what is known of both says."""
    definitions = turn.definitions
    for rule in RULES:
        if rule.due is not None:
            wanted = definitions.rules.get(rule.type)
            shop = definitions.settings.shop
            due = None if wanted is None else rule.due(profile, wanted[1], shop, turn.now)
            set_alarm(profile, rule.type, due, turn.into)


def wake(profile: Profile, kind: str, due: datetime, turn: Turn) -> Iterator[Derived]:
    """The events that follow from an alarm's firing; `due` is the moment that it was set to."""
    if kind.startswith(planned.PREFIX):
        yield from planned.wake(profile, kind, due, turn) if "@" in kind else dated.wake(profile, kind, due, turn)
        return
    wanted = turn.definitions.rules.get(kind)
    if wanted is None:
        return
    rule, policy = wanted
    shop = turn.definitions.settings.shop
    if rule.wake is not None:
        yield from rule.wake(profile, due, policy, shop)
    if rule.due is not None:
        set_alarm(profile, kind, rule.due(profile, policy, shop, turn.now), turn.into)


def since(profile: Profile, timer: bytes, generation: int, rules: Mapping[str, Wanted]) -> tuple[str, datetime] | None:
    """What an alarm that is about to fire may derive, and when its story began."""
    found = find(profile, timer, generation)
    if found is None:
        return None
    kind, due = found
    if kind.startswith(planned.PREFIX):
        return DUE, due
    if kind not in rules:
        return None
    rule, policy = rules[kind]
    return kind, due - timedelta(seconds=rule.waits(policy))


def already_stated(profile: Profile, event: Arrival) -> bool:
    """Whether a fact that both the shop and wici may state was stated before; the first one wins."""
    business = _business_key(profile, event)
    if business is None:
        return False
    if business in profile.stated:
        return True
    if event.type == cart_abandoned.TYPE:
        cart_abandoned.state(profile, business, event.time)
    elif event.type == spend_threshold.TYPE:
        spend_threshold.state(profile, business, event.time)
    else:
        profile.stated[business] = event.time
    return False


def _business_key(profile: Profile, event: Arrival) -> str | None:
    if event.type == first_order.TYPE:
        return first_order.KEY
    if event.type == cart_abandoned.TYPE and event.data.cart is not None:
        cart, known = event.data.cart, profile.cart
        last = known.changed_at if known is not None and known.id == cart.id else event.time
        return cart_abandoned.business_key(cart.id, cart.updated_at or last)
    if event.type == spend_threshold.TYPE and isinstance(event.data, ThresholdData):
        threshold = event.data.threshold
        return spend_threshold.key(threshold.currency, units(threshold.step), threshold.period)
    return None


def as_arrival(one: Derived) -> Arrival:
    """A derived event as journeys see it: like any other."""
    return Arrival(one.id, one.type, "wici", one.time, one.time, _NOTHING, b"", (), decoded=one.data, since=one.since)
