"""What makes a derived event the same one, written out: stored rows and readers of `wici.outcomes` know it by its id.

A key that changes tells every customer the same fact once more.
"""

from __future__ import annotations

from copy import deepcopy
from datetime import timedelta
from typing import Any

import pytest

from services.contracts import ids
from services.contracts.settings import Anniversary, Derive
from services.trigger_engine.journeys.derived.registry import RULES
from services.trigger_engine.journeys.deriving import already_stated
from services.trigger_engine.journeys.reaction import Derived
from services.trigger_engine.profiles.arrival import Arrival
from services.trigger_engine.profiles.state import Cart, Checkout, Fact, Looked, Profile, Seen, Unsettled
from tests.support.engine import AT, DAY, HOUR, SHOP, anna, happened

WHO = bytes(range(16))
DERIVE = Derive(customer_anniversary=Anniversary(of=("first_order", "signup")))
NINE = timedelta(hours=-2)  # 9:00 in Warsaw on the day of AT, in UTC

KEYS: dict[str, list[str]] = {
    "order.first_placed": [""],
    "order.milestone": ["5"],
    "spend.threshold_crossed": ["spend.threshold_crossed:PLN:20000000:lifetime"],
    "order.unpaid": ["o1"],
    "cart.abandoned": ["cart.abandoned:k1:2026-11-22T10:00:00+00:00"],
    "cart.emptied": ["cart.emptied:k1:2026-11-22T10:00:00+00:00"],
    "checkout.abandoned": ["checkout.abandoned:k1:2026-11-22T10:00:00+00:00"],
    "browse.abandoned": ["2026-11-22T10:00:00+00:00"],
    "customer.lapsed": ["2026-11-22T10:00:00+00:00"],
    "customer.birthday": ["2026"],
    "customer.anniversary": ["first_order:2", "signup:3"],
}


def customer(**known: Any) -> Profile:
    return Profile(id=WHO, created_at=AT, **known)


def placed(kind: str = "order.placed") -> Arrival:
    return happened(kind, customer=anna(), order={"id": "o1", "total": "10.00", "currency": "PLN"})


def cart(**data: Any) -> Cart:
    return Cart("k1", AT, data, "backend")


CUSTOMERS: dict[str, Profile] = {
    "order.first_placed": customer(orders=1),
    "order.milestone": customer(orders=5),
    "spend.threshold_crossed": customer(paid={"PLN": 2_345 * 10_000}),
    "order.unpaid": customer(unpaid={"o1": Unsettled(AT, b"key", {"id": "o1"})}),
    "cart.abandoned": customer(cart=cart(total="5.00")),
    "cart.emptied": customer(cart=cart(total="0.00", items=[]), filled="k1"),
    "checkout.abandoned": customer(checkout=Checkout("k1", AT, {"checkout": {}})),
    "browse.abandoned": customer(looked={"product:p1": Looked([AT - 2 * HOUR, AT - HOUR, AT], {"product": {}})}),
    "customer.lapsed": customer(orders=1, seen={"order.placed": Seen(AT, AT)}),
    "customer.birthday": customer(facts={"birthday": Fact("1990-11-22", AT)}),
    "customer.anniversary": customer(
        seen={"order.placed": Seen(AT - 730 * DAY, AT), "customer.signed_up": Seen(AT - 1096 * DAY, AT - 1096 * DAY)}
    ),
}
# What wakes on a day does so at nine; what wakes after a time is long over a year later.
WAKES = {"customer.birthday": AT + NINE, "customer.anniversary": AT + NINE}


def derived(kind: str) -> list[Derived]:
    (rule,) = (rule for rule in RULES if rule.type == kind)
    profile, policy = deepcopy(CUSTOMERS[kind]), getattr(DERIVE, rule.policy)
    if rule.derive is not None:
        event = placed("order.paid" if kind == "spend.threshold_crossed" else "order.placed")
        return list(rule.derive(profile, event, policy, SHOP))
    assert rule.wake is not None
    return list(rule.wake(profile, WAKES.get(kind, AT + 365 * DAY), policy, SHOP))


def test_every_derived_event_has_its_key_here() -> None:
    assert set(KEYS) == set(CUSTOMERS) == {rule.type for rule in RULES}


@pytest.mark.parametrize("kind", KEYS)
def test_a_derived_event_is_known_by_the_key_it_always_had(kind: str) -> None:
    assert [one.id for one in derived(kind)] == [ids.derived_event(kind, WHO, key) for key in KEYS[kind]]


def test_what_the_shop_states_itself_is_remembered_under_the_key_of_the_derived_one() -> None:
    """So that the first of the two wins; the first order is remembered by its type alone."""
    profile = customer()
    threshold = {"step": 2000, "currency": "PLN", "period": "lifetime"}
    for event in (
        happened("order.first_placed", customer=anna(), placed="o1"),
        happened("spend.threshold_crossed", customer=anna(), threshold=threshold),
        happened("cart.abandoned", customer=anna(), cart={"id": "k1", "updated_at": AT}),
    ):
        assert not already_stated(profile, event)
        assert already_stated(profile, event)
    both = ("spend.threshold_crossed", "cart.abandoned")
    assert set(profile.stated) == {"order.first_placed", *(key for kind in both for key in KEYS[kind])}
