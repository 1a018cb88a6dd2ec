"""What a plan foresees for the next hour, where clocks change, on leap days and in every zone."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from msgspec.structs import replace

from services.cli.plan.fates import started
from services.cli.plan.sample import Sample, coming
from services.contracts.journey import Journey, Wait
from services.contracts.schedule import Dated, Once, Schedule
from services.contracts.workspace import Workspace
from services.trigger_engine.journeys.alarms import set_alarm
from services.trigger_engine.journeys.definitions import define
from services.trigger_engine.journeys.reaction import Reaction
from services.trigger_engine.journeys.schedules.occurrences import moment
from services.trigger_engine.journeys.schedules.planned import alarm_kind
from services.trigger_engine.journeys.steps.wait import calendar_days
from services.trigger_engine.profiles.state import Identifier
from tests.support.engine import DAY, HOUR, MINUTE, Run, anna, happened, journey, say, scheduled, workspace

SECOND = timedelta(seconds=1)
WARSAW, NEW_YORK, LORD_HOWE, KOLKATA = "Europe/Warsaw", "America/New_York", "Australia/Lord_Howe", "Asia/Kolkata"
ZONES = (WARSAW, NEW_YORK, LORD_HOWE, KOLKATA)
MOMENTS = [
    # What the wall's clock shows is skipped, and comes as much later.
    (WARSAW, "2026-03-29T02:30", "2026-03-29 01:30"),
    (NEW_YORK, "2026-03-08T02:30", "2026-03-08 07:30"),
    (LORD_HOWE, "2026-10-04T02:15", "2026-10-03 15:45"),
    # It comes twice, and counts the first time.
    (WARSAW, "2026-10-25T02:30", "2026-10-25 00:30"),
    (NEW_YORK, "2026-11-01T01:30", "2026-11-01 05:30"),
    (LORD_HOWE, "2026-04-05T01:45", "2026-04-04 14:45"),
    # Clocks stay, a day before and after; a leap day.
    (KOLKATA, "2026-03-29T02:30", "2026-03-28 21:00"),
    (WARSAW, "2026-03-30T02:30", "2026-03-30 00:30"),
    (NEW_YORK, "2026-10-31T01:30", "2026-10-31 05:30"),
    (WARSAW, "2028-02-29T10:00", "2028-02-29 09:00"),
    (NEW_YORK, "2028-02-29T10:00", "2028-02-29 15:00"),
    (LORD_HOWE, "2028-02-29T10:00", "2028-02-28 23:00"),
    (KOLKATA, "2028-02-29T10:00", "2028-02-29 04:30"),
]

CHANGES = ("2026-03-07", "2026-03-27", "2026-04-03", "2026-10-02", "2026-10-23", "2026-10-30", "2028-02-27")
"""Days shortly before clocks change, or a leap day comes."""


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def shop(zone: str, *journeys: Journey) -> Workspace:
    """A shop that keeps the clocks of a zone."""
    made = workspace(*journeys)
    return replace(made, settings=replace(made.settings, shop=replace(made.settings.shop, time_zone=zone)))


def customer(now: datetime, **known: Any) -> Sample:
    """One customer, who stands for 100."""
    run = Run(workspace(), now=now).take(happened("customer.updated", now, customer=anna(**known)))
    return Sample(list(run.profiles.values()), everybody=100)


def told(old: Workspace | None, new: Workspace, sample: Sample, now: datetime) -> list[tuple[int, bool]]:
    """How many enter within the hour, and whether the new version brings them."""
    return [(one.customers, one.because) for one in coming(old, define(new), sample, now)]


@pytest.mark.parametrize(("zone", "wall", "due"), MOMENTS)
def test_a_time_of_the_shops_clock_is_foreseen_in_the_hour_before_it(zone: str, wall: str, due: str) -> None:
    at, new = utc(due), shop(zone, scheduled(Once(wall)))
    sample = customer(at - DAY, time_zone="Pacific/Chatham")
    assert told(None, new, sample, at - HOUR - SECOND) == []
    for now in (at - HOUR, at - SECOND):
        assert told(None, new, sample, now) == [(100, True)]
        assert told(new, new, sample, now) == [(100, False)]
    assert told(new, new, sample, at) == [], "a time that comes twice is over after the first"


@pytest.mark.parametrize(("zone", "wall", "due"), MOMENTS)
def test_a_time_of_the_customers_clock_is_foreseen_for_those_whose_clock_shows_it_then(
    zone: str, wall: str, due: str
) -> None:
    """They were told of it when it began, up to 26 hours before; who publishes in between begins nothing anew."""
    at, new = utc(due), shop(WARSAW, scheduled(Once(wall), zone="customer"))
    sample = customer(at - DAY, time_zone=zone)
    assert told(None, new, sample, at - MINUTE) == [], "it has begun before it was published"
    set_alarm(sample.profiles[0], alarm_kind("news", wall), moment(datetime.fromisoformat(wall), ZoneInfo(zone)),
              Reaction())  # fmt: skip
    assert told(new, new, sample, at - HOUR - SECOND) == []
    assert told(new, new, sample, at - HOUR) == [(100, False)]
    assert told(None, new, sample, at - HOUR) == [(100, False)]


@pytest.mark.parametrize(("zone", "count"), [("Pacific/Kiritimati", 100), ("Pacific/Chatham", 100), (WARSAW, 0)])
def test_of_a_time_that_begins_only_the_first_clocks_show_it_within_the_hour(zone: str, count: int) -> None:
    """Kiritimati is 14 hours ahead of UTC; Chatham 13¾ in its summer, which January is."""
    begin = utc("2027-01-10 20:00")
    new = shop(WARSAW, scheduled(Once("2027-01-11T10:00"), zone="customer"))
    found = told(None, new, customer(begin - DAY, time_zone=zone), begin - MINUTE * 30)
    assert found == [(count, True)] * (count > 0)


@pytest.mark.parametrize(("zone", "wall", "due"), MOMENTS)
def test_a_day_of_the_customers_own_is_foreseen_in_the_hour_before_its_time(zone: str, wall: str, due: str) -> None:
    at, local = utc(due), datetime.fromisoformat(wall)
    days = Dated("profile.birthday", minute=local.hour * 60 + local.minute)
    new = shop(WARSAW, scheduled(days, zone="customer", max_lateness=0.0))
    sample = customer(at - 2 * DAY, time_zone=zone, birthday=f"1992-{local:%m-%d}")
    assert told(None, new, sample, at - HOUR - SECOND) == []
    for now in (at - HOUR, at - SECOND):
        assert told(None, new, sample, now) == [(100, True)]
        assert told(new, new, sample, now) == [(100, False)]


@pytest.mark.parametrize("zone", ZONES)
def test_a_birthday_of_29_february_is_foreseen_on_the_28th_where_there_is_none(zone: str) -> None:
    new = shop(WARSAW, scheduled(Dated("profile.birthday"), zone="customer"))
    for day in ("2027-02-28", "2028-02-29"):
        at = moment(datetime.fromisoformat(f"{day}T09:00"), ZoneInfo(zone))
        sample = customer(at - 2 * DAY, time_zone=zone, birthday="1992-02-29")
        assert (told(None, new, sample, at - HOUR), told(None, new, sample, at - DAY)) == ([(100, True)], [])


def test_only_those_whom_a_schedule_is_for_are_counted() -> None:
    at = utc("2026-12-01 09:00")
    one = scheduled(Once("2026-12-01T10:00"))
    vips = replace(one, enter=replace(one.enter, schedule=Schedule(Once("2026-12-01T10:00"), who="vip")))
    sample = customer(at - DAY)
    assert told(None, shop(WARSAW, vips), sample, at - MINUTE) == []
    assert told(None, shop(WARSAW, one), sample, at - MINUTE) == [(100, True)]


def test_a_visitor_of_whom_only_a_cookie_is_known_is_not_counted() -> None:
    at = utc("2026-12-01 09:00")
    new = shop(WARSAW, scheduled(Once("2026-12-01T10:00")))
    sample = customer(at - DAY)
    profile = sample.profiles[0]
    profile.identifiers = {Identifier("anonymous", "", "cookie"): 0}
    assert told(None, new, sample, at - MINUTE) == []


@pytest.mark.parametrize("zone", ZONES)
@pytest.mark.parametrize("days", [0.04, 0.045, 0.5, 1, 1.02, 7])
def test_whoever_waits_for_days_is_foreseen_if_a_day_can_be_so_short(zone: str, days: float) -> None:
    """No wait over a change of the clocks is over sooner than the plan takes it to be."""
    hears = [one.step for one in started(journey("j", "page.viewed", Wait("w", days, "days"), say(id="then")), 1)]
    nows = [utc(f"{day} 00:15") + HOUR / 2 * number for day in CHANGES for number in range(4 * 48)]
    soonest = min(calendar_days(now, days, ZoneInfo(zone)) - now for now in nows)
    assert hears == (["then"] if days < 0.044 else [])
    assert (soonest <= HOUR) is (days < 0.042)
