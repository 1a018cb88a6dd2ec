"""Days that have a name in the shop: when they are, year after year, and when a campaign for one is due."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from itertools import islice
from typing import Any

import pytest

from services.contracts.schedule import AtEaster, Named, OnDate, OnDays, OnWeekday, When
from services.contracts.settings import Settings
from services.trigger_engine.journeys.schedules.campaign import Campaign, told
from services.trigger_engine.journeys.schedules.named_days import easter, in_the_year, times
from services.trigger_engine.journeys.schedules.occurrences import occurrences
from services.trigger_engine.profiles.state import Profile
from tests.support.engine import AT, SHOP, scheduled

AN_AGE = timedelta(days=366 * 12)


def named(day: Any, **fields: Any) -> Named:
    return Named(**{"name": "some", "day": day, "minute": 600, **fields})


@pytest.mark.parametrize(
    ("day", "year", "found"),
    [
        (OnDate(2, 14), 2027, "2027-02-14"),
        (OnDate(2, 29), 2027, "2027-02-28"), (OnDate(2, 29), 2028, "2028-02-29"),
        (OnWeekday(4, 4, 11), 2024, "2024-11-22"),
        (OnWeekday(4, 3, 11, 1), 2024, "2024-11-29"),  # Black Friday is the day after the fourth Thursday
        (OnWeekday(4, 3, 11, 1), 2026, "2026-11-27"),
        (OnWeekday(1, 0, 6), 2026, "2026-06-01"), (OnWeekday(-1, 6, 5), 2027, "2027-05-30"),
        (OnWeekday(5, 6, 2), 2032, "2032-02-29"),
        (AtEaster(-2), 2027, "2027-03-26"),
        (OnDays(("2026-05-20", "2027-05-19")), 2027, "2027-05-19"),
        (OnWeekday(5, 6, 2), 2027, None), (OnDays(("2026-05-20",)), 2027, None),
    ],
)  # fmt: skip
def test_a_named_day_is_found_in_each_year_that_has_it(day: Any, year: int, found: str | None) -> None:
    assert [one.isoformat() for one in in_the_year(day, year)] == ([] if found is None else [found])


@pytest.mark.parametrize(
    "day",
    ["2000-04-23", "2008-03-23", "2019-04-21", "2024-03-31", "2025-04-20", "2026-04-05", "2027-03-28", "2038-04-25"],
)
def test_easter_is_when_it_is(day: str) -> None:
    assert easter(date.fromisoformat(day).year) == date.fromisoformat(day)


def due(when: When, after: str, zone: str = "shop") -> list[str]:
    begin = datetime.fromisoformat(after).replace(tzinfo=UTC)
    return [one.name for one in occurrences(scheduled(when, zone=zone), begin, begin + AN_AGE, Settings(SHOP))]


def test_a_campaign_comes_so_many_days_before_the_day_over_the_turn_of_the_year() -> None:
    assert due(named(OnDate(1, 3), days=-7), "2026-12-01")[:2] == ["2026-12-27T10:00", "2027-12-27T10:00"]
    assert due(named(OnDate(12, 30), days=3), "2026-12-31")[:2] == ["2027-01-02T10:00", "2028-01-02T10:00"]
    assert due(named(OnDate(2, 14), days=-7), "2026-11-22")[0] == "2027-02-07T10:00"


def test_days_that_are_listed_come_and_then_no_more() -> None:
    assert due(named(OnDays(("2026-12-01", "2028-05-19"))), "2026-11-22") == ["2026-12-01T10:00", "2028-05-19T10:00"]
    assert list(times(named(OnDays(("2020-01-01",))), datetime(2026, 1, 1))) == []  # noqa: DTZ001 -- a clock on a wall


def test_the_years_go_on_and_on() -> None:
    found = list(islice(times(named(OnDate(2, 14)), datetime(2026, 11, 22)), 100))  # noqa: DTZ001 -- a clock on a wall
    assert [one.year for one in found] == list(range(2027, 2127))


def test_whoever_is_told_is_told_the_day_itself() -> None:
    schedule = scheduled(named(OnDate(2, 14), days=-7), zone="shop").enter.schedule
    assert schedule is not None
    said = told(Campaign("news", "2027-02-07T10:00", AT, AT), schedule, Profile(bytes(16), AT), 0, AT)
    assert (said.data["schedule"].day, said.data["schedule"].occurrence) == ("2027-02-14", "2027-02-07T10:00")
