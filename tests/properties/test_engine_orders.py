"""The order of arrival plays no part where it must not: without a database, event by event."""

from __future__ import annotations

from itertools import permutations
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.contracts.journey import Goal, Rule, Wait
from services.trigger_engine.profiles.arrival import Arrival
from tests.support.engine import (
    AT,
    DAY,
    HOUR,
    MINUTE,
    REMINDER,
    SUBSCRIBED,
    THANKS,
    Run,
    happened,
    journey,
    known,
    say,
    until,
    whole_state,
    workspace,
)  # fmt: skip
from tests.support.examples import examples

JOURNEYS = (
    THANKS,
    REMINDER,
    journey("first", "order.first_placed", say(), Wait("w", 1, "days"), say(id="2"), exits=until("order.cancelled")),
    journey("reward", "spend.threshold_crossed", again_after=0),
    journey("unpaid", "order.unpaid", key="event.order.id", again_after=0),
    journey("emptied", "cart.emptied", again_after=0),
    journey("lapsed", "customer.lapsed", again_after=0),
    journey("anniversary", "customer.anniversary", again_after=0),
    journey("milestone", "order.milestone", again_after=0),
    journey("views", "page.viewed", Wait("w", 1, "hours"), say(), goals=(Goal("order.placed"),), again_after=7200.0),
    journey("carts", "cart.updated", Wait("w", 2, "hours"), say(), key="event.cart.id",
            exits=(Rule("order.placed", "received.order.cart_id == event.cart.id"),)),
)  # fmt: skip
SHOP = workspace(*JOURNEYS)

_EVENT = st.fixed_dictionaries({
    "kind": st.sampled_from(["page.viewed", "cart.updated", "order.placed", "order.paid", "order.cancelled",
                             "order.refunded", "consent.changed"]),
    "minutes": st.integers(0, 90), "number": st.integers(1, 3),
    "state": st.sampled_from(["subscribed", "unsubscribed"]),
})  # fmt: skip
_STORIES = st.lists(st.lists(_EVENT, min_size=1, max_size=5), min_size=2, max_size=4)


def lived(customer: int, story: list[dict[str, Any]]) -> list[Arrival]:
    """One record key's events, in order."""
    who: dict[str, Any] = {"id": f"c-{customer}", "email": f"c{customer}@example.com", "consents": SUBSCRIBED}
    told = []
    for place, word in enumerate(story):
        data: dict[str, Any] = {"customer": dict(who)}
        if word["kind"].startswith("order."):
            number = f"{customer}-{word['number']}"
            data["order"] = {"id": f"o{number}", "cart_id": f"k{number}", "total": "600.00", "currency": "PLN"}
        if word["kind"] == "cart.updated":
            data["cart"] = {"id": f"k{customer}-{word['number']}", "total": "10.00"}
        if word["kind"] == "consent.changed":
            data["customer"]["consents"] = {"email": {"state": word["state"]}}
        told.append(happened(word["kind"], AT + word["minutes"] * MINUTE, id=f"{customer}-{place}", **data))
    return told


def shuffled_with_repeats(logs: list[list[Arrival]], chance: Random) -> list[Arrival]:
    """In order within a key, anyhow between keys, with repeats anywhere."""
    left = [list(log) for log in logs]
    told: list[Arrival] = []
    while any(left):
        told.append(chance.choice([log for log in left if log]).pop(0))
        if chance.random() < 0.3:
            told.append(chance.choice(told))
    return told


@settings(max_examples=examples(150), deadline=None)
@given(_STORIES, st.randoms(use_true_random=False))
def test_shuffled_between_keys_and_repeated_anywhere_the_state_and_messages_are_the_same(
    stories: list[list[dict[str, Any]]], chance: Random
) -> None:
    logs = [lived(customer, story) for customer, story in enumerate(stories)]
    one, other = Run(SHOP, now=AT + 90 * MINUTE), Run(SHOP, now=AT + 90 * MINUTE)
    one.take(*(event for log in logs for event in log))
    other.take(*shuffled_with_repeats(logs, chance))
    assert whole_state(one) == whole_state(other)
    assert whole_state(one.wait(3 * DAY)) == whole_state(other.wait(3 * DAY))


# One person under several keys: a cookie's, an e-mail's, a customer's.
CART = {"id": "k1", "total": "150.00"}
COOKIE, MAIL = {"anonymous_id": "a1"}, {"email": "anna@example.com", "consents": SUBSCRIBED}
STEPS: dict[str, Arrival] = {
    "cart": happened("cart.updated", AT, id="1", customer=COOKIE, cart=CART),
    "checkout": happened("checkout.started", AT + MINUTE, id="2", customer={**COOKIE, **MAIL}, cart=CART),
    "identify": happened("customer.signed_up", AT + 2 * MINUTE, id="3", customer={"id": "c-1", **MAIL}),
    "order": happened("order.placed", AT + 3 * MINUTE, id="4", customer={"id": "c-1", **MAIL},
                      order={"id": "o1", "cart_id": "k1", "total": "150.00"}),
}  # fmt: skip


@pytest.mark.parametrize("names", list(permutations(STEPS)), ids="-".join)
def test_no_order_of_cart_checkout_identify_and_order_reminds_a_buyer(names: tuple[str, ...]) -> None:
    run = Run(workspace(REMINDER), now=AT + 3 * MINUTE).take(*(STEPS[name] for name in names))
    assert len(run.profiles) == 1
    assert run.reload().wait(DAY).said == []


@pytest.mark.parametrize("names", list(permutations(["cart", "checkout", "identify"])), ids="-".join)
def test_who_has_not_bought_is_reminded_once_in_every_order(names: tuple[str, ...]) -> None:
    run = Run(workspace(REMINDER), now=AT + 3 * MINUTE).take(*(STEPS[name] for name in names))
    assert run.reload().wait(DAY).said == ["hello"]


_WHO = st.sampled_from([COOKIE, {**COOKIE, **MAIL}, {"id": "c-1", **MAIL}, {"id": "c-1"}, MAIL])


@settings(max_examples=examples(150), deadline=None)
@given(st.lists(st.tuples(_EVENT, _WHO), min_size=1, max_size=5), st.randoms(use_true_random=False))
def test_any_order_under_any_names_leaves_the_same_facts(
    words: list[tuple[dict[str, Any], dict[str, Any]]], chance: Random
) -> None:
    told = []
    for place, (word, who) in enumerate(words):
        (arrival,) = lived(1, [word])
        data = {**arrival.fields, "customer": dict(who)}
        if word["kind"] == "consent.changed":
            data["customer"]["consents"] = {"email": {"state": word["state"]}}
        told.append(happened(word["kind"], arrival.time, id=f"w{place}", **data))
    told += [STEPS["checkout"], STEPS["identify"]]
    other = list(told)
    chance.shuffle(other)
    one, two = (Run(SHOP, now=AT + 2 * HOUR).take(*order) for order in (told, other))
    assert known(one.profile) == known(two.profile)


@settings(max_examples=examples(100), deadline=None)
@given(st.lists(_EVENT, max_size=4), st.sampled_from(["withdrawal", "exit"]))
def test_what_was_said_before_a_withdrawal_or_exit_is_not_left_in_the_queue(
    story: list[dict[str, Any]], end: str
) -> None:
    run = Run(workspace(journey("views", "page.viewed", say(), Wait("w", 1, "hours"), say(id="2"), again_after=0,
                                exits=until("survey.answered"))), now=AT + 90 * MINUTE)  # fmt: skip
    run.take(*lived(1, story))
    who = {"id": "c-1"}
    if end == "withdrawal":
        gone = {**who, "consents": {"email": {"state": "unsubscribed", "at": AT + 2 * HOUR}}}
        run.take(happened("consent.changed", AT + 2 * HOUR, id="end", customer=gone))
    else:
        run.take(happened("survey.answered", AT + 2 * HOUR, id="end", customer=who))
    assert run.queue == []
    assert run.wait(DAY).queue == []


@settings(max_examples=examples(150), deadline=None)
@given(st.lists(_EVENT, min_size=1, max_size=6), st.randoms(use_true_random=False))
def test_no_order_of_one_customers_events_tells_of_an_unpaid_order_or_a_lapse_that_another_does_not(
    story: list[dict[str, Any]], chance: Random
) -> None:
    told = lived(1, story)
    other = list(told)
    chance.shuffle(other)
    timely = {"order.unpaid", "cart.abandoned", "customer.lapsed", "customer.anniversary"}
    ends = []
    for events in (told, other):
        run = Run(SHOP, now=AT + 90 * MINUTE).take(*events).wait(400 * DAY)
        ends.append(sorted(one for one in run.derived if one[0] in timely))
    assert ends[0] == ends[1]
