"""When a scheduled journey comes due, on the shop's clock and on each customer's, summer time included."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest

from services.contracts.journey import Goal, Rule
from services.contracts.reasons import Reason
from services.contracts.schedule import DUE, PLANNED, Once, When
from services.contracts.settings import Settings
from services.trigger_engine.journeys.schedules.occurrences import Occurrence, occurrences
from services.trigger_engine.journeys.schedules.planned import alarm_kind
from tests.support.engine import AT, DAY, HOUR, MINUTE, SHOP, Run, anna, happened, journey, say, scheduled, workspace

WARSAW, NEW_YORK, LORD_HOWE, KOLKATA = "Europe/Warsaw", "America/New_York", "Australia/Lord_Howe", "Asia/Kolkata"


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def times(when: When | str, zone: str, after: str, days: float, **fields: Any) -> list[str]:
    """The moments of a schedule on a shop's clock, in UTC."""
    settings = Settings(msgspec.structs.replace(SHOP, time_zone=zone))
    one = scheduled(when, **{"zone": "shop", **fields})
    begin = utc(after)
    return [o.begin.strftime("%m-%d %H:%M") for o in occurrences(one, begin, begin + timedelta(days=days), settings)]


# On the shop's clock


def test_every_tuesday_at_ten_is_ten_on_the_clock_before_and_after_summer_time_begins() -> None:
    assert times("0 10 * * tue", WARSAW, "2026-03-20", 14) == ["03-24 09:00", "03-31 08:00"]
    assert times("0 10 * * tue", WARSAW, "2026-10-18", 14) == ["10-20 08:00", "10-27 09:00"]
    assert times("0 10 * * tue", NEW_YORK, "2026-03-01", 14) == ["03-03 15:00", "03-10 14:00"]
    assert times("0 10 * * tue", LORD_HOWE, "2026-09-28", 14) == ["09-28 23:30", "10-05 23:00"]
    assert times("0 10 * * tue", KOLKATA, "2026-03-20", 14) == ["03-24 04:30", "03-31 04:30"]


@pytest.mark.parametrize(
    ("zone", "cron", "day", "moments"),
    [
        # 2:30 is skipped and comes as 3:30; on Lord Howe, where the clocks skip half an hour only, 2:15 comes as 2:45.
        (WARSAW, "30 2 * * *", "2026-03-28 12:00", ["03-29 01:30", "03-30 00:30"]),
        (NEW_YORK, "30 2 * * *", "2026-03-07 12:00", ["03-08 07:30", "03-09 06:30"]),
        (LORD_HOWE, "15 2 * * *", "2026-10-03 00:00", ["10-03 15:45", "10-04 15:15"]),
        (KOLKATA, "30 2 * * *", "2026-03-28 12:00", ["03-28 21:00", "03-29 21:00"]),
        # What comes twice, counts the first time.
        (WARSAW, "30 2 * * *", "2026-10-24 12:00", ["10-25 00:30", "10-26 01:30"]),
        (NEW_YORK, "30 1 * * *", "2026-10-31 12:00", ["11-01 05:30", "11-02 06:30"]),
        (LORD_HOWE, "45 1 * * *", "2026-04-04 00:00", ["04-04 14:45", "04-05 15:15"]),
    ],
)
def test_a_time_that_is_skipped_comes_later_and_one_that_comes_twice_the_first_time(
    zone: str, cron: str, day: str, moments: list[str]
) -> None:
    assert times(cron, zone, day, 2) == moments


def test_an_hourly_schedule_says_one_moment_once_where_an_hour_is_skipped() -> None:
    found = times("0 * * * *", WARSAW, "2026-03-28 23:30", 0.25)
    assert found == ["03-29 00:00", "03-29 01:00", "03-29 02:00", "03-29 03:00", "03-29 04:00", "03-29 05:00"]


def test_midnight_belongs_to_the_day_that_begins() -> None:
    assert times("0 0 1 1 *", WARSAW, "2026-12-30", 3) == ["12-31 23:00"]
    assert times(Once("2027-01-01T00:00"), WARSAW, "2026-12-30", 3) == ["12-31 23:00"]
    assert times("0 0 1 1 *", LORD_HOWE, "2026-12-30", 3) == ["12-31 13:00"]


def test_the_29th_of_february_comes_when_there_is_one() -> None:
    assert times("0 9 29 2 *", WARSAW, "2026-01-01", 365) == []
    assert times("0 9 29 2 *", WARSAW, "2028-01-01", 365) == ["02-29 08:00"]
    assert times("0 9 L * *", WARSAW, "2027-02-01", 40) == ["02-28 08:00"]


def test_a_time_counts_after_the_first_moment_and_by_the_last() -> None:
    one, settings = scheduled(Once("2026-12-01T10:00"), zone="shop"), Settings(SHOP)
    ten = utc("2026-12-01 09:00")
    assert list(occurrences(one, ten - DAY, ten, settings)) == [Occurrence("2026-12-01T10:00", ten, ten)]
    assert list(occurrences(one, ten, ten + DAY, settings)) == []
    assert list(occurrences(journey("j", "order.placed"), ten - DAY, ten, settings)) == []


def test_a_journey_that_is_not_live_has_no_times() -> None:
    fields = {"live_from": utc("2026-11-25"), "live_until": utc("2026-11-27")}
    assert times("0 10 * * *", WARSAW, "2026-11-20", 20, **fields) == ["11-25 09:00", "11-26 09:00"]


# On the customer's clock


def test_on_the_customers_clock_it_begins_where_the_day_does_and_ends_where_it_ends() -> None:
    one = scheduled("0 10 * * tue", zone="customer")
    (found,) = occurrences(one, utc("2026-11-20"), utc("2026-11-26"), Settings(SHOP))
    assert found == ("2026-11-24T10:00", utc("2026-11-23 20:00"), utc("2026-11-24 22:00"))


def planned(at: datetime, occurrence: str = "2026-11-24T10:00", delay: float = 0.0, **customer: Any) -> Any:
    """What a fan-out tells a customer ahead; the record's stamp is the engine's, so it is made here by hand."""
    said = {"journey": "news", "occurrence": occurrence, "at": at, "told_at": at, "delay": delay}
    one = happened("schedule.told", at, own=["schedule.told"], customer=anna(**customer), schedule=said)
    one.type = PLANNED
    return one


@pytest.mark.parametrize(
    ("zone", "moment"),
    [(None, "09:00"), (WARSAW, "09:00"), (NEW_YORK, "15:00"), (KOLKATA, "04:30"), ("Nowhere/Else", "09:00")],
)
def test_each_customer_hears_at_ten_on_his_own_clock(zone: str | None, moment: str) -> None:
    run = Run(workspace(scheduled("0 10 * * tue", zone="customer")), now=utc("2026-11-23 20:00"))
    run.take(planned(run.now, time_zone=zone))
    assert run.queue == []
    run.reload().wait(2 * DAY)
    assert run.said == ["hello"]
    (entry,) = run.entries.values()
    assert entry.entered_at == utc(f"2026-11-24 {moment}")
    assert (entry.key, run.derived) == ("2026-11-24T10:00", [(DUE, entry.entered_at)])


@pytest.mark.parametrize(
    ("zone", "occurrence", "moment"),
    [
        (WARSAW, "2026-03-29T02:30", "2026-03-29 01:30"),  # skipped
        (NEW_YORK, "2026-03-08T02:30", "2026-03-08 07:30"),
        (LORD_HOWE, "2026-10-04T02:15", "2026-10-03 15:45"),
        (WARSAW, "2026-10-25T02:30", "2026-10-25 00:30"),  # comes twice
        (NEW_YORK, "2026-11-01T01:30", "2026-11-01 05:30"),
        (LORD_HOWE, "2026-04-05T01:45", "2026-04-04 14:45"),
        (KOLKATA, "2026-10-25T02:30", "2026-10-24 21:00"),
        (KOLKATA, "2028-02-29T00:00", "2028-02-28 18:30"),
        (NEW_YORK, "2028-02-29T23:59", "2028-03-01 04:59"),
    ],
)
def test_on_each_clock_a_skipped_time_comes_later_and_one_that_comes_twice_once(
    zone: str, occurrence: str, moment: str
) -> None:
    begin = utc(occurrence) - 14 * HOUR
    run = Run(workspace(scheduled(Once(occurrence), zone="customer")), now=begin)
    run.take(planned(begin, occurrence, time_zone=zone)).reload().wait(3 * DAY)
    assert [entry.entered_at for entry in run.entries.values()] == [utc(moment)]


def test_where_his_clock_has_shown_it_already_it_is_due_at_once_unless_it_is_late() -> None:
    for since, said in ((MINUTE, ["hello"]), (3 * HOUR, [])):
        now = utc("2026-11-24 09:00") + since
        run = Run(workspace(scheduled("0 10 * * tue", zone="customer")), now=now).take(planned(now))
        assert (run.said, run.timers) == (said, {})
        assert run.reasons == ([] if said else [("news", Reason.LATE)])


def test_a_pace_on_the_customers_clock_is_a_delay() -> None:
    run = Run(workspace(scheduled("0 10 * * tue", zone="customer")), now=utc("2026-11-23 20:00"))
    run.take(planned(run.now, delay=90.0)).wait(DAY)
    assert [entry.entered_at for entry in run.entries.values()] == [utc("2026-11-24 09:01:30")]


def test_two_times_of_one_journey_may_be_waited_for_at_once() -> None:
    run = Run(workspace(scheduled("0 10 * * *", zone="customer")), now=utc("2026-11-23 20:00"))
    run.take(planned(run.now), planned(run.now, "2026-11-25T10:00"))
    assert set(run.profile.alarms) == {alarm_kind("news", f"2026-11-2{day}T10:00") for day in (4, 5)}
    assert run.wait(3 * DAY).said == ["hello", "hello"]


def test_the_condition_is_looked_at_when_it_is_due_and_not_when_it_is_told() -> None:
    one = scheduled("0 10 * * tue", zone="customer", condition="profile.orders_count == 0")
    run = Run(workspace(one), now=utc("2026-11-23 20:00")).take(planned(utc("2026-11-23 20:00")))
    run.take(happened("order.placed", utc("2026-11-23 21:00"), customer=anna(), placed="o1")).wait(DAY)
    assert (run.said, run.reasons) == ([], [("news", Reason.CONDITION_FALSE)])


# Entering


def due(at: datetime, occurrence: str = "2026-11-24T10:00", name: str = "news", told: datetime | None = None) -> Any:
    """What a fan-out tells a customer when it is time."""
    said = {"journey": name, "occurrence": occurrence, "at": at, "told_at": told or at}
    one = happened("schedule.told", at, own=["schedule.told"], customer=anna(), schedule=said)
    one.type = DUE
    return one


def test_each_time_enters_anew_and_one_time_once() -> None:
    """Whether he is still inside by an earlier one, and however often he is told of this one."""
    run = Run(workspace(scheduled("0 10 * * *")))
    run.take(due(AT), due(AT), due(AT + MINUTE, "2026-11-25T10:00"))
    assert run.said == ["hello", "hello"]
    assert run.reasons == [("news", Reason.NOT_AGAIN)]


def test_what_keeps_a_customer_out_otherwise_is_the_journeys_word() -> None:
    run = Run(workspace(scheduled("0 10 * * *", key=None, again_after=7 * 86_400.0)))
    run.take(due(AT), due(AT + MINUTE, "2026-11-25T10:00"))
    assert (run.said, run.reasons) == (["hello"], [("news", Reason.NOT_AGAIN)])


def test_a_profile_remembers_the_last_few_times_only() -> None:
    run = Run(workspace(scheduled("0 10 * * *")))
    for number in range(10, 29):
        run.take(due(AT + number * MINUTE, f"2026-11-{number}T10:00"))
    assert len(run.profile.entered["news"]) == 5
    assert len(run.said) == 19


def test_a_scheduled_journey_is_not_entered_by_the_times_of_another() -> None:
    run = Run(workspace(scheduled("0 10 * * *")))
    run.take(due(AT, name="other"))
    assert (run.said, run.reasons) == ([], [])


@pytest.mark.parametrize(("late", "said"), [("recheck", []), ("drop", []), ("send", ["hello"])])
def test_a_word_that_lay_too_long_in_the_log_is_late(late: Any, said: list[str]) -> None:
    """Counted from when the customer's turn came, which a pace may have put off for long."""
    one = scheduled("0 10 * * *", late=late, max_lateness=3_600.0)
    run = Run(workspace(one), now=AT + 2 * HOUR).take(due(AT))
    assert (run.said, run.reasons) == (said, [] if said else [("news", Reason.LATE)])
    assert Run(workspace(one), now=AT + 2 * HOUR).take(due(AT, told=AT + 90 * MINUTE)).said == ["hello"]


def test_who_has_done_already_what_it_is_for_since_then_does_not_hear_of_it() -> None:
    one = scheduled("0 10 * * *", say(), goals=(Goal("order.placed"),), exits=(Rule("cart.emptied"),))
    run = Run(workspace(one), now=AT + HOUR)
    run.take(happened("order.placed", AT + MINUTE, customer=anna(), placed="o1"), due(AT, told=AT + HOUR))
    assert (run.said, run.reasons) == ([], [("news", Reason.OVERTAKEN)])
