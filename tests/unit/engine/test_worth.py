"""What a goal was worth, whatever the shop's own events hold."""

from __future__ import annotations

from typing import Any

import pytest

from services.contracts import ids
from services.kit.errors import BadRecord
from services.trigger_engine.journeys.reaction import Goal
from services.trigger_engine.journeys.worth import goal
from tests.support.engine import AT, happened


def reached(**data: Any) -> Goal:
    return goal(happened("shop.visited", AT, own=("shop.visited",), **data), "PLN")


def test_an_order_is_worth_its_total_and_is_the_same_in_every_event_about_it() -> None:
    placed = goal(happened("order.placed", placed="o1"), "EUR")
    paid = goal(happened("order.paid", order={"id": "o1", "total": "99.90", "currency": "PLN"}), "EUR")
    assert (placed.amount, placed.currency, paid.amount) == (1_000_000, "PLN", 999_000)
    assert placed.key == paid.key == ids.bought("o1")


def test_an_order_without_a_currency_is_in_the_shops() -> None:
    assert reached(order={"id": "o1", "total": 12.5}).currency == "PLN"


def test_what_is_no_order_is_a_goal_of_its_own() -> None:
    one, other = reached(), reached()
    assert one.key != other.key
    assert (one.amount, one.currency) == (None, None)


def test_an_order_without_a_total_is_worth_nothing_that_is_known() -> None:
    assert reached(order={"id": "o1"}) == Goal(AT, ids.bought("o1"))


@pytest.mark.parametrize("order", [7, [], {}, {"id": 7}, {"id": "o1", "total": "much"}, {"id": "o1", "total": "1e400"}])
def test_what_is_no_order_does_not_come_so_far(order: Any) -> None:
    """Also under types of the shop's own: the words of a customer's story mean the same everywhere."""
    with pytest.raises(BadRecord):
        reached(order=order)
