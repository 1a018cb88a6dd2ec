"""Events that follow from what a customer left behind: an emptied cart, a checkout, products looked at."""

from __future__ import annotations

from datetime import datetime
from itertools import permutations
from typing import Any

import pytest

from services.trigger_engine.journeys.derived import browse_abandoned
from services.trigger_engine.profiles.arrival import Arrival
from tests.support.engine import AT, DAY, HOUR, MINUTE, Run, anna, happened, journey, workspace

EMPTIED = journey("emptied", "cart.emptied", again_after=0)
CHECKOUT = journey("checkout", "checkout.abandoned", again_after=0)
BROWSE = journey("browse", "browse.abandoned", again_after=0)


def cart(total: str, at: datetime = AT, cart_id: str = "k1") -> Arrival:
    return happened("cart.updated", at, customer=anna(), cart={"id": cart_id, "total": total})


def order(at: datetime, **fields: Any) -> Arrival:
    return happened("order.placed", at, customer=anna(), order={"id": "o1", **fields})


def checkout(at: datetime = AT, kind: str = "checkout.started") -> Arrival:
    return happened(kind, at, customer=anna(), cart={"id": "k1", "total": "150"})


def view(product: str, minutes: int) -> Arrival:
    return happened("product.viewed", AT + minutes * MINUTE, customer=anna(), product={"id": product, "name": product})


def kinds(run: Run) -> list[str]:
    return [kind for kind, _ in run.derived]


def test_a_cart_that_had_something_in_it_is_emptied_a_little_later_in_every_order() -> None:
    for events in permutations((cart("150"), cart("0", AT + MINUTE))):
        run = Run(workspace(EMPTIED), now=AT + MINUTE).take(*events)
        assert run.wait(DAY).derived == [("cart.emptied", AT + 6 * MINUTE)]


def test_a_cart_that_never_had_anything_in_it_is_not_emptied() -> None:
    assert kinds(Run(workspace(EMPTIED)).take(cart("0"), cart("0", AT + MINUTE)).wait(DAY)) == []


def test_a_cart_that_is_empty_because_it_was_bought_is_not_emptied_whichever_is_read_first() -> None:
    told = (cart("150"), cart("0", AT + MINUTE), order(AT + 2 * MINUTE, cart_id="k1"))
    for events in permutations(told):
        assert kinds(Run(workspace(EMPTIED), now=AT + 2 * MINUTE).take(*events).wait(DAY)) == []


def test_a_cart_filled_and_emptied_again_is_emptied_twice() -> None:
    run = Run(workspace(EMPTIED)).take(cart("1"), cart("0", AT + MINUTE)).wait(HOUR)
    run.take(cart("2", AT + HOUR), cart("0", AT + HOUR + MINUTE)).wait(HOUR)
    assert kinds(run) == ["cart.emptied"] * 2


def test_a_checkout_is_abandoned_an_hour_after_its_last_step_and_once() -> None:
    run = Run(workspace(CHECKOUT), now=AT + 20 * MINUTE)
    run.take(checkout(AT + 20 * MINUTE, "checkout.step_completed"), checkout())
    assert run.wait(59 * MINUTE).said == []
    assert run.reload().wait(DAY).derived == [("checkout.abandoned", AT + 80 * MINUTE)]
    assert run.said == ["hello"]


@pytest.mark.parametrize("end", [order(AT + MINUTE), order(AT + MINUTE, cart_id="k1"), cart("0", AT + MINUTE)],
                         ids=["an order", "its order", "an emptied cart"])  # fmt: skip
def test_a_checkout_that_ends_otherwise_is_not_abandoned_whichever_is_read_first(end: Arrival) -> None:
    for events in permutations((checkout(), end)):
        assert kinds(Run(workspace(CHECKOUT), now=AT + MINUTE).take(*events).wait(DAY)) == []


def test_a_visitors_checkout_is_abandoned_after_he_became_known_unless_he_bought() -> None:
    for bought in (False, True):
        run = Run(workspace(CHECKOUT))
        run.take(happened("checkout.started", customer={"anonymous_id": "a1"}, cart={"id": "k9", "total": "5"}))
        run.take(order(AT + MINUTE) if bought else happened("customer.updated", customer=anna()))
        run.take(happened("customer.updated", customer=anna(anonymous_id="a1")))
        assert kinds(run.reload().wait(DAY)) == ([] if bought else ["checkout.abandoned"])


def test_what_was_looked_at_most_often_is_abandoned_four_hours_after_the_last_look() -> None:
    looks = [view("a", n) for n in range(3)] + [view("b", n) for n in range(10, 14)] + [view("c", 30)]
    run = Run(workspace(BROWSE), now=AT + 30 * MINUTE).take(*looks)
    run.wait(DAY)
    assert run.derived == [("browse.abandoned", AT + 4 * HOUR + 30 * MINUTE)]
    assert run.profile.looked == {}


def test_the_order_of_looks_plays_no_part() -> None:
    looks = [view("a", 0), view("a", 5), view("b", 3), view("a", 9)]
    for events in permutations(looks):
        run = Run(workspace(BROWSE), now=AT + 9 * MINUTE).take(*events)
        assert run.reload().wait(DAY).derived == [("browse.abandoned", AT + 4 * HOUR + 9 * MINUTE)]


@pytest.mark.parametrize("end", [order(AT + 5 * MINUTE), cart("9", AT + 5 * MINUTE)], ids=["an order", "a cart"])
def test_what_was_bought_or_put_into_a_cart_is_not_abandoned(end: Arrival) -> None:
    looks = [view("a", n) for n in range(3)]
    for events in ((*looks, end), (end, *looks)):
        assert kinds(Run(workspace(BROWSE), now=AT + 5 * MINUTE).take(*events).wait(DAY)) == []


def test_two_looks_or_three_over_a_month_are_not_enough() -> None:
    run = Run(workspace(BROWSE)).take(view("a", 0), view("a", 60))
    run.take(view("a", 30 * 24 * 60))
    assert kinds(run.wait(60 * DAY)) == []


def test_a_visit_is_told_once_and_a_look_of_it_that_comes_late_tells_nothing() -> None:
    run = Run(workspace(BROWSE)).take(view("a", 0), view("a", 1), view("a", 5)).wait(DAY)
    run.take(view("a", 2), view("a", 3), view("a", 4)).wait(DAY)
    assert kinds(run) == ["browse.abandoned"]
    again = [happened("product.viewed", run.now, customer=anna(), product={"id": "a"}) for _ in range(3)]
    assert kinds(run.take(*again).wait(DAY)) == ["browse.abandoned"] * 2


def test_a_category_is_looked_at_by_its_name_or_id() -> None:
    looks = [
        happened("category.viewed", customer=anna(), category=name) for name in ("shoes", {"id": "shoes"}, "shoes")
    ]
    assert kinds(Run(workspace(BROWSE)).take(*looks).wait(DAY)) == ["browse.abandoned"]


def test_products_remembered_stay_few() -> None:
    run = Run(workspace(BROWSE)).take(*(view(f"p{n}", n) for n in range(50)))
    assert len(run.profile.looked) == browse_abandoned.MOST_SUBJECTS
