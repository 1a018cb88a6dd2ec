"""Waiting: until a moment on the customer's clock, and for what the customer does."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import permutations
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from services.contracts.journey import Clock, Rule, Tag, Wait, WaitFor
from services.contracts.reasons import Reason
from services.trigger_engine.journeys.steps.wait import calendar_days, next_time
from tests.support.engine import AT, DAY, HOUR, MINUTE, Run, anna, goal, happened, journey, say, until, workspace

WARSAW, NEW_YORK = "Europe/Warsaw", "America/New_York"
LORD_HOWE, KATHMANDU = "Australia/Lord_Howe", "Asia/Kathmandu"


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("zone", "now", "clock", "due"),
    [
        (WARSAW, "2026-11-22 08:59", "10:00", "2026-11-22 09:00"),
        (WARSAW, "2026-11-22 09:00", "10:00", "2026-11-23 09:00"),
        (WARSAW, "2026-11-22 22:30", "00:00", "2026-11-22 23:00"),
        (WARSAW, "2026-11-22 23:00", "00:00", "2026-11-23 23:00"),
        (KATHMANDU, "2026-11-22 04:00", "10:00", "2026-11-22 04:15"),
        (KATHMANDU, "2026-11-22 18:14", "00:00", "2026-11-22 18:15"),
        # Clocks go forward: 2:30 does not exist, and comes as 3:30; the day after it is there again.
        (WARSAW, "2026-03-29 00:00", "02:30", "2026-03-29 01:30"),
        (WARSAW, "2026-03-29 01:30", "02:30", "2026-03-30 00:30"),
        (WARSAW, "2026-03-28 09:00", "10:00", "2026-03-29 08:00"),
        (NEW_YORK, "2026-03-08 06:00", "02:30", "2026-03-08 07:30"),
        (NEW_YORK, "2026-03-07 15:00", "10:00", "2026-03-08 14:00"),
        (LORD_HOWE, "2026-10-03 15:00", "02:15", "2026-10-03 15:45"),  # half an hour is skipped: 2:15 is 2:45
        (LORD_HOWE, "2026-10-03 15:00", "03:00", "2026-10-03 16:00"),
        # Clocks go back: 2:30 comes twice, and counts the first time.
        (WARSAW, "2026-10-25 00:00", "02:30", "2026-10-25 00:30"),
        (WARSAW, "2026-10-25 00:45", "02:30", "2026-10-26 01:30"),
        (WARSAW, "2026-10-24 08:00", "10:00", "2026-10-25 09:00"),
        (NEW_YORK, "2026-11-01 05:00", "01:30", "2026-11-01 05:30"),
        (NEW_YORK, "2026-11-01 05:45", "01:30", "2026-11-02 06:30"),
        (LORD_HOWE, "2026-04-04 14:30", "01:45", "2026-04-04 14:45"),
        (LORD_HOWE, "2026-04-04 15:05", "01:45", "2026-04-05 15:15"),
        # The last minute of a day and the first, a leap day, a year's end.
        (WARSAW, "2026-11-22 22:59", "23:59", "2026-11-23 22:59"),
        (LORD_HOWE, "2026-07-04 13:28", "23:59", "2026-07-04 13:29"),
        (LORD_HOWE, "2026-01-04 12:59", "00:00", "2026-01-04 13:00"),
        (WARSAW, "2028-02-28 22:30", "23:59", "2028-02-28 22:59"),
        (WARSAW, "2028-02-28 22:59", "00:00", "2028-02-28 23:00"),
        (WARSAW, "2028-02-29 09:00", "10:00", "2028-03-01 09:00"),
        (NEW_YORK, "2028-02-29 05:00", "00:00", "2028-03-01 05:00"),
        (KATHMANDU, "2027-02-28 18:15", "23:59", "2027-03-01 18:14"),
        (NEW_YORK, "2027-01-01 04:59", "00:00", "2027-01-01 05:00"),
        # Weekdays; 22 November 2026 is a Sunday.
        (WARSAW, "2026-11-22 12:00", "tuesday 18:00", "2026-11-24 17:00"),
        (WARSAW, "2026-11-24 16:59", "tuesday 18:00", "2026-11-24 17:00"),
        (WARSAW, "2026-11-24 17:00", "tuesday 18:00", "2026-12-01 17:00"),
        (WARSAW, "2026-03-28 12:00", "sunday 02:30", "2026-03-29 01:30"),
        (KATHMANDU, "2026-11-22 18:14", "monday 00:00", "2026-11-22 18:15"),
        (NEW_YORK, "2026-11-23 04:59", "sunday 23:59", "2026-11-30 04:59"),
    ],
)
def test_the_next_time_is_the_first_after_now_on_the_customers_clock(zone: str, now: str, clock: str, due: str) -> None:
    *day, hour = clock.split()
    weekday = (
        ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"].index(day[0]) if day else None
    )
    minute = int(hour[:2]) * 60 + int(hour[3:])
    assert next_time(utc(now), Clock(minute, weekday), ZoneInfo(zone)) == utc(due)


@pytest.mark.parametrize(
    ("zone", "now", "days", "due"),
    [
        # Forward: the day has 23 hours (on Lord Howe 23½); back: 25 (24½). Where clocks stay, 24.
        (WARSAW, "2026-03-28 11:00", 1, "2026-03-29 10:00"),
        (WARSAW, "2026-10-24 10:00", 1, "2026-10-25 11:00"),
        (NEW_YORK, "2026-03-07 17:00", 1, "2026-03-08 16:00"),
        (NEW_YORK, "2026-10-31 16:00", 1, "2026-11-01 17:00"),
        (LORD_HOWE, "2026-10-03 01:30", 1, "2026-10-04 01:00"),
        (LORD_HOWE, "2026-04-04 01:00", 1, "2026-04-05 01:30"),
        (KATHMANDU, "2026-03-28 18:14", 1, "2026-03-29 18:14"),
        # Onto a time that is skipped, or that comes twice.
        (LORD_HOWE, "2026-10-02 15:45", 1, "2026-10-03 15:45"),
        (NEW_YORK, "2026-03-07 07:30", 1, "2026-03-08 07:30"),
        (NEW_YORK, "2026-10-31 05:30", 1, "2026-11-01 05:30"),
        (LORD_HOWE, "2026-04-03 14:45", 1, "2026-04-04 14:45"),
        # From the second of two times, a leap day, a minute before and at midnight.
        (WARSAW, "2026-10-25 01:30", 1, "2026-10-26 01:30"),
        (WARSAW, "2028-02-28 22:59", 1, "2028-02-29 22:59"),
        (WARSAW, "2028-02-28 23:00", 1, "2028-02-29 23:00"),
        (NEW_YORK, "2028-02-29 14:00", 365, "2029-02-28 14:00"),
        (KATHMANDU, "2027-02-28 18:14", 1, "2027-03-01 18:14"),
        # Less than a day is hours, from the second of two equal times too.
        (WARSAW, "2026-10-25 01:30", 0.5, "2026-10-25 13:30"),
        (NEW_YORK, "2026-11-01 06:30", 0.25, "2026-11-01 12:30"),
        (LORD_HOWE, "2026-04-04 15:15", 0.5, "2026-04-05 03:15"),
        (KATHMANDU, "2026-10-25 01:30", 0.5, "2026-10-25 13:30"),
        (WARSAW, "2026-10-24 10:00", 1.5, "2026-10-25 23:00"),
    ],
)
def test_days_are_the_customers_calendars(zone: str, now: str, days: float, due: str) -> None:
    assert calendar_days(utc(now), days, ZoneInfo(zone)) == utc(due)


@pytest.mark.parametrize("zone", [WARSAW, NEW_YORK, LORD_HOWE, KATHMANDU])
def test_through_a_year_the_next_time_is_later_and_at_most_a_day_and_an_hour_away(zone: str) -> None:
    where, now = ZoneInfo(zone), utc("2026-01-01 00:30")
    while now.year == 2026:
        for minute in (0, 150, 600, 1_439):
            there = next_time(now, Clock(minute), where)
            assert timedelta(0) < there - now <= timedelta(hours=25)
        now += 7 * HOUR


def test_until_is_in_the_customers_zone() -> None:
    run = Run(workspace(journey("views", "page.viewed", Wait("w", until=Clock(600)), say())))
    run.take(happened("page.viewed", customer=anna(time_zone=NEW_YORK)))
    (timer,) = run.timers.values()
    assert timer.due == utc("2026-11-22 15:00")
    assert run.wait(6 * HOUR).said == ["hello"]


SALE = {"shop.sale": {"type": "object", "properties": {"starts_at": {"type": "string", "format": "date-time"}}}}


def sale(starts_at: str | None, expression: str = "event.starts_at - 2 hours") -> Run:
    run = Run(workspace(journey("sale", "shop.sale", Wait("w", until=expression), say()), schemas=SALE))
    given: dict[str, Any] = {} if starts_at is None else {"starts_at": starts_at}
    return run.take(happened("shop.sale", own=["shop.sale"], customer=anna(), **given))


def test_until_an_expression_waits_for_the_moment_that_it_gives() -> None:
    run = sale("2026-11-24T12:00:00+01:00")
    (timer,) = run.timers.values()
    assert timer.due == utc("2026-11-24 09:00")


@pytest.mark.parametrize("starts_at", ["2026-11-22T11:00:00Z", "2026-11-22T12:00:00Z", "0001-01-01T00:00:00+14:00"])
def test_a_moment_that_is_past_is_not_waited_for(starts_at: str) -> None:
    run = sale(starts_at, "event.starts_at") if starts_at.startswith("0") else sale(starts_at)
    assert (run.said, run.timers) == (["hello"], {})


@pytest.mark.parametrize("starts_at", [None, "soon", "9999-12-31T23:59:59-12:00"])
def test_a_moment_that_nobody_knows_ends_the_entry(starts_at: str | None) -> None:
    run = sale(starts_at)
    assert (run.said, run.ended, run.timers) == ([], [Reason.NO_MOMENT], {})


# wait_for

CLICKED, PAID, ANSWERED = (
    Rule("message.clicked"),
    Rule("order.paid", "received.order.id == event.order.id"),
    Rule("survey.answered"),
)


def waiting(*rules: Rule, every: bool = False, **fields: Any) -> Run:
    """A customer whose order was placed, and who is waited for."""
    step = WaitFor(
        "w",
        rules,
        DAY.total_seconds(),
        every=every,
        then=(say(id="then"),),
        otherwise=(say("sms-only", via=("sms",), id="else"),),
    )
    run = Run(workspace(journey("orders", "order.placed", step, say(id="after"), klass="service", **fields)))
    return run.take(happened("order.placed", customer=anna(phone="+48600100200"), placed="o1"))


def steps_said(run: Run) -> list[str]:
    return [message.step for message in run.queue]


def paid(at: datetime = AT + MINUTE, placed: str = "o1", **fields: Any) -> Any:
    return happened("order.paid", at, customer=anna(), placed=placed, **fields)


def test_what_is_waited_for_leads_the_way_of_then_and_on() -> None:
    run = waiting(PAID).take(paid())
    assert (steps_said(run), run.timers, run.ended) == (["then", "after"], {}, [Reason.COMPLETED])


def test_when_the_time_is_over_the_else_is_gone() -> None:
    run = waiting(PAID)
    (timer,) = run.timers.values()
    assert timer.due == AT + DAY
    assert steps_said(run.wait(DAY)) == ["else", "after"]
    assert steps_said(run.take(paid())) == ["else", "after"]


def test_a_condition_compares_what_comes_with_what_entered() -> None:
    run = waiting(PAID).take(paid(placed="o2"))
    assert steps_said(run) == []
    assert steps_said(run.take(paid())) == ["then", "after"]


def test_any_is_fulfilled_by_one() -> None:
    run = waiting(PAID, ANSWERED).take(happened("survey.answered", AT + MINUTE, customer=anna()))
    assert steps_said(run) == ["then", "after"]


@pytest.mark.parametrize("order", list(permutations(["paid", "answered", "answered again"])))
def test_all_is_fulfilled_by_each_in_any_order(order: tuple[str, ...]) -> None:
    events = {"paid": paid(), "answered": happened("survey.answered", AT + MINUTE, customer=anna()),
              "answered again": happened("survey.answered", AT + 2 * MINUTE, customer=anna())}  # fmt: skip
    run = waiting(PAID, ANSWERED, every=True)
    for done in range(3):
        both = "paid" in order[:done] and done > 1
        assert (steps_said(run) != []) is both
        run.take(events[order[done]]).reload()
    assert steps_said(run) == ["then", "after"]


def test_some_of_all_is_not_enough() -> None:
    assert steps_said(waiting(PAID, ANSWERED, every=True).take(paid()).wait(DAY)) == ["else", "after"]


def test_what_happened_before_the_entry_does_not_count() -> None:
    run = waiting(ANSWERED).take(happened("survey.answered", AT - MINUTE, customer=anna()))
    assert steps_said(run) == []


def test_what_happened_after_the_deadline_does_not_count_even_if_it_is_heard_before() -> None:
    view = happened("survey.answered", AT + DAY + MINUTE, customer=anna())
    run = waiting(ANSWERED)
    run.now = AT + DAY + MINUTE
    assert steps_said(run.take(view)) == []
    run.fire(next(iter(run.timers)))
    assert steps_said(run) == ["else", "after"]


def test_an_event_that_enters_late_finds_what_it_waits_for_on_record() -> None:
    for times, says in ((MINUTE, ["then", "after"]), (-MINUTE, [])):
        step = WaitFor("w", (ANSWERED,), DAY.total_seconds(), then=(say(id="then"),))
        run = Run(workspace(journey("orders", "order.placed", step, say(id="after"))))
        run.take(happened("survey.answered", AT + times, customer=anna()))
        assert steps_said(run.take(happened("order.placed", customer=anna(), placed="o1"))) == says


def test_exits_and_goals_go_first() -> None:
    for fields, reason in (
        ({"exits": until("order.paid")}, Reason.EXITED),
        ({"goals": goal("order.paid")}, Reason.GOAL_REACHED),
    ):
        run = waiting(PAID, **fields).take(paid())
        assert (steps_said(run), run.ended, run.timers) == ([], [reason], {})


def test_a_click_counts_only_in_the_entrys_own_message() -> None:
    step = WaitFor("w", (CLICKED,), DAY.total_seconds(), then=(Tag("t", "curious"),))
    run = Run(workspace(journey("views", "page.viewed", say(), step)))
    run.take(happened("page.viewed", customer=anna()))
    assert run.definitions.receipts == {"clicked"}
    (message,) = run.queue
    run.hear(run.profile, "clicked", message, entry="00" * 16)
    assert run.profile.fact("tags") is None
    run.hear(run.profile, "clicked", message)
    assert (run.profile.fact("tags"), run.ended) == (["curious"], [Reason.COMPLETED])


def test_one_event_goes_one_wait_further() -> None:
    steps = (WaitFor("a", (ANSWERED,), 60.0), WaitFor("b", (ANSWERED,), 60.0), say())
    run = Run(workspace(journey("views", "page.viewed", *steps)))
    run.take(happened("page.viewed", customer=anna()), happened("survey.answered", customer=anna()))
    assert [entry.step for entry in run.profile.entries] == ["b"]


def test_who_waits_goes_on_waiting_after_his_profile_has_become_another() -> None:
    step = WaitFor("w", (PAID, ANSWERED), DAY.total_seconds(), every=True, then=(say(id="then"),))
    run = Run(workspace(journey("orders", "order.placed", step, klass="service")))
    cookie = {"anonymous_id": "a1", "email": "anna@example.com"}
    run.take(happened("order.placed", customer=cookie, placed="o1"))
    run.take(happened("survey.answered", AT + MINUTE, customer=cookie))
    run.take(happened("customer.updated", AT + MINUTE, customer=anna(email="other@example.com")))
    run.take(happened("customer.updated", AT + MINUTE, customer={"id": "c-1", "anonymous_id": "a1"}))
    assert len(run.reload().profiles) == 1
    assert steps_said(run.take(paid(AT + 2 * MINUTE))) == ["then"]


@pytest.mark.parametrize("order", list(permutations(["placed", "paid", "answered"])))
def test_in_whatever_order_equal_clocks_are_heard_the_end_is_the_same(order: tuple[str, ...]) -> None:
    events = {"placed": happened("order.placed", customer=anna(), placed="o1"),
              "paid": paid(), "answered": happened("survey.answered", AT + MINUTE, customer=anna())}  # fmt: skip
    step = WaitFor("w", (PAID, ANSWERED), DAY.total_seconds(), every=True, then=(say(id="then"),))
    run = Run(workspace(journey("orders", "order.placed", step)), now=AT + MINUTE)
    assert steps_said(run.take(*(events[name] for name in order)).wait(2 * DAY)) == ["then"]
