"""Facts: what an event says about its customer, kept as it comes.

A value belongs to the latest source time, whatever the order of arrival; sums count each event once, which the engine
sees to by id. Ties in time fall to the later (partition, offset).
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from operator import attrgetter
from typing import Any

from services.contracts.data import Cart as CartData
from services.contracts.data import Customer
from services.contracts.message import Channel
from services.trigger_engine.profiles import consent, interests, orders, windows
from services.trigger_engine.profiles.arrival import Arrival
from services.trigger_engine.profiles.identifiers import normal_email
from services.trigger_engine.profiles.money import units
from services.trigger_engine.profiles.placeholders import is_masked
from services.trigger_engine.profiles.state import Cart, Fact, Profile, Seen
from services.trigger_engine.profiles.uses import Uses

CUSTOMER_FACTS = ("first_name", "last_name", "locale", "time_zone", "country", "gender", "tags")
_customer_facts = attrgetter(*CUSTOMER_FACTS)
ADDRESS: dict[Channel, str] = {"email": "email", "sms": "phone"}
ADDRESSES = tuple(ADDRESS.values())
MASKED_EMAIL = "masked_email"  # a marketplace's address for an order: good for messages that need no consent
BOUGHT_KEPT = timedelta(days=30)
MOST_BOUGHT = 50
AHEAD = timedelta(days=1)  # how far a shop's clock may be ahead


def apply(profile: Profile, event: Arrival, uses: Uses, now: datetime) -> list[str]:
    """Take in one event; of costly facts only those in `uses`. Returns the channels whose consent it has withdrawn."""
    _see(profile, event)
    withdrawn: list[str] = []
    if event.data.customer is not None and event.scope == "server":
        withdrawn = _customer(profile, event, event.data.customer)
    order, change = event.data.order, None
    if order is not None and event.type in orders.KINDS:
        change = orders.apply(profile, event, order)
        if event.type == "order.placed":
            buy(profile, order.cart_id, event.time)
    if event.type == "cart.updated" and event.data.cart is not None:
        _cart(profile, event, event.data.cart, keep_cart=uses.cart)
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
    profile.created_at = min(profile.created_at, event.time)
    seen = profile.seen.get(event.type)
    if seen is None:
        profile.seen[event.type] = Seen(event.time, event.time)
        return
    if event.time > seen.last:
        seen.last = event.time
    elif event.time < seen.first:
        seen.first = event.time


def _customer(profile: Profile, event: Arrival, customer: Customer) -> list[str]:
    at = event.time
    named = False
    for kind, _, value in event.identifiers:
        if kind in ADDRESSES:
            named = named or kind == "email"
            learn(profile, kind, value, at)
    # An address that identifies is not masked.
    if not named and customer.email and (email := normal_email(customer.email)) and is_masked(email):
        learn(profile, MASKED_EMAIL, email, at)
    if customer.birthday is not None:
        learn(profile, "birthday", customer.birthday.isoformat(), at)
    for name, value in zip(CUSTOMER_FACTS, _customer_facts(customer), strict=True):
        if value is not None:
            learn(profile, name, value, at)
    return _consents(profile, event, customer) if customer.consents else []


def _consents(profile: Profile, event: Arrival, customer: Customer) -> list[str]:
    withdrawn = []
    explicit = event.type == "consent.changed"
    for channel, stated in (customer.consents or {}).items():
        for name in _lines(channel, stated.topics):
            known = profile.consents.get(name)
            if known is not None and not explicit and consent.is_old_news(known, stated.state, stated.at):
                continue
            new = consent.decide(known, stated.state, _believed(stated.at, event), explicit=explicit)
            if new is None:
                continue
            profile.consents[name] = new
            if new.state == "unsubscribed":
                withdrawn.append(name)
    return withdrawn


def _believed(said: datetime | None, event: Arrival) -> datetime:
    """A moment that an event states; one still to come would outlive every later word, so the event's own counts."""
    return event.time if said is None or said > event.received + AHEAD else said


def _lines(channel: str, topics: list[str] | None) -> list[str]:
    return [f"{channel}:{topic}" for topic in topics] if topics else [channel]


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
