from datetime import timedelta

import pytest

from services.kit.errors import Problem
from services.trigger_engine.journeys.conditions import DurationError, parse_duration, parse_duration_parts
from services.trigger_engine.journeys.conditions.durations import parse_cel_duration


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("45 minutes", timedelta(minutes=45)),
        ("1 minute", timedelta(minutes=1)),
        ("30 seconds", timedelta(seconds=30)),
        ("36 hours", timedelta(hours=36)),
        ("1 day", timedelta(days=1)),
        (" 7  days ", timedelta(days=7)),
        ("2 weeks", timedelta(days=14)),
        ("1.5 hours", timedelta(minutes=90)),
        ("45minutes", timedelta(minutes=45)),
    ],
)
def test_a_number_and_a_unit_are_a_duration(text: str, expected: timedelta) -> None:
    assert parse_duration(text) == expected


def test_the_parts_keep_the_unit_so_that_a_calendar_day_can_be_told_from_24_hours() -> None:
    assert parse_duration_parts("1 day") == (1.0, "day")
    assert parse_duration_parts("24 hours") == (24.0, "hour")


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("3 fortnights", "write seconds, minutes, hours, days or weeks"),
        ("30 s", "write 30 seconds"),
        ("5 min", "write 5 minutes"),
        ("2 dayz", "write 2 days"),
        ("1 month", "write 30 days"),
        ("2 years", "write 365 days"),
        ("1,5 hours", "write 1.5 hours"),
        ("-3 days", "write 3 days"),
        ("0 days", "write a number above 0"),
        ("tomorrow", "such as 45 minutes"),
        ("45", "such as 45 minutes"),
        ("", "such as 45 minutes"),
        ("9999999 weeks", "write at most 36525 days"),
        ("9" * 5000 + " days", "such as 45 minutes"),
        ("٣ days", "write 45 days"),
    ],
)
def test_a_wrong_duration_is_refused_with_what_to_write_instead(text: str, hint: str) -> None:
    with pytest.raises(DurationError) as caught:
        parse_duration(text)
    assert hint in caught.value.hint
    assert hint in str(caught.value)
    assert isinstance(caught.value, Problem)


def test_cel_durations_are_read_in_both_spellings() -> None:
    assert parse_cel_duration("36h") == timedelta(hours=36)
    assert parse_cel_duration("1h30m") == timedelta(minutes=90)
    assert parse_cel_duration("1500ms") == timedelta(seconds=1.5)
    assert parse_cel_duration("2 days") == timedelta(days=2)
    with pytest.raises(DurationError):
        parse_cel_duration("36h later")
