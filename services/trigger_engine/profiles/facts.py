"""Facts: what an event says about its customer, kept as it comes.

A value belongs to the latest source time, whatever the order of arrival; sums count each event once, which the engine
sees to by id. Ties in time fall to the later (partition, offset).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any

from services.contracts.data import Cart as CartData
from services.contracts.data import Consent as Stated
from services.contracts.data import Customer
from services.contracts.message import Channel
from services.trigger_engine.profiles import consent, interests, orders, windows
from services.trigger_engine.profiles.arrival import Arrival
from services.trigger_engine.profiles.identifiers import normal_email
from services.trigger_engine.profiles.money import units
from services.trigger_engine.profiles.placeholders import is_masked
from services.trigger_engine.profiles.state import Cart, Fact, Profile, Seen
from services.trigger_engine.profiles.uses import Uses

ADDRESS: dict[Channel, str] = {"email": "email", "sms": "phone"}
MASKED_EMAIL = "masked_email"  # a marketplace's address for an order: good for messages that need no consent
BOUGHT_KEPT = timedelta(days=30)
MOST_BOUGHT = 50
AHEAD = timedelta(days=1)  # how far a shop's clock may be ahead


def apply(profile: Profile, event: Arrival, uses: Uses, now: datetime) -> list[str]:
    """Take in one event; of costly facts only those in `uses`. Returns the channels whose consent it has withdrawn."""
    _see(profile, event)
    data = event.data
    customer, order, cart, change = data.customer, data.order, data.cart, None
    withdrawn: list[str] = []
    if customer is not None and event.scope == "server":
        _customer(profile, event, customer)
        if customer.consents:
            withdrawn = _consents(profile, event, customer.consents.items())
    if order is not None and event.type in orders.KINDS:
        change = orders.apply(profile, event, order)
        if event.type == "order.placed":
            buy(profile, order.cart_id, event.time)
    if cart is not None and event.type == "cart.updated":
        _cart(profile, event, cart, keep_cart=uses.cart)
    if uses.measures:
        windows.begin(profile, uses)
        windows.apply(profile, event, change, uses, now)
    if uses.tallies or uses.last_viewed:
        interests.apply(profile, event, uses)
    return withdrawn


def learn(profile: Profile, name: str, value: Any, at: datetime) -> None:
    """Keep a value if none of a later time is known; of two of one time the greater, so that order plays no part."""
    known = profile.facts.get(name)
    if known is None:
        profile.facts[name] = Fact(value, at)
    elif at > known.at or (at == known.at and value != known.value and repr(value) > repr(known.value)):
        known.value, known.at = value, at


def _see(profile: Profile, event: Arrival) -> None:
    at = event.time
    if at < profile.created_at:  # noqa: PLR1730 -- a call less for every event
        profile.created_at = at
    seen = profile.seen.get(event.type)
    if seen is None:
        profile.seen[event.type] = Seen(at, at)
    elif at > seen.last:
        seen.last = at
    elif at < seen.first:
        seen.first = at


def _customer(profile: Profile, event: Arrival, customer: Customer) -> None:
    at = event.time
    if customer.email is not None and (email := normal_email(customer.email)):
        learn(profile, MASKED_EMAIL if is_masked(email) else "email", email, at)
    if customer.phone is not None:
        for name in event.identifiers:
            if name.kind == "phone":
                learn(profile, "phone", name.value, at)
    if customer.birthday is not None:
        learn(profile, "birthday", customer.birthday.isoformat(), at)
    _person(profile, customer, at)


def _person(profile: Profile, customer: Customer, at: datetime) -> None:
    """Each fact has its line: a loop over their names would cost every event more than what it finds."""
    if customer.first_name is not None:
        learn(profile, "first_name", customer.first_name, at)
    if customer.last_name is not None:
        learn(profile, "last_name", customer.last_name, at)
    if customer.locale is not None:
        learn(profile, "locale", customer.locale, at)
    if customer.time_zone is not None:
        learn(profile, "time_zone", customer.time_zone, at)
    if customer.country is not None:
        learn(profile, "country", customer.country, at)
    if customer.gender is not None:
        learn(profile, "gender", customer.gender, at)
    if customer.tags is not None:
        learn(profile, "tags", customer.tags, at)


def _consents(profile: Profile, event: Arrival, stated: Iterable[tuple[str, Stated]]) -> list[str]:
    withdrawn = []
    explicit = event.type == "consent.changed"
    for channel, said in stated:
        for name in [f"{channel}:{topic}" for topic in said.topics] if said.topics else (channel,):
            known = profile.consents.get(name)
            flagged, at = None if known is None else known.flagged, said.at
            if flagged is not None and at is not None and at <= flagged and said.state == "subscribed" and not explicit:
                continue  # most events carry the flag that the last one carried
            new = consent.decide(known, said.state, _believed(at, event), explicit=explicit)
            if new is None:
                continue
            profile.consents[name] = new
            if new.state == "unsubscribed":
                withdrawn.append(name)
    return withdrawn


def _believed(said: datetime | None, event: Arrival) -> datetime:
    """A moment that an event states; one still to come would outlive every later word, so the event's own counts."""
    return event.time if said is None or said > event.received + AHEAD else said


def buy(profile: Profile, cart_id: str | None, at: datetime) -> None:
    """An order closes its cart, seen or yet to come, and whatever cart was last touched before it."""
    if cart_id:
        profile.bought[cart_id] = max(at, profile.bought.get(cart_id, at))
    profile.bought[""] = max(at, profile.bought.get("", at))
    if len(profile.bought) > MOST_BOUGHT:
        newest = max(profile.bought.values())
        profile.bought = {k: t for k, t in profile.bought.items() if k == "" or newest - t < BOUGHT_KEPT}


def _cart(profile: Profile, event: Arrival, cart: CartData, *, keep_cart: bool) -> None:
    changed = _believed(cart.updated_at, event)
    known = profile.cart
    if known is not None and (changed, cart.id) < (known.changed_at, known.id):
        return
    data = event.fields["cart"] if keep_cart else {"id": cart.id}
    if known is not None and (changed, cart.id) == (known.changed_at, known.id) and repr(data) <= repr(known.data):
        return
    profile.cart = Cart(cart.id, changed, data, event.source)


def is_bought(profile: Profile, cart_id: str, changed_at: datetime) -> bool:
    """Whether an order was placed from this cart, or by this customer since the cart's last change."""
    named = bool(cart_id) and cart_id in profile.bought
    return named or ("" in profile.bought and profile.bought[""] >= changed_at)


def is_empty(cart: Cart) -> bool:
    """Whether there is nothing in the cart."""
    return holds_nothing(cart.data)


def holds_nothing(cart: Mapping[str, Any]) -> bool:
    """Whether a cart's data says that there is nothing in it: no items, and no total above zero."""
    return not cart.get("items") and units(cart.get("total")) <= 0


def withdraw(profile: Profile, channel: str, at: datetime) -> list[str]:
    """Withdraw the consent for a channel. Returns its name if that changed anything."""
    new = consent.decide(profile.consents.get(channel), "unsubscribed", at, explicit=True)
    if new is None:
        return []
    profile.consents[channel] = new
    return [channel] if new.state == "unsubscribed" else []
