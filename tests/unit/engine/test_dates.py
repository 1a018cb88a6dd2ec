"""Days of the customer's own: birthday, name-day, a year since the first order; each enters a journey every year."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
import pytest

from services.contracts.journey import Set
from services.contracts.reasons import Reason
from services.contracts.schedule import DUE, Dated
from services.contracts.workspace import Workspace
from services.trigger_engine.journeys.definitions import define
from services.trigger_engine.journeys.schedules.dated import next_feast
from services.trigger_engine.journeys.segments import digest_of
from services.trigger_engine.virtual import World
from tests.support.engine import AT, DAY, HOUR, MINUTE, Run, anna, happened, journey, scheduled, workspace

WARSAW = ZoneInfo("Europe/Warsaw")
YEAR = timedelta(days=365)


def on(fact: str, **fields: Any) -> Any:
    """A journey of a customer's day, at 9:00."""
    words = {word: fields.pop(word) for word in ("minute", "before") if word in fields}
    return scheduled(Dated(fact, **words), zone="customer", **fields)


def shop(*journeys: Any, **name_days: str) -> Workspace:
    return msgspec.structs.replace(workspace(*journeys), name_days=name_days)


def known(at: datetime = AT, **customer: Any) -> Any:
    return happened("customer.updated", at, customer=anna(**customer))


def entered(run: Run) -> list[str]:
    return sorted(entry.entered_at.strftime("%Y-%m-%d %H:%M") for entry in run.entries.values())


def feast(value: Any, after: str, zone: str = "Europe/Warsaw", **words: Any) -> tuple[str, str, int] | None:
    found = next_feast(value, Dated("", **words), ZoneInfo(zone), datetime.fromisoformat(after).replace(tzinfo=UTC))
    return found and (f"{found.at:%Y-%m-%d %H:%M}", found.day.isoformat(), found.years)


@pytest.mark.parametrize(
    ("value", "after", "found"),
    [
        ("1990-05-20", "2026-05-20 06:59", ("2026-05-20 07:00", "2026-05-20", 36)),
        ("1990-05-20", "2026-05-20 07:00", ("2027-05-20 07:00", "2027-05-20", 37)),
        ("05-20", "2026-01-01 00:00", ("2026-05-20 07:00", "2026-05-20", 0)),
        ("2027-05-20", "2026-01-01 00:00", ("2027-05-20 07:00", "2027-05-20", 0)),
        # A moment has happened; the first day is a year later, on the customer's calendar.
        (datetime(2026, 5, 19, 23, tzinfo=UTC), "2026-05-20 00:00", ("2027-05-20 07:00", "2027-05-20", 1)),
        ("2026-05-19T23:00:00Z", "2026-05-20 00:00", ("2027-05-20 07:00", "2027-05-20", 1)),
        # 29 February is 28 February in a common year.
        ("1992-02-29", "2027-01-01 00:00", ("2027-02-28 08:00", "2027-02-28", 35)),
        ("1992-02-29", "2028-01-01 00:00", ("2028-02-29 08:00", "2028-02-29", 36)),
        ("02-29", "2027-01-01 00:00", ("2027-02-28 08:00", "2027-02-28", 0)),
        ("12-31", "2026-12-31 09:00", ("2027-12-31 08:00", "2027-12-31", 0)),
        ("2026-02-30", "2026-01-01 00:00", None), ("soon", "2026-01-01 00:00", None), (7, "2026-01-01 00:00", None),
        ("13-01", "2026-01-01 00:00", None), (None, "2026-01-01 00:00", None),
    ],
)  # fmt: skip
def test_a_day_comes_back_every_year(value: Any, after: str, found: tuple[str, str, int] | None) -> None:
    assert feast(value, after) == found


@pytest.mark.parametrize(
    ("zone", "day", "minute", "at"),
    [
        ("Europe/Warsaw", "1990-03-29", 150, "2026-03-29 01:30"),  # skipped: 2:30 comes as 3:30
        ("America/New_York", "1990-03-08", 150, "2026-03-08 07:30"),
        ("Australia/Lord_Howe", "1990-10-04", 135, "2026-10-03 15:45"),  # by half an hour
        ("Europe/Warsaw", "1990-10-25", 150, "2026-10-25 00:30"),  # comes twice
        ("America/New_York", "1990-11-01", 90, "2026-11-01 05:30"),
        ("Australia/Lord_Howe", "1990-04-05", 105, "2026-04-04 14:45"),
        ("Asia/Kolkata", "1990-03-29", 150, "2026-03-28 21:00"),  # where clocks stay
        ("Asia/Kolkata", "1992-02-29", 0, "2026-02-27 18:30"),
        ("America/New_York", "1992-02-29", 1_439, "2026-03-01 04:59"),
    ],
)
def test_a_day_has_its_time_in_every_zone_whatever_the_clocks_do(zone: str, day: str, minute: int, at: str) -> None:
    found = feast(day, "2026-01-01 12:00", zone, minute=minute)
    assert found is not None
    assert found[0] == at


def test_a_day_is_told_of_so_many_days_ahead_over_the_turn_of_the_year_and_of_summer_time() -> None:
    assert feast("1990-01-03", "2026-12-01 00:00", before=7) == ("2026-12-27 08:00", "2027-01-03", 37)
    assert feast("1990-04-01", "2026-01-01 00:00", before=7) == ("2026-03-25 08:00", "2026-04-01", 36)
    assert feast("1990-03-30", "2026-01-01 00:00", before=0) == ("2026-03-30 07:00", "2026-03-30", 36)


@pytest.mark.parametrize(
    ("zone", "at"),
    [("America/New_York", "2026-12-01 14:00"), ("Australia/Lord_Howe", "2026-11-30 22:00"),
     ("Asia/Kolkata", "2026-12-01 03:30")],
)  # fmt: skip
def test_it_is_nine_where_the_customer_lives(zone: str, at: str) -> None:
    assert feast("1990-12-01", "2026-11-22 00:00", zone) == (at, "2026-12-01", 36)
    run = Run(shop(on("profile.birthday"))).take(known(birthday="1990-12-01", time_zone=zone)).wait(10 * DAY)
    assert entered(run) == [at]


def test_a_birthday_enters_every_year_and_names_the_day() -> None:
    run = Run(shop(on("profile.birthday", before=7, condition="event.schedule.years >= 36")))
    run.take(known(birthday="1990-12-01")).reload().wait(2 * YEAR)
    assert entered(run) == ["2026-11-24 08:00", "2027-11-24 08:00"]
    assert {entry.key for entry in run.entries.values()} == {"2026", "2027"}
    assert run.derived[0] == (DUE, datetime(2026, 11, 24, 8, tzinfo=UTC))


def test_a_birthday_that_is_corrected_moves_and_is_told_once_a_year() -> None:
    run = Run(shop(on("profile.birthday"))).take(known(birthday="1990-12-01"))
    run.take(known(AT + MINUTE, birthday="1990-11-30")).wait(9 * DAY)
    assert entered(run) == ["2026-11-30 08:00"]
    run.take(known(AT + 9 * DAY, birthday="1990-12-05")).wait(20 * DAY)
    assert entered(run) == ["2026-11-30 08:00"]
    assert run.reasons == [("news", Reason.NOT_AGAIN)]


def test_who_says_it_on_the_day_itself_is_greeted_if_it_is_not_late() -> None:
    for minute, said in ((570, ["hello"]), (480, [])):  # it is 11:00 in Warsaw, and two hours are not late
        run = Run(shop(on("profile.birthday", minute=minute))).take(known(birthday="1990-11-22"))
        assert run.wait(HOUR).said == said


def test_a_day_that_came_while_nobody_looked_is_not_lost_to_an_event_before_its_timer() -> None:
    run = Run(shop(on("profile.birthday"))).take(known(birthday="1990-11-23"))
    run.now = AT + DAY
    run.take(known(AT + DAY, birthday="1990-11-23")).wait(MINUTE)
    assert run.said == ["hello"]
    run = Run(shop(on("profile.birthday", late="drop"))).take(known(birthday="1990-11-23"))
    run.now = AT + 2 * DAY
    run.take(known(AT + 2 * DAY, birthday="1990-11-23")).wait(MINUTE)
    assert (run.said, run.reasons) == ([], [("news", Reason.LATE)])


def test_years_since_the_first_order_and_since_signing_up_come_back() -> None:
    run = Run(shop(on("profile.first_order_at"), on("profile.signed_up_at", name="member")))
    run.take(happened("customer.signed_up", AT - DAY, customer=anna()))
    run.take(happened("order.placed", AT, customer=anna(), placed="o1"))
    run.take(happened("order.placed", AT + HOUR, customer=anna(), placed="o2")).wait(YEAR + DAY)
    assert entered(run) == ["2027-11-21 08:00", "2027-11-22 08:00"]


def test_a_name_day_is_the_calendars_for_the_first_name() -> None:
    names = {"anna": "11-26", "jan": "11-28"}
    for name, said in (("Anna", 1), ("ANNA Maria", 1), ("Jan", 1), ("Zenobia", 0), ("", 0)):
        run = Run(shop(on("profile.name_day"), **names)).take(known(first_name=name)).wait(10 * DAY)
        assert len(run.said) == said, name


def test_a_day_of_the_shops_own_counts_from_the_step_that_learns_it() -> None:
    learns = journey("learns", "survey.answered", Set("set", {"party": "event.day"}))
    run = Run(shop(learns, on("profile.party")))
    run.take(happened("survey.answered", AT, customer=anna(), day="2026-12-01")).wait(10 * DAY)
    assert entered(run)[-1] == "2026-12-01 08:00"


def test_two_who_turn_out_to_be_one_have_one_birthday() -> None:
    run = Run(shop(on("profile.birthday")))
    run.take(happened("customer.updated", AT, customer={"anonymous_id": "a1", "birthday": "1990-12-01"}))
    run.take(known(birthday="1990-12-01"))
    run.take(happened("page.viewed", AT + MINUTE, customer=anna(anonymous_id="a1"))).wait(10 * DAY)
    assert entered(run) == ["2026-12-01 08:00"]
    assert len(run.timers) == 1


def test_who_has_been_there_for_long_is_visited_when_a_journey_is_new_or_moved() -> None:
    """Without an event of theirs; what decides that everybody is visited is one digest."""
    made = [shop(), shop(on("profile.birthday")), shop(on("profile.birthday", minute=60)),
            shop(on("profile.birthday"), anna="11-26")]  # fmt: skip
    world = World(define(made[0]), AT)
    profile = world.tell(known(birthday="1990-12-01"))
    assert (profile is not None, world.next_timer()) == (True, None)
    for one, due in zip(made[1:3], ("08:00", "00:00"), strict=True):
        world.follow(define(one))
        assert f"{world.next_timer():%m-%d %H:%M}" == f"12-01 {due}"
    world.follow(define(made[0]))
    world.advance(AT + 20 * DAY)
    assert world.live == {}
    assert len({digest_of(define(one)) for one in made}) == 4


def test_a_journey_without_a_day_sets_no_alarm() -> None:
    run = Run(shop(on("profile.birthday"))).take(known())
    assert (run.timers, run.definitions.campaigns) == ({}, ())
