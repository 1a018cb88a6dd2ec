"""What the brake counts, and when it fires."""

from __future__ import annotations

import sys
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.contracts.policies import Brake, Money
from services.notifier.brake import BUCKET, DAY, HOUR, Fired, bucket, most_of_a_claim, passed, since, spendings

BOTH = Brake(5_000, Money(Decimal(200), "PLN"))
TIMES = st.datetimes(datetime(2020, 1, 1), datetime(2040, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 -- made aware


def test_messages_are_counted_by_journey_and_sms_by_what_their_parts_cost() -> None:
    found = spendings(BOTH, "0.09 PLN", [("a", "x" * 160), ("b", "x" * 161), ("a", "ł" * 71)])
    assert [tuple(one) for one in found] == [
        ("journey:a", Decimal(2), Decimal(5_000), HOUR), ("journey:b", Decimal(1), Decimal(5_000), HOUR),
        ("channel:sms", Decimal("0.45"), Decimal(200), DAY),
    ]  # fmt: skip


def test_an_email_costs_nothing() -> None:
    assert [one.scope for one in spendings(BOTH, None, [("a", None)])] == ["journey:a"]


def test_only_what_is_limited_is_counted() -> None:
    assert spendings(Brake(None, BOTH.sms_cost_per_day), None, [("a", None)]) == []
    assert [one.scope for one in spendings(Brake(10), "0.09 PLN", [("a", "Hi")])] == ["journey:a"]
    assert spendings(BOTH, "0.09 PLN", []) == []


@pytest.mark.parametrize(("total", "fires"), [("199.99", False), ("200", False), ("200.01", True)])
def test_a_scope_is_paused_by_more_than_its_limit_not_by_the_limit(total: str, fires: bool) -> None:
    spent = spendings(Brake(None, BOTH.sms_cost_per_day), "0.09 PLN", [("a", "Hi")])
    found = passed(spent, {"channel:sms": Decimal(total)})
    assert found == ([Fired("channel:sms", Decimal(total), Decimal(200))] if fires else [])


@pytest.mark.parametrize(
    ("brake", "price", "most"),
    [
        (BOTH, None, 500),
        (BOTH, "0.09 PLN", 222),
        (Brake(50), None, 5),
        (Brake(3), None, 1),
        (Brake(None, BOTH.sms_cost_per_day), None, sys.maxsize),
        (Brake(None, BOTH.sms_cost_per_day), "0 PLN", sys.maxsize),
        (Brake(None, Money(Decimal(0), "PLN")), "0.09 PLN", 1),
    ],
)
def test_a_claim_takes_at_most_a_tenth_of_the_limit(brake: Brake, price: str | None, most: int) -> None:
    assert most_of_a_claim(brake, price) == most


@given(TIMES, st.sampled_from([HOUR, DAY]), st.timedeltas(timedelta(), DAY * 2))
def test_what_is_older_than_the_window_never_counts_and_what_is_five_minutes_younger_does(
    now: datetime, window: timedelta, age: timedelta
) -> None:
    counts = bucket(now - age) >= since(now, window)
    assert not (counts and age >= window)
    assert counts or age > window - BUCKET
