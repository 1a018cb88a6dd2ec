"""Numbers over a window: exact within their buckets, in every order, and only where something asks."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.contracts.journey import Journey
from services.trigger_engine.journeys.conditions import ConditionError
from services.trigger_engine.journeys.definitions import define
from services.trigger_engine.journeys.env import environment
from services.trigger_engine.profiles import windows
from services.trigger_engine.profiles.arrival import Arrival
from services.trigger_engine.profiles.merge import merge
from services.trigger_engine.profiles.state import Profile, dump, load
from tests.support.engine import AT, DAY, HOUR, Run, anna, happened, journey, workspace


def asking(*conditions: str) -> tuple[Journey, ...]:
    """Journeys that nothing enters, and that ask all this."""
    return tuple(journey(f"j{n}", "survey.answered", condition=text) for n, text in enumerate(conditions))


def number(run: Run, call: str, at: timedelta = timedelta(0)) -> Any:
    """What a call gives for the only customer, so much later."""
    definitions = define(workspace(*asking(f"{call} == 0"), schemas=run.workspace.event_schemas))
    (asked,) = definitions.enters["survey.answered"]
    assert asked.condition is not None
    (key,) = asked.condition.calls
    calls = environment(run.profile, run.definitions, run.now + at)["calls"]
    return calls.get(key)


def about(kind: str, number: Any, days: float, total: str = "100.00", **more: Any) -> Arrival:
    order = {"id": f"o{number}", "total": total, "currency": "PLN"} | more.pop("order", {})
    return happened(f"order.{kind}", AT + days * DAY, customer={"id": "c-1"}, order=order, **more)


def seen(product: str, days: float = 0, category: str = "shoes") -> Arrival:
    return happened("product.viewed", AT + days * DAY, customer={"id": "c-1"},
                    product={"id": product, "sku": f"s-{product}", "category": category})  # fmt: skip


SPENT = asking("spent(30 days) > 0", "orders(30 days) > 0", "spent(365 days) > 0")


def test_what_was_spent_leaves_the_window_with_its_day_and_not_before() -> None:
    run = Run(workspace(*SPENT)).take(about("placed", 1, 0), about("placed", 2, 10, "50.50"))
    run.now = AT + 10 * DAY
    assert [number(run, "spent(30 days)", days * DAY) for days in (0, 19, 20, 21, 30, 31)] == [
        150.5, 150.5, 150.5, 50.5, 50.5, 0,
    ]  # fmt: skip
    assert number(run, "spent(365 days)", 31 * DAY) == 150.5
    assert number(run, "orders(30 days)") == 2


def test_a_cancellation_or_refund_takes_off_on_the_day_of_its_order() -> None:
    run = Run(workspace(*SPENT), now=AT + 40 * DAY)
    refund = about("refunded", 2, 39, refund={"id": "r", "amount": "40"})
    run.take(refund, about("placed", 1, 38), about("placed", 2, 38), about("placed", 3, 1), about("cancelled", 1, 40))
    assert (number(run, "spent(30 days)"), number(run, "orders(30 days)")) == (60, 1)
    assert number(run, "spent(365 days)") == 160


def test_events_views_and_purchases_are_counted_by_what_they_are_about() -> None:
    run = Run(workspace(*asking('count("product.viewed", 7 days) > 0', 'viewed("p1", 7 days) > 0',
                                'viewed("shoes", 7 days) > 0', 'bought("s-9", 90 days) > 0')))  # fmt: skip
    items = [{"sku": "s-9", "quantity": 2}, {"product_id": "x", "category": "s-9"}, {"sku": "other", "quantity": 5}]
    run.take(
        seen("p1"), seen("p1", 0.1), seen("p2", 0.1), seen("p3", 0.1, "hats"),
        about("placed", 1, 0, order={"items": items}),
        happened("category.viewed", customer={"id": "c-1"}, category={"name": "shoes"}),
    )  # fmt: skip
    assert number(run, 'count("product.viewed", 7 days)') == 4
    assert [number(run, call) for call in ('viewed("p1", 7 days)', 'viewed("shoes", 7 days)')] == [2, 4]
    assert number(run, 'bought("s-9", 90 days)') == 3


def test_a_short_window_is_counted_in_hours() -> None:
    run = Run(workspace(*asking('count("page.viewed", 24 hours) > 1')))
    run.take(happened("page.viewed", customer={"id": "c-1"}))
    assert [number(run, 'count("page.viewed", 24 hours)', hours * HOUR) for hours in (23, 24, 25)] == [1, 1, 0]


def test_a_journey_decides_by_a_window_that_counts_the_event_itself() -> None:
    run = Run(workspace(journey("vip", "order.placed", condition="spent(365 days) >= 300", again_after=0)))
    for n in range(3):
        run.take(happened("order.placed", AT + n * HOUR, customer=anna(), placed=f"o{n}"))
    assert len(run.said) == 1


def test_nothing_is_kept_that_nobody_asks_for() -> None:
    run = Run(workspace(journey("j", "page.viewed")))
    run.take(about("placed", 1, 0, order={"items": [{"sku": "s", "category": "shoes"}]}), seen("p1"))
    assert (run.profile.days, run.profile.tallies, run.profile.viewed) == ({}, {}, {})


def test_old_days_are_dropped() -> None:
    run = Run(workspace(*asking('count("page.viewed", 7 days) > 0')))
    for day in range(60):
        run.now = AT + day * DAY
        run.take(happened("page.viewed", run.now, customer={"id": "c-1"}))
    (days,) = run.profile.days.values()
    assert len(days) == 9


def test_an_event_older_than_every_window_leaves_nothing() -> None:
    run = Run(workspace(*asking('count("page.viewed", 7 days) > 0')), now=AT + 30 * DAY)
    run.take(happened("page.viewed", customer={"id": "c-1"}))
    assert [dict(days) for days in run.profile.days.values()] == [{windows.SPAN: 7}]


@pytest.mark.parametrize(
    ("condition", "problem"),
    [
        ('count("page.view", 7 days) > 1', "did you mean 'page.viewed'"),
        ('count("message.clicked", 7 days) > 1', "'count' knows no 'message.clicked'"),
        ("spent(30) > 1", "write spent(90 days)"),
        ("viewed(7 days) > 1", "takes 2 values"),
        ("count(7 days) > 1", "takes 2 values"),
    ],
)
def test_a_wrong_window_is_answered_with_what_to_write(condition: str, problem: str) -> None:
    with pytest.raises(ConditionError, match=problem.replace("(", r"\(").replace(")", r"\)")):
        define(workspace(*asking(condition)))


def test_a_shops_own_events_are_counted() -> None:
    run = Run(workspace(*asking('count("wheel.spun", 7 days) > 0'), schemas={"wheel.spun": {"type": "object"}}))
    run.take(happened("wheel.spun", own=["wheel.spun"], customer={"id": "c-1"}))
    assert number(run, 'count("wheel.spun", 7 days)') == 1


ALL = ("spent(30 days)", "orders(90 days)", 'count("order.placed", 24 hours)', 'viewed("shoes", 7 days)',
       'bought("s1", 365 days)')  # fmt: skip
SHOP = workspace(*asking(*(f"{call} > 0" for call in ALL)))
_WORD = st.tuples(
    st.sampled_from(["placed", "cancelled", "refunded", "viewed"]), st.integers(1, 3), st.integers(-40, 0),
    st.sampled_from(["10.00", "99.99"]),
)  # fmt: skip


def build(place: int, word: tuple[str, int, int, str], who: str = "c-1") -> Arrival:
    kind, order, days, total = word
    told: dict[str, Any] = {"id": f"{kind}{place}", "customer": {"id": who}}
    if kind == "viewed":
        return happened("product.viewed", AT + days * DAY, **told, product={"id": "p", "category": "shoes"})
    told["order"] = {"id": f"o{order}", "total": total, "currency": "PLN", "items": [{"sku": f"s{order}"}]}
    return happened(f"order.{kind}", AT + days * DAY, **told)


def numbers(profile: Profile, at: timedelta) -> list[Any]:
    run = Run(SHOP)
    run.profiles[profile.id] = profile
    return [number(run, call, at) for call in ALL]


@settings(deadline=None, max_examples=50)
@given(st.lists(_WORD, min_size=1, max_size=8), st.integers(0, 8), st.randoms(use_true_random=False))
def test_no_order_no_merge_and_no_late_beginning_changes_a_number(
    words: list[tuple[str, int, int, str]], cut: int, chance: Any
) -> None:
    """Taken in at once, shuffled, under two profiles that become one, and begun late from what is recorded."""
    arrivals = [build(place, word) for place, word in enumerate(words)]
    shuffled = list(arrivals)
    chance.shuffle(shuffled)
    one, other = Run(SHOP).take(*arrivals).profile, Run(SHOP).take(*shuffled).profile
    late = Run(workspace()).take(*arrivals).profile
    uses = define(SHOP).uses
    assert windows.is_behind(late, uses)
    windows.catch_up(late, sorted(arrivals, key=lambda a: (a.time, a.id)), uses, AT)
    assert not windows.is_behind(late, uses)
    halves = [Run(SHOP).take(*part).profile for part in (arrivals[:cut], arrivals[cut:]) if part]
    joined = Run(SHOP)
    keeper = halves[0]
    if len(halves) == 2:
        merge(keeper, load(dump(halves[1]), 0))
    joined.profiles[keeper.id] = keeper
    for days in (0, 3, 45):
        found = [numbers(load(dump(p), 0), days * DAY) for p in (one, other, late, keeper)]
        assert found[0] == found[1] == found[2] == found[3], days


def test_a_longer_window_begins_anew_and_an_unused_one_goes() -> None:
    profile = Run(workspace(*asking("spent(30 days) > 0", "orders(30 days) > 0"))).take(about("placed", 1, 0)).profile
    uses = define(workspace(*asking("spent(365 days) > 0", "orders(30 days) > 0"))).uses
    assert windows.is_behind(profile, uses)
    windows.catch_up(profile, [about("placed", 2, -60), about("placed", 1, 0)], uses, AT)
    assert sorted(profile.days) == ["orders:", "spent:PLN"]
    assert sum(n for bucket, n in profile.days["spent:PLN"].items() if bucket) == 2_000_000


def test_the_next_change_by_time_alone_is_when_the_oldest_day_leaves() -> None:
    profile = Run(workspace(*SPENT)).take(about("placed", 1, 0), about("placed", 2, 3)).profile
    measure, window = windows.measure("spent", [30 * DAY], "PLN")
    due = windows.changes_at(profile, measure, window, AT + 3 * DAY)
    assert due is not None
    before, after = (windows.value(profile, measure, window, at) for at in (due - timedelta(seconds=1), due))
    assert (before, after) == (2_000_000, 1_000_000)
