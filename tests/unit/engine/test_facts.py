"""What events leave behind: the latest word by source time, exact sums, no order of arrival."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.trigger_engine.profiles.arrival import Arrival
from services.trigger_engine.profiles.money import units
from services.trigger_engine.profiles.state import Profile, dump, load
from tests.support.engine import AT, DAY, HOUR, REMINDER, Run, anna, happened, workspace

# The facts that no order of arrival changes.
ORDERLESS = ("facts", "consents", "seen", "orders", "spent", "paid", "bought")


def told(*arrivals: Arrival) -> Profile:
    """The customer after these events."""
    return Run(workspace(REMINDER)).take(*arrivals).profile


def test_the_latest_word_by_source_time_counts() -> None:
    profile = told(
        happened("customer.updated", AT + HOUR, customer={"id": "c-1", "first_name": "Anna"}),
        happened("customer.updated", AT, customer={"id": "c-1", "first_name": "Hanna", "locale": "pl"}),
    )
    assert (profile.fact("first_name"), profile.fact("locale")) == ("Anna", "pl")


def test_what_an_event_does_not_say_stays() -> None:
    profile = told(
        happened("customer.updated", customer=anna(tags=["VIP"])),
        happened("customer.updated", AT + HOUR, customer={"id": "c-1", "first_name": None}),
    )
    assert (profile.fact("first_name"), profile.fact("tags")) == ("Anna", ["VIP"])


def test_sums_are_exact_and_kept_by_currency() -> None:
    orders = [("0.10", "PLN"), ("0.20", "PLN"), (0.7, "PLN"), ("19.99", "EUR"), (None, "PLN")]
    profile = told(*(
        happened("order.placed", customer={"id": "c-1"}, order={"id": str(i), "total": total, "currency": currency})
        for i, (total, currency) in enumerate(orders)
    ))  # fmt: skip
    assert profile.spent == {"PLN": 10_000, "EUR": 199_900}
    assert profile.orders == 5


def test_what_is_paid_counts_without_shipping() -> None:
    order = {"id": "1", "total": "120.00", "shipping": "20.00", "currency": "PLN"}
    assert told(happened("order.paid", customer={"id": "c-1"}, order=order)).paid == {"PLN": 1_000_000}


@given(st.decimals(-(10**12), 10**12, places=4, allow_nan=False))
def test_money_is_read_to_the_ten_thousandth(amount: Decimal) -> None:
    assert units(f"{amount:f}") == int(amount * 10_000)


@pytest.mark.parametrize(
    ("amount", "worth"), [("-0.5", -5_000), ("1.123456", 11_234), (12, 120_000), (0.1, 1_000), (None, 0), ("7", 70_000)]
)
def test_money_may_be_text_or_number(amount: Any, worth: int) -> None:
    assert units(amount) == worth


def test_an_older_cart_does_not_replace_a_newer_one() -> None:
    profile = told(
        happened("cart.updated", AT + HOUR, customer={"id": "c-1"}, cart={"id": "k2", "total": "5"}),
        happened("cart.updated", AT, customer={"id": "c-1"}, cart={"id": "k1", "total": "9"}),
    )
    assert profile.cart is not None
    assert profile.cart.id == "k2"


def test_a_cart_dated_in_the_future_is_as_old_as_its_event() -> None:
    profile = told(happened("cart.updated", customer={"id": "c-1"}, cart={"id": "k1", "updated_at": AT + 900 * DAY}))
    assert profile.cart is not None
    assert profile.cart.changed_at == AT


def test_a_browser_says_what_was_seen_and_nothing_of_the_customer() -> None:
    arrival = happened("cart.updated", customer={"anonymous_id": "a1", "first_name": "Eve"}, cart={"id": "k1"})
    arrival.scope = "browser"
    profile = told(arrival)
    assert profile.facts == {}
    assert profile.cart is not None


def test_the_closed_carts_of_a_busy_buyer_are_forgotten_after_a_month() -> None:
    orders = [
        happened("order.placed", AT + i * DAY, customer={"id": "c-1"}, order={"id": str(i), "cart_id": f"k{i}"})
        for i in range(80)
    ]
    assert len(told(*orders).bought) < 55


def test_a_profile_reads_back_from_its_row() -> None:
    profile = told(
        happened("customer.updated", customer=anna(tags=["VIP"], birthday="1990-02-28")),
        happened("cart.updated", customer=anna(), cart={"id": "k1", "total": "150.00"}),
        happened("order.placed", customer=anna(), placed="o1"),
    )
    assert load(dump(profile), profile.version) == profile


def test_a_busy_customers_row_stays_narrow() -> None:
    """One narrow row a customer: under 2 kB."""
    events = [happened(kind, AT + i * HOUR, customer=anna(), cart={"id": "k1", "total": "150.00"})
              for i, kind in enumerate(["page.viewed", "product.updated", "checkout.started", "cart.updated"])
              if kind != "product.updated"]  # fmt: skip
    events += [happened("order.placed", AT + i * DAY, customer=anna(), placed=f"o{i}") for i in range(10)]
    assert len(dump(told(*events))) < 2048


_CUSTOMER = st.fixed_dictionaries(
    {"id": st.just("c-1")},
    optional={
        "email": st.sampled_from(["anna@example.com", "a@example.com"]),
        "first_name": st.sampled_from(["Anna", "Hanna"]),
        "tags": st.lists(st.sampled_from(["VIP", "B2B"]), max_size=2),
        "consents": st.fixed_dictionaries({"email": st.fixed_dictionaries({"state": st.sampled_from(
            ["subscribed", "unsubscribed", "pending"])})}),
    },
)  # fmt: skip
_EVENT = st.fixed_dictionaries({
    "kind": st.sampled_from(["customer.updated", "consent.changed", "order.placed", "order.paid", "cart.updated"]),
    "hours": st.integers(0, 4), "customer": _CUSTOMER, "number": st.integers(1, 3),
    "amount": st.sampled_from(["10.00", "0.10", "99.99"]),
})  # fmt: skip


def build(word: dict[str, Any]) -> Arrival:
    """The event that these words describe."""
    data: dict[str, Any] = {"customer": word["customer"]}
    if word["kind"].startswith("order."):
        data["order"] = {"id": "1", "total": word["amount"], "currency": "PLN", "cart_id": f"k{word['number']}"}
    if word["kind"] == "cart.updated":
        data["cart"] = {"id": f"k{word['number']}", "total": word["amount"]}
    return happened(word["kind"], AT + timedelta(hours=word["hours"]), **data)


@given(st.lists(_EVENT, min_size=1, max_size=8), st.randoms(use_true_random=False))
def test_any_order_of_the_same_events_leaves_the_same_facts(words: list[dict[str, Any]], chance: Any) -> None:
    arrivals = [build(word) for word in words]
    shuffled = list(arrivals)
    chance.shuffle(shuffled)
    one, other = told(*arrivals), told(*shuffled)
    for name in ORDERLESS:
        assert getattr(one, name) == getattr(other, name), name
    assert set(one.identifiers) == set(other.identifiers)
    assert (one.cart is None) == (other.cart is None)
    if one.cart is not None and other.cart is not None:
        shown = [(c.id, c.changed_at, msgspec.to_builtins(c.data)) for c in (one.cart, other.cart)]
        assert shown[0] == shown[1]


def test_of_two_states_of_a_cart_at_one_moment_neither_depends_on_arrival() -> None:
    carts = [happened("cart.updated", customer={"id": "c-1"}, cart={"id": "k1", "total": t}) for t in ("1", "2")]
    one, other = told(*carts), told(*reversed(carts))
    assert one.cart == other.cart
