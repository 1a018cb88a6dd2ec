"""`enter` by schedule: what may be written, and what it comes to."""

from __future__ import annotations

from pathlib import Path

import pytest

from services.contracts.journey import Enter
from services.contracts.schedule import Every, Once, Schedule
from tests.unit.workspace.folder import JOURNEY, journey, loaded, said, the

STEPS = JOURNEY[JOURNEY.index("steps:") :]
SEGMENTS = "newsletter: {if: profile.orders_count > 1}\n"


def entered(home: Path, written: str) -> Enter:
    """The `enter` of a journey that is right."""
    found = loaded(home, {"journeys/hello.yaml": f"journey: hello\nenter: {{{written}}}\n{STEPS}",
                          "segments.yaml": SEGMENTS})  # fmt: skip
    assert found.findings == [], [finding.render() for finding in found.findings]
    assert found.workspace is not None
    return found.workspace.journeys[0].enter


@pytest.mark.parametrize(
    ("written", "schedule"),
    [
        ("at: 2026-12-01 10:00, who: all", Schedule(Once("2026-12-01T10:00"), "shop")),
        ('every: "0 10 * * tue", who: all', Schedule(Every("0 10 * * tue"), "customer")),
        ('every: "0  10 * *  tue", who: all, zone: shop', Schedule(Every("0 10 * * tue"), "shop")),
        ("at: 2026-12-01 10:00, who: all, zone: customer", Schedule(Once("2026-12-01T10:00"), "customer")),
        ("at: 2026-12-01 10:00, who: all, pace: 1000 per minute", Schedule(Once("2026-12-01T10:00"), pace=1000 / 60)),
        ("at: 2026-12-01 10:00, who: all, pace: 5 per second", Schedule(Once("2026-12-01T10:00"), pace=5)),
    ],
)
def test_a_moment_is_the_shops_and_a_habit_the_customers_unless_the_journey_says_otherwise(
    tmp_path: Path, written: str, schedule: Schedule
) -> None:
    assert entered(tmp_path, written) == Enter("schedule.due", None, "event.schedule.occurrence", schedule=schedule)


def test_who_it_is_for_must_still_be_so_when_it_is_due(tmp_path: Path) -> None:
    found = entered(tmp_path, "at: 2026-12-01 10:00, who: segment.newsletter, if: profile.orders_count < 9")
    assert found.schedule is not None
    assert found.schedule.who == "newsletter"
    assert found.condition == '"newsletter" in profile.segments && (profile.orders_count < 9)'


@pytest.mark.parametrize(
    ("written", "key", "again"),
    [
        ("again: always", None, 0.0), ("again: after 7 days", None, 604_800.0),
        ("key: profile.locale", "profile.locale", None),
    ],
)  # fmt: skip
def test_again_and_key_take_the_place_of_each_time_for_itself(
    tmp_path: Path, written: str, key: str | None, again: float | None
) -> None:
    found = entered(tmp_path, f"at: 2026-12-01 10:00, who: all, {written}")
    assert (found.key, found.again_after) == (key, again)


@pytest.mark.parametrize(
    ("written", "place", "rule", "says"),
    [
        ("at: 2026-12-01, who: all", "2:13", "bad-cron-or-time", "has no time"),
        ("at: 2026-02-30 10:00, who: all", "2:13", "bad-cron-or-time", "is no day with a time"),
        ("at: soon, who: all", "2:13", "bad-cron-or-time", "is no day with a time"),
        ("every: tuesday, who: all", "2:16", "bad-cron-or-time", "is no cron expression: wrong number of fields"),
        ('every: "0 25 * * *", who: all', "2:16", "bad-cron-or-time", "bad hour"),
        ('every: "0 10 * * tues", who: all', "2:16", "bad-cron-or-time", "bad day-of-week"),
        ('every: "0 0 10 * * *", who: all', "2:16", "bad-cron-or-time", "is no cron expression"),
        ('every: "* 10 * * tue", who: all', "2:16", "bad-cron-or-time", "more often than once an hour"),
        ('every: "0 10 30 feb *", who: all', "2:16", "bad-cron-or-time", "bad day-of-month"),
        ('every: "0 10 * * tue"', "2:8", "missing-key", "whom it is for"),
        ('every: "0 10 * * tue", who: newsletter', "2:37", "bad-value", "does not fit 'who'"),
        ('every: "0 10 * * tue", who: segment.newsleter', "2:37", "unknown-segment", "no segment 'newsleter'"),
        ('every: "0 10 * * tue", who: all, zone: utc', "2:48", "bad-value", "'utc' is no word"),
        ('every: "0 10 * * tue", who: all, pace: fast', "2:48", "bad-value", "does not fit 'pace'"),
        ('every: "0 10 * * tue", who: all, pace: 0 per minute', "2:48", "bad-value", "nobody"),
        ('every: "0 10 * * tue", who: all, max_age: 1 day', "2:42", "bad-value", "no 'max_age'"),
        ('every: "0 10 * * tue", who: all, on: order.placed', "2:9", "bad-value", "'every' stands without 'on'"),
        ('at: 2026-12-01 10:00, every: "0 10 * * tue", who: all', "2:31", "bad-value", "'every' stands without 'at'"),
        ("on: order.placed, who: all", "2:27", "bad-value", "'who' belongs to 'at' and 'every'"),
        ("on: order.placed, pace: 1 per hour", "2:27", "bad-value", "'pace' belongs to"),
        ("on: schedule.due", "2:13", "bad-value", "enters each journey at its own times"),
    ],
)
def test_what_is_wrong_with_a_schedule_is_said_at_its_place(
    tmp_path: Path, written: str, place: str, rule: str, says: str
) -> None:
    text = f"journey: hello\nenter: {{{written}}}\n{STEPS}"
    found = the(loaded(tmp_path, {"journeys/hello.yaml": text, "segments.yaml": SEGMENTS}).findings)
    assert (found.place, found.rule) == (f"journeys/hello.yaml:{place}", rule)
    assert says in found.message


def test_the_nearest_segment_is_named(tmp_path: Path) -> None:
    text = f"journey: hello\nenter: {{at: 2026-12-01 10:00, who: segment.newsleter}}\n{STEPS}"
    found = the(loaded(tmp_path, {"journeys/hello.yaml": text, "segments.yaml": SEGMENTS}).findings)
    assert found.hint == "write instead: segment.newsletter"


def test_a_template_may_name_the_time_and_nothing_that_no_event_brings(tmp_path: Path) -> None:
    head = "journey: hello\nenter: {at: 2026-12-01 10:00, who: all, if: event.schedule.occurence == 'x'}\n"
    assert said(journey(tmp_path, head + STEPS)) == [("journeys/hello.yaml:2:60", "bad-condition")]


def test_facts_that_a_scheduled_journey_sets_are_typed_by_its_event(tmp_path: Path) -> None:
    head = "journey: hello\nenter: {at: 2026-12-01 10:00, who: all}\n"
    assert journey(tmp_path, head + STEPS + "  - set: {last_issue: event.schedule.at}\n") == []
