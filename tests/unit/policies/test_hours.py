"""Quiet hours are what the clock on the customer's wall says, wherever that wall is and whatever the clock does."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.contracts.policies import QuietHours
from services.trigger_engine.policies.hours import FORESEEN, Home, ahead, opens
from services.trigger_engine.policies.public_holidays import is_known, public_holidays
from services.trigger_engine.profiles.identifiers import country

EVENING = QuietHours(20 * 60, 9 * 60)
SIESTA = QuietHours(13 * 60, 15 * 60)
SMALL_HOURS = QuietHours(0, 2 * 60 + 30)
WARSAW, NEW_YORK, LORD_HOWE, KATHMANDU = "Europe/Warsaw", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu"
ZONES = (WARSAW, NEW_YORK, LORD_HOWE, KATHMANDU)


def home(zone: str) -> Home:
    return Home(ZoneInfo(zone), country(zone, ""))


def there(zone: str, local: str, fold: int = 0) -> datetime:
    """The moment at which clocks in `zone` show `local`."""
    return datetime.fromisoformat(local).replace(tzinfo=ZoneInfo(zone), fold=fold).astimezone(UTC)


@pytest.mark.parametrize(
    ("quiet", "zone", "local", "allowed"),
    [
        # inside and outside, at both ends: the beginning is quiet, the end is not
        (EVENING, WARSAW, "2026-11-26 19:59:59", "2026-11-26 19:59:59"),
        (EVENING, WARSAW, "2026-11-26 20:00", "2026-11-27 09:00"),
        (EVENING, WARSAW, "2026-11-27 00:00", "2026-11-27 09:00"),
        (EVENING, WARSAW, "2026-11-27 08:59:59", "2026-11-27 09:00"),
        (EVENING, WARSAW, "2026-11-27 09:00", "2026-11-27 09:00"),
        (SIESTA, NEW_YORK, "2026-11-26 12:59", "2026-11-26 12:59"),
        (SIESTA, NEW_YORK, "2026-11-26 13:00", "2026-11-26 15:00"),
        # 45 minutes off the hour
        (EVENING, KATHMANDU, "2026-11-26 23:15", "2026-11-27 09:00"),
        (QuietHours(0, 6 * 60 + 15), KATHMANDU, "2026-11-27 00:00", "2026-11-27 06:15"),
        # until midnight, and from it
        (QuietHours(20 * 60, 0), WARSAW, "2026-11-26 23:59", "2026-11-27 00:00"),
        (QuietHours(20 * 60, 0), WARSAW, "2026-11-27 00:00", "2026-11-27 00:00"),
        # leap day
        (EVENING, WARSAW, "2028-02-28 21:00", "2028-02-29 09:00"),
        (EVENING, NEW_YORK, "2028-02-29 21:00", "2028-03-01 09:00"),
        (QuietHours(0, 0, weekdays=(1,)), LORD_HOWE, "2028-02-29 12:00", "2028-03-01 00:00"),
        (EVENING, KATHMANDU, "2028-02-29 23:59", "2028-03-01 09:00"),
        (EVENING, KATHMANDU, "2027-02-28 23:59", "2027-03-01 09:00"),
        # over the change to summer time, and back
        (EVENING, WARSAW, "2026-03-28 21:00", "2026-03-29 09:00"),
        (EVENING, WARSAW, "2026-10-24 21:00", "2026-10-25 09:00"),
        (EVENING, NEW_YORK, "2026-03-07 21:00", "2026-03-08 09:00"),
        (EVENING, NEW_YORK, "2026-10-31 21:00", "2026-11-01 09:00"),
        (EVENING, LORD_HOWE, "2026-10-03 21:00", "2026-10-04 09:00"),
        (EVENING, LORD_HOWE, "2026-04-04 21:00", "2026-04-05 09:00"),
        # the end lies in the hour that is skipped: clocks that jump past it end it
        (SMALL_HOURS, WARSAW, "2026-03-29 01:00", "2026-03-29 03:00"),
        (SMALL_HOURS, NEW_YORK, "2026-03-08 01:00", "2026-03-08 03:00"),
        (QuietHours(0, 2 * 60 + 15), LORD_HOWE, "2026-10-04 01:00", "2026-10-04 02:30"),
        # days of the week
        (QuietHours(0, 0, weekdays=(6,)), WARSAW, "2026-11-28 23:59", "2026-11-28 23:59"),
        (QuietHours(0, 0, weekdays=(6,)), WARSAW, "2026-11-29 00:00", "2026-11-30 00:00"),
        (QuietHours(20 * 60, 9 * 60, weekdays=(6,)), WARSAW, "2026-11-28 20:00", "2026-11-30 09:00"),
        (QuietHours(20 * 60, 9 * 60, weekdays=(5, 6)), NEW_YORK, "2026-11-27 22:00", "2026-11-30 09:00"),
        # a quiet day of 23 or 25 hours is quiet from midnight to midnight
        (QuietHours(0, 0, weekdays=(6,)), WARSAW, "2026-03-29 00:00", "2026-03-30 00:00"),
        (QuietHours(0, 0, weekdays=(6,)), WARSAW, "2026-10-25 00:00", "2026-10-26 00:00"),
        (QuietHours(0, 0, weekdays=(6,)), LORD_HOWE, "2026-04-05 00:00", "2026-04-06 00:00"),
        # public holidays: Independence Day, Christmas to the Sunday after it, Thanksgiving, Easter, not elsewhere
        (QuietHours(20 * 60, 9 * 60, holidays=True), WARSAW, "2026-11-10 21:00", "2026-11-12 09:00"),
        (QuietHours(20 * 60, 9 * 60, (6,), holidays=True), WARSAW, "2026-12-23 21:00", "2026-12-28 09:00"),
        (QuietHours(0, 0, holidays=True), NEW_YORK, "2026-11-26 10:00", "2026-11-27 00:00"),
        (QuietHours(0, 0, holidays=True), WARSAW, "2026-11-26 10:00", "2026-11-26 10:00"),
        (QuietHours(0, 0, holidays=True), WARSAW, "2026-04-05 10:00", "2026-04-07 00:00"),
        (QuietHours(0, 0, holidays=True), LORD_HOWE, "2026-01-26 10:00", "2026-01-27 00:00"),
        (QuietHours(0, 0, holidays=True), WARSAW, "2026-12-31 23:59", "2026-12-31 23:59"),
        (QuietHours(0, 0, holidays=True), WARSAW, "2027-01-01 00:00", "2027-01-02 00:00"),
    ],
)  # fmt: skip
def test_it_may_be_said_from(quiet: QuietHours, zone: str, local: str, allowed: str) -> None:
    assert opens(quiet, home(zone), there(zone, local)) == there(zone, allowed)


def test_an_hour_that_comes_twice_is_quiet_twice() -> None:
    """In Warsaw clocks go from 3:00 back to 2:00: quiet until 2:30, not for half an hour, and until 2:30 again."""
    first, second = there(WARSAW, "2026-10-25 02:30"), there(WARSAW, "2026-10-25 02:30", fold=1)
    assert second - first == timedelta(hours=1)
    assert opens(SMALL_HOURS, home(WARSAW), first - timedelta(seconds=1)) == first
    assert opens(SMALL_HOURS, home(WARSAW), first + timedelta(minutes=29)) == first + timedelta(minutes=29)
    assert opens(SMALL_HOURS, home(WARSAW), first + timedelta(minutes=30)) == second


def test_half_an_hour_that_comes_twice_is_quiet_twice() -> None:
    """On Lord Howe clocks go from 2:00 back to 1:30: quiet until 1:45, not for a quarter, and until 1:45 again."""
    quiet = QuietHours(0, 60 + 45)
    first, second = there(LORD_HOWE, "2026-04-05 01:45"), there(LORD_HOWE, "2026-04-05 01:45", fold=1)
    assert second - first == timedelta(minutes=30)
    assert opens(quiet, home(LORD_HOWE), first - timedelta(seconds=1)) == first
    assert opens(quiet, home(LORD_HOWE), first + timedelta(minutes=14)) == first + timedelta(minutes=14)
    assert opens(quiet, home(LORD_HOWE), first + timedelta(minutes=15)) == second


def test_who_is_never_allowed_to_speak_is_not_waited_for() -> None:
    every_day = QuietHours(0, 0, weekdays=tuple(range(7)))
    assert opens(every_day, home(WARSAW), datetime(2026, 11, 26, tzinfo=UTC)) is None


def test_a_country_that_nobody_knows_has_no_holidays() -> None:
    assert not is_known("XX")
    assert public_holidays("XX", 2026) == frozenset()
    assert date(2026, 11, 11) in public_holidays("PL", 2026)
    assert {zone: country(zone, "") for zone in (*ZONES, "UTC")} == {
        WARSAW: "PL", NEW_YORK: "US", LORD_HOWE: "AU", KATHMANDU: "NP", "UTC": "",
    }  # fmt: skip


def shows_quiet(quiet: QuietHours, where: Home, at: datetime) -> bool:
    """The rule as a person would check it: look at the clock and at the calendar."""
    local = at.astimezone(where.zone)
    clock, start, end = local.hour * 60 + local.minute, quiet.start, quiet.end
    within = start <= clock < end if start <= end else not end <= clock < start
    day = local.weekday() in quiet.weekdays
    return within or day or (quiet.holidays and local.date() in public_holidays(where.country, local.year))


MOMENTS = st.integers(0, 3 * 366 * 86_400).map(lambda n: datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=n))
RULES = st.builds(
    QuietHours,
    start=st.integers(0, 1439),
    end=st.integers(0, 1439),
    weekdays=st.lists(st.integers(0, 6), max_size=3, unique=True).map(tuple),
    holidays=st.booleans(),
)
# The days around every change of clocks, where a mistake would be.
CHANGES = st.sampled_from(
    [datetime(2026, *day, tzinfo=UTC) for day in ((3, 8), (3, 29), (4, 4), (10, 3), (10, 25), (11, 1))]
)
NEAR = st.builds(lambda day, by: day + by, CHANGES, st.timedeltas(timedelta(days=-1), timedelta(days=1)))


@settings(max_examples=400, deadline=None)
@given(quiet=RULES, zone=st.sampled_from(ZONES), at=st.one_of(MOMENTS, NEAR))
def test_the_first_allowed_moment_is_allowed_and_none_before_it_is(quiet: QuietHours, zone: str, at: datetime) -> None:
    where = home(zone)
    moment = opens(quiet, where, at)
    assert moment is not None
    assert not shows_quiet(quiet, where, moment)
    assert (moment == at) == (not shows_quiet(quiet, where, at))
    step = max(timedelta(minutes=1), (moment - at) / 50)
    while at < moment:
        assert shows_quiet(quiet, where, at)
        at += step
    if step > timedelta(minutes=1):
        assert shows_quiet(quiet, where, moment - timedelta(seconds=1))


@settings(max_examples=100, deadline=None)
@given(quiet=RULES, zone=st.sampled_from(ZONES), at=st.one_of(MOMENTS, NEAR), by=st.timedeltas(timedelta(0), FORESEEN))
def test_what_lies_ahead_is_quiet_exactly_when_the_clock_says_so(
    quiet: QuietHours, zone: str, at: datetime, by: timedelta
) -> None:
    where, moment = home(zone), at + by
    spans = ahead(quiet, where, at)
    assert any(begin <= moment < end for begin, end in spans) == shows_quiet(quiet, where, moment)
    assert all(one[1] < other[0] for one, other in pairwise(spans))
