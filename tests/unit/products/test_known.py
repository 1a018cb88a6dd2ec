"""What follows from a word about a product: cheaper, or back in stock."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.trigger_engine.products.interest import Interest, shown
from services.trigger_engine.products.known import BEFORE, Change, Known, ProductRules, hear
from tests.support.engine import AT, DAY, HOUR, MINUTE, happened

BOTH = ProductRules(5.0, True)


def told(
    known: Known, at: datetime = AT, kind: str = "product.updated", rules: ProductRules = BOTH, **product: Any
) -> Any:
    """What follows, from a word at `at`."""
    return list(hear(known, happened(kind, at, product={"id": "p1", **product}), rules))


def after(*words: tuple[timedelta, dict[str, Any]]) -> Known:
    """A product after words at moments before AT."""
    known = Known()
    for before, product in words:
        told(known, AT - before, **product)
    return known


@pytest.mark.parametrize(
    ("before", "now", "follows"),
    [("100", "95.00", True), ("100", "95.01", False), ("100", "100", False), ("100", "120", False), (100, 50.0, True),
     ("100", "0", False), ("100", None, False)],
)  # fmt: skip
def test_a_price_has_dropped_if_it_is_lower_by_so_many_percent(before: Any, now: Any, follows: bool) -> None:
    changes = told(after((DAY, {"price": before})), price=now)
    assert [one.type for one in changes] == ["product.price_dropped"] * follows


def test_a_first_price_or_one_in_another_currency_is_no_drop() -> None:
    known = Known()
    assert told(known, price="5", currency="PLN") == []
    assert told(known, AT + MINUTE, price="1", currency="EUR") == []
    assert [one.type for one in told(known, AT + HOUR, price="0.90", currency="EUR")] == ["product.price_dropped"]


def test_what_is_sold_out_interests_nobody_by_its_price() -> None:
    known = after((DAY, {"price": "100", "stock": 0}))
    assert told(known, price="50") == []
    assert [one.type for one in told(known, AT + MINUTE, price="40", stock=1)] == [
        "product.back_in_stock", "product.price_dropped",
    ]  # fmt: skip


def test_a_word_that_comes_late_changes_nothing_that_is_newer() -> None:
    known = after((HOUR, {"price": "100", "stock": 3}))
    assert told(known, AT - DAY, price="50", stock=0) == []
    assert (known.price, known.stock) == (1_000_000, 3)
    assert told(known, price="100", stock=4) == []


# The lowest price of the 30 days before


def lowest(known: Known, price: str = "1.00") -> Any:
    (change,) = told(known, price=price)
    return change.product.get("lowest_price_30d")


def test_the_lowest_price_counts_what_was_in_force_when_the_30_days_began() -> None:
    known = after((90 * DAY, {"price": "10"}), (40 * DAY, {"price": "70"}), (5 * DAY, {"price": "80.50"}))
    assert lowest(known) == "70.00"


def test_the_lowest_price_is_not_stated_before_30_days_are_known() -> None:
    """Directive 98/6/EC, article 6a: a price that was not the lowest may not be shown as such."""
    assert lowest(after((29 * DAY, {"price": "70"}), (5 * DAY, {"price": "80"}))) is None


def test_a_price_of_a_few_hours_counts_too() -> None:
    known = after(
        (90 * DAY, {"price": "100"}), (10 * DAY + HOUR, {"price": "60"}), (10 * DAY, {"price": "100"}),
    )  # fmt: skip
    assert lowest(known) == "60.00"


def test_what_the_shop_says_itself_stands() -> None:
    known = after((90 * DAY, {"price": "100"}))
    (change,) = told(known, price="50", lowest_price_30d="77.00", reduced_since="2026-11-01T00:00:00Z", own="x")
    assert change.product == {
        "id": "p1", "price": "50", "lowest_price_30d": "77.00", "reduced_since": "2026-11-01T00:00:00Z",
        "old_price": "100.00",
    }  # fmt: skip


@given(st.lists(st.tuples(st.integers(0, 90 * 24), st.integers(1, 99)), min_size=1, max_size=60))
def test_the_lowest_price_is_never_above_any_price_in_force_and_the_days_are_bounded(
    words: list[tuple[int, int]],
) -> None:
    """Over any words in any order, against all prices kept one by one."""
    hours = dict(words)
    known = Known()
    for hour, price in hours.items():
        told(known, AT - hour * HOUR, price=str(price))
    assert len(known.days) <= BEFORE.days + 3
    ordered = sorted((AT - hour * HOUR, price) for hour, price in hours.items())
    changes = told(known, AT + MINUTE, price="0.01")
    assert [one.type for one in changes] == ["product.price_dropped"]
    stated = changes[0].product.get("lowest_price_30d")
    if stated is not None:
        first = AT + MINUTE - BEFORE
        opening = [price for at, price in ordered if at <= first]
        in_force = [*opening[-1:], *(price for at, price in ordered if at > first)]
        assert opening
        assert float(stated) <= min(in_force)
    elif list(hours) == sorted(hours, reverse=True):  # told in order, nothing is forgotten that would be needed
        assert ordered[0][0].date() >= (AT + MINUTE).date() - BEFORE


# Back in stock


@pytest.mark.parametrize(
    ("before", "now", "follows"), [(0, 3, True), (None, 3, False), (2, 3, False), (0, 0, False), (0, None, False)]
)
def test_stock_after_none_is_a_return(before: Any, now: Any, follows: bool) -> None:
    changes = told(after((DAY, {"stock": before})), stock=now)
    assert changes == [Change("product.back_in_stock", {"id": "p1", "stock": now})] * follows


def test_a_platform_that_says_so_is_believed_whatever_was_known() -> None:
    for known in (Known(), after((DAY, {"stock": 5})), after((DAY, {"stock": 0}))):
        assert [one.type for one in told(known, kind="product.back_in_stock")] == ["product.back_in_stock"]


def test_one_return_is_told_once_an_hour_however_it_flickers() -> None:
    known = after((DAY, {"stock": 0}))
    assert len(told(known, stock=1)) == 1
    assert told(known, AT + MINUTE, kind="product.back_in_stock") == []
    assert told(known, AT + 2 * MINUTE, stock=0) == told(known, AT + 3 * MINUTE, stock=1) == []
    told(known, AT + 4 * MINUTE, stock=0)
    assert len(told(known, AT + HOUR, stock=1)) == 1


@pytest.mark.parametrize("rules", [ProductRules(None, True), ProductRules(5.0, False)])
def test_only_what_somebody_listens_to_follows(rules: ProductRules) -> None:
    changes = told(after((DAY, {"price": "10", "stock": 0})), rules=rules, price="5", stock=1)
    assert [one.type for one in changes] == [
        "product.back_in_stock" if rules.back_in_stock else "product.price_dropped"
    ]


# Interest


def test_an_event_shows_interest_in_what_it_names_and_no_more_than_a_hundred() -> None:
    items = [{"product_id": str(n)} for n in range(150)]
    strange = [{"product_id": None}, {"product_id": ""}, {"product_id": "x" * 257}, {"sku": "s"}]
    cart = list(shown(happened("cart.updated", cart={"id": "k", "items": [*strange, *items]})))
    assert cart == [(str(n), Interest.CART) for n in range(96)]
    order = happened("order.placed", order={"id": "o", "items": [{"product_id": "a"}]})
    assert list(shown(order)) == [("a", Interest.BOUGHT)]
    assert list(shown(happened("product.viewed", product={"id": "a"}))) == [("a", Interest.VIEWED)]
    assert list(shown(happened("product.asked_for", product={"id": "a"}))) == [("a", Interest.ASKED)]
    assert list(shown(happened("order.paid", order={"id": "o", "items": [{"product_id": "a"}]}))) == []
    assert list(shown(happened("cart.updated", cart={"id": "k"}))) == []
