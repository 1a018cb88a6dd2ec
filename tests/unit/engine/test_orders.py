"""What was ordered, paid, cancelled and paid back: exact sums in every order of arrival."""

from __future__ import annotations

from itertools import permutations
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.trigger_engine.profiles.arrival import Arrival
from services.trigger_engine.profiles.merge import merge
from services.trigger_engine.profiles.orders import MOST_ORDERS, MOST_REFUNDS
from services.trigger_engine.profiles.state import Profile, dump, load
from tests.support.engine import AT, DAY, HOUR, Run, happened, workspace

PLN = 10_000


def about(kind: str, number: Any = 1, hours: float = 0, *, who: str = "c-1", **order: Any) -> Arrival:
    """An event about an order of 100 PLN, 20 of them shipping."""
    refund = {"refund": order.pop("refund")} if "refund" in order else {}
    told = {"id": f"o{number}", "total": "100.00", "shipping": "20.00", "currency": "PLN"} | order
    return happened(f"order.{kind}", AT + hours * HOUR, customer={"id": who}, order=told, **refund)


def told(*arrivals: Arrival) -> Profile:
    return Run(workspace()).take(*arrivals).profile


def sums(profile: Profile) -> tuple[int, dict[str, int], dict[str, int]]:
    return profile.orders, profile.spent, profile.paid


PLACED, PAID = about("placed"), about("paid", hours=1)
CANCELLED, AGAIN = about("cancelled", hours=2), about("cancelled", hours=3)
SOME = about("refunded", hours=2, refund={"id": "r1", "amount": "30.00"})
MORE = about("refunded", hours=3, refund={"id": "r2", "amount": "25.50"})
ALL = about("refunded", hours=4)


@pytest.mark.parametrize("order", list(permutations([PLACED, PAID, CANCELLED, AGAIN])))
def test_a_cancelled_order_counts_nothing_whenever_and_however_often_it_is_told(order: tuple[Arrival, ...]) -> None:
    assert sums(told(*order)) == (0, {}, {})


@pytest.mark.parametrize("order", list(permutations([PLACED, PAID, SOME, MORE])))
def test_refunds_take_off_what_they_paid_back_in_every_order(order: tuple[Arrival, ...]) -> None:
    assert sums(told(*order)) == (1, {"PLN": 445_000}, {"PLN": 245_000})


@pytest.mark.parametrize("order", list(permutations([PLACED, PAID, ALL, SOME])))
def test_a_refund_without_an_amount_is_of_all_that_was_paid(order: tuple[Arrival, ...]) -> None:
    assert sums(told(*order)) == (1, {}, {})


def test_one_refund_told_under_two_event_ids_counts_once() -> None:
    again = about("refunded", hours=5, refund={"id": "r1", "amount": "30.00"})
    assert told(PLACED, SOME, again).spent == {"PLN": 70 * PLN}


def test_an_order_told_under_two_event_ids_counts_once_as_it_was_told_last() -> None:
    assert sums(told(PLACED, about("placed", hours=2, total="80.00")))[:2] == (1, {"PLN": 80 * PLN})


def test_no_refund_makes_a_sum_negative() -> None:
    beyond = about("refunded", hours=2, refund={"id": "r1", "amount": "999"})
    assert sums(told(PLACED, about("placed", 2), beyond)) == (2, {"PLN": 100 * PLN}, {})


def test_equal_order_numbers_of_two_shops_are_two_orders() -> None:
    other = happened("order.placed", source="de", customer={"id": "c-1", "email": "anna@example.com"},
                     order={"id": "o1", "total": "50", "currency": "EUR"})  # fmt: skip
    mine = happened("order.placed", source="pl", customer={"id": "c-1", "email": "anna@example.com"},
                    order={"id": "o1", "total": "50", "currency": "PLN"})  # fmt: skip
    cancelled = happened("order.cancelled", source="pl", customer={"id": "c-1"}, order={"id": "o1"})
    assert sums(told(other, mine, cancelled))[:2] == (1, {"EUR": 50 * PLN})


def test_sums_outlive_the_orders_that_are_remembered_one_by_one() -> None:
    profile = told(*(about("placed", n, hours=n) for n in range(MOST_ORDERS + 5)), about("cancelled", 30, hours=99))
    assert len(profile.ledger) == MOST_ORDERS
    assert profile.orders == MOST_ORDERS + 4


def test_many_refunds_of_one_order_are_added_up_and_not_all_remembered() -> None:
    refunds = [about("refunded", hours=n, refund={"id": f"r{n}", "amount": "1"}) for n in range(MOST_REFUNDS + 5)]
    profile = told(PLACED, *refunds)
    assert profile.spent == {"PLN": (100 - MOST_REFUNDS - 5) * PLN}
    (booked,) = profile.ledger.values()
    assert len(booked.refunds) == MOST_REFUNDS + 1


def test_a_ledger_reads_back_from_its_row() -> None:
    profile = told(PLACED, PAID, SOME, about("cancelled", 2))
    assert load(dump(profile), profile.version) == profile


def test_an_order_that_two_profiles_know_of_counts_once_when_they_become_one() -> None:
    one, other = told(PLACED, about("placed", 2, hours=1)), told(PAID, SOME, about("placed", 3, hours=1))
    merge(one, other)
    assert sums(one) == (3, {"PLN": 270 * PLN}, {"PLN": 50 * PLN})


_KINDS = st.sampled_from(["placed", "paid", "cancelled", "refunded"])
_WORD = st.tuples(_KINDS, st.integers(1, 3), st.integers(0, 3), st.sampled_from(["10.00", "99.99", "0.10"]))


def build(place: int, word: tuple[str, int, int, str], who: str = "c-1") -> Arrival:
    kind, number, hours, amount = word
    refund = {"refund": {"id": f"r{place}", "amount": amount}} if kind == "refunded" and place % 2 else {}
    return about(kind, number, hours, who=who, total=amount, **refund)


@settings(deadline=None)
@given(st.lists(_WORD, min_size=1, max_size=9), st.randoms(use_true_random=False))
def test_any_order_of_events_leaves_the_same_sums(words: list[tuple[str, int, int, str]], chance: Any) -> None:
    arrivals = [build(place, word) for place, word in enumerate(words)]
    shuffled = list(arrivals)
    chance.shuffle(shuffled)
    assert sums(told(*arrivals)) == sums(told(*shuffled))


@settings(deadline=None)
@given(st.lists(_WORD, min_size=1, max_size=8), st.integers(0, 8))
def test_sums_do_not_depend_on_which_events_came_before_two_profiles_became_one(
    words: list[tuple[str, int, int, str]], cut: int
) -> None:
    arrivals = [build(place, word) for place, word in enumerate(words)]
    whole = told(*arrivals)
    halves = [part for part in (arrivals[:cut], arrivals[cut:]) if part]
    keeper, *others = [told(*part) for part in halves]
    for other in others:
        merge(keeper, load(dump(other), 0))
    assert sums(keeper) == sums(whole)
    assert keeper.ledger == whole.ledger


def test_a_year_of_orders_leaves_the_row_narrow() -> None:
    profile = told(*(about(kind, n, hours=24 * n) for n in range(12) for kind in ("placed", "paid")),
                   happened("page.viewed", AT + DAY, customer={"id": "c-1"}))  # fmt: skip
    assert len(dump(profile)) < 1400
