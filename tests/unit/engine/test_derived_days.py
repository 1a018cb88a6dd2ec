"""Days that come back every year: on the customer's clock, in every zone, in leap years and over changed hours."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import permutations
from typing import Any

import msgspec
import pytest

from services.contracts.reasons import Reason
from services.contracts.settings import Anniversary, Yearly
from tests.support.engine import AT, DAY, DERIVE, HOUR, Run, anna, happened, journey, workspace

BIRTHDAY = journey("birthday", "customer.birthday", again_after=0)
ANNIVERSARY = journey("anniversary", "customer.anniversary", again_after=0)
OLD = datetime(2026, 1, 1, tzinfo=UTC)


def utc(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=UTC)  # type: ignore[misc,arg-type]


def born(birthday: str, zone: str | None = None, at: datetime = OLD, **run: Any) -> Run:
    return Run(workspace(BIRTHDAY, **run), now=at).take(
        happened("customer.updated", at, customer=anna(birthday=birthday, time_zone=zone))
    )


@pytest.mark.parametrize(("zone", "birthday", "moment"), [
    (None, "1990-03-28", utc(2026, 3, 28, 8)),
    ("Europe/Warsaw", "1990-03-29", utc(2026, 3, 29, 7)),  # the day on which summer time begins
    ("Europe/Warsaw", "1990-10-25", utc(2026, 10, 25, 8)),  # and ends
    ("America/New_York", "1990-07-01", utc(2026, 7, 1, 13)),
    ("Australia/Lord_Howe", "1990-01-05", utc(2026, 1, 4, 22)),  # 11 hours ahead, 10½ in winter
    ("Australia/Lord_Howe", "1990-07-05", utc(2026, 7, 4, 22, 30)),
    ("Asia/Kathmandu", "1990-05-05", utc(2026, 5, 5, 3, 15)),
    ("Pacific/Apia", "1990-12-30", utc(2026, 12, 29, 20)),
    ("Nowhere/Atlantis", "1990-03-28", utc(2026, 3, 28, 8)),
])  # fmt: skip
def test_a_birthday_is_at_nine_on_the_customers_own_clock(zone: str | None, birthday: str, moment: datetime) -> None:
    run = born(birthday, zone)
    assert run.wait(365 * DAY).derived == [("customer.birthday", moment)]
    assert run.said == ["hello"]


@pytest.mark.parametrize(("year", "day"), [(2027, 28), (2028, 29), (2029, 28)])
def test_who_was_born_on_29_february_is_congratulated_on_the_28th_where_there_is_none(year: int, day: int) -> None:
    run = born("1992-02-29", at=utc(year, 1, 1))
    assert run.wait(300 * DAY).derived == [("customer.birthday", utc(year, 2, day, 8))]


def test_a_birthday_comes_back_every_year() -> None:
    assert [at.year for _, at in born("1990-03-28").wait(1_200 * DAY).derived] == [2026, 2027, 2028, 2029]


def test_a_birthday_told_on_the_day_itself_is_congratulated_at_once_and_one_of_yesterday_is_not() -> None:
    assert born("1990-11-22").wait(HOUR).derived == []
    assert born("1990-11-22", at=utc(2026, 11, 22, 20)).wait(HOUR).derived == [
        ("customer.birthday", utc(2026, 11, 22, 8))
    ]
    assert born("1990-11-22", at=utc(2026, 11, 23, 0)).wait(300 * DAY).derived == []


def test_midnight_in_auckland_is_the_birthday_while_it_is_still_the_day_before_in_warsaw() -> None:
    midnight = msgspec.structs.replace(DERIVE, customer_birthday=Yearly("00:00"))
    run = born("1990-03-01", "Pacific/Auckland", derive=midnight)
    assert run.wait(364 * DAY).derived == [("customer.birthday", utc(2026, 2, 28, 11))]


def test_a_time_that_summer_time_skips_comes_an_hour_later_and_one_that_comes_twice_comes_once() -> None:
    half_past_two = msgspec.structs.replace(DERIVE, customer_birthday=Yearly("02:30"))
    assert born("1990-03-29", derive=half_past_two).wait(300 * DAY).derived[0][1] == utc(2026, 3, 29, 1, 30)
    assert born("1990-10-25", derive=half_past_two).wait(364 * DAY).derived == [
        ("customer.birthday", utc(2026, 10, 25, 0, 30))
    ]


@pytest.mark.parametrize(("zone", "at", "birthday", "moment"), [
    ("America/New_York", "02:30", "1990-03-08", utc(2026, 3, 8, 7, 30)),  # skipped
    ("America/New_York", "01:30", "1990-11-01", utc(2026, 11, 1, 5, 30)),  # comes twice
    ("Australia/Lord_Howe", "02:15", "1990-10-04", utc(2026, 10, 3, 15, 45)),  # skipped, by half an hour
    ("Australia/Lord_Howe", "01:45", "1990-04-05", utc(2026, 4, 4, 14, 45)),  # comes twice
    ("Asia/Kathmandu", "02:30", "1990-03-29", utc(2026, 3, 28, 20, 45)),  # where clocks stay
    ("Asia/Kathmandu", "00:00", "1992-02-29", utc(2026, 2, 27, 18, 15)),
    ("Asia/Kathmandu", "23:59", "1992-02-29", utc(2026, 2, 28, 18, 14)),
    ("America/New_York", "23:59", "1990-12-31", utc(2026, 1, 1, 4, 59)),  # still 2025 there
    ("Europe/Warsaw", "00:00", "1990-03-29", utc(2026, 3, 28, 23)),
    ("Europe/Warsaw", "23:59", "1990-10-25", utc(2026, 10, 25, 22, 59)),
])  # fmt: skip
def test_a_birthday_is_at_its_time_in_every_zone_whatever_the_clocks_do(
    zone: str, at: str, birthday: str, moment: datetime
) -> None:
    derive = msgspec.structs.replace(DERIVE, customer_birthday=Yearly(at))
    assert born(birthday, zone, derive=derive).wait(364 * DAY + 12 * HOUR).derived[0] == ("customer.birthday", moment)


def test_the_anniversary_of_an_order_of_29_february_is_on_the_28th_where_there_is_none() -> None:
    run = Run(workspace(ANNIVERSARY), now=utc(2028, 3, 1)).take(placed(utc(2028, 2, 29, 10)))
    assert run.wait(1_500 * DAY).derived == [
        ("customer.anniversary", utc(year, 2, day, 8)) for year, day in ((2029, 28), (2030, 28), (2031, 28), (2032, 29))
    ]


def test_a_birthday_that_was_corrected_moves_and_is_told_once_a_year() -> None:
    run = born("1990-03-28").wait(30 * DAY)
    run.take(happened("customer.updated", run.now, customer=anna(birthday="1990-06-28")))
    assert run.reload().wait(200 * DAY).derived == [("customer.birthday", utc(2026, 6, 28, 7))]
    run.take(happened("customer.updated", run.now, customer=anna(birthday="1990-09-28")))
    assert len(run.wait(100 * DAY).derived) == 1


def test_a_customer_who_moves_is_congratulated_by_the_new_clock() -> None:
    run = born("1990-03-28").take(happened("page.viewed", OLD, customer=anna(time_zone="America/New_York")))
    assert run.wait(200 * DAY).derived == [("customer.birthday", utc(2026, 3, 28, 13))]


def test_a_birthday_that_came_due_is_not_lost_to_an_event_read_before_it_fires() -> None:
    run = born("1990-03-28")
    run.now = utc(2026, 3, 29, 5)
    run.take(happened("customer.updated", run.now, customer=anna(birthday="1990-03-28")))
    assert run.wait(HOUR).derived == [("customer.birthday", utc(2026, 3, 28, 8))]


def test_a_birthday_that_fires_more_than_a_day_late_is_not_congratulated_on_next_week() -> None:
    run = born("1990-03-28")
    (timer,) = run.timers
    run.now = utc(2026, 4, 2, 8)
    run.fire(timer)
    assert (run.said, ("birthday", Reason.TOO_OLD) in run.reasons) == ([], True)
    assert [row.due for row in run.timers.values()] == [utc(2027, 3, 28, 7)]


def test_whichever_of_two_birthdays_is_later_news_counts_in_every_order() -> None:
    told = [happened("customer.updated", OLD + n * HOUR, customer=anna(birthday=f"1990-0{3 + n}-28")) for n in range(3)]
    for events in permutations(told):
        assert Run(workspace(BIRTHDAY), now=OLD).take(*events).wait(364 * DAY).derived == [
            ("customer.birthday", utc(2026, 5, 28, 7))
        ]


def test_a_visitors_birthday_is_congratulated_once_after_a_merge() -> None:
    run = born("1990-03-28")
    run.take(happened("customer.updated", OLD, customer={"anonymous_id": "a1", "birthday": "1990-03-28"}))
    run.take(happened("customer.updated", OLD, customer=anna(anonymous_id="a1")))
    assert len(run.timers) == 1
    assert run.reload().wait(300 * DAY).said == ["hello"]


def test_a_journey_published_later_hears_of_the_birthday_after_the_customers_next_event() -> None:
    before = Run(workspace(journey("j", "page.viewed")), now=OLD)
    before.take(happened("customer.updated", OLD, customer=anna(birthday="1990-03-28")))
    assert before.timers == {}
    before.definitions = Run(workspace(BIRTHDAY)).definitions
    before.take(happened("page.viewed", OLD, customer={"id": "c-1"}))
    assert before.wait(300 * DAY).said == ["hello"]


def placed(at: datetime) -> Any:
    return happened("order.placed", at, customer=anna(), placed=f"o{at:%Y%m%d}")


def test_an_anniversary_says_how_many_years_it_is_since_the_first_order() -> None:
    run = Run(workspace(ANNIVERSARY)).take(placed(AT + DAY), placed(AT)).wait(800 * DAY)
    assert run.derived == [("customer.anniversary", utc(year, 11, 22, 8)) for year in (2027, 2028)]


def test_an_older_order_that_comes_late_moves_the_anniversary_and_past_ones_are_not_told() -> None:
    run = Run(workspace(ANNIVERSARY)).take(placed(AT), placed(utc(2023, 2, 3)))
    assert run.wait(365 * DAY).derived == [("customer.anniversary", utc(2027, 2, 3, 8))]
    (message,) = run.queue
    assert message.profile_id == run.profile.id


def test_signing_up_has_an_anniversary_too_where_the_shop_says_so() -> None:
    both = msgspec.structs.replace(DERIVE, customer_anniversary=Anniversary(("first_order", "signup")))
    run = Run(workspace(ANNIVERSARY, derive=both)).take(
        happened("customer.signed_up", AT - DAY, customer=anna()), placed(AT)
    )
    assert run.wait(370 * DAY).derived == [
        ("customer.anniversary", utc(2027, 11, 21, 8)), ("customer.anniversary", utc(2027, 11, 22, 8)),
    ]  # fmt: skip
