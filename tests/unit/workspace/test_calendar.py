"""`calendar.yaml`, `name-days.yaml`, and the journeys that go by them: what may be written, and what it comes to."""

from __future__ import annotations

from pathlib import Path

import pytest

from services.contracts.schedule import AtEaster, Dated, Day, Named, OnDate, OnDays, OnWeekday, Schedule
from tests.unit.workspace.folder import JOURNEY, SETTINGS, loaded, the

STEPS = JOURNEY[JOURNEY.index("steps:") :]
CALENDAR = """\
valentines: 02-14
black-friday: 4th thursday of november + 1 day
mothers-day: Last Sunday of May
good-friday: easter - 2 days
carnival: easter - 7 weeks
birthday: [2027-05-19, 2026-05-20]
opening: 2026-05-20
"""


def schedule(home: Path, written: str) -> Schedule | None:
    files: dict[str, str | bytes] = {
        "journeys/hello.yaml": f"journey: hello\nenter: {{{written}}}\n{STEPS}",
        "calendar.yaml": CALENDAR,
    }
    found = loaded(home, files)
    assert found.findings == [], [finding.render() for finding in found.findings]
    assert found.workspace is not None
    return found.workspace.journeys[0].enter.schedule


@pytest.mark.parametrize(
    ("name", "day"),
    [
        ("valentines", OnDate(2, 14)), ("black-friday", OnWeekday(4, 3, 11, 1)), ("mothers-day", OnWeekday(-1, 6, 5)),
        ("good-friday", AtEaster(-2)), ("carnival", AtEaster(-49)), ("opening", OnDays(("2026-05-20",))),
        ("birthday", OnDays(("2026-05-20", "2027-05-19"))),
    ],
)  # fmt: skip
def test_a_campaign_goes_by_a_named_day(tmp_path: Path, name: str, day: Day) -> None:
    assert schedule(tmp_path, f"at: {name} 10:00, who: all") == Schedule(Named(name, day, 600))
    before = schedule(tmp_path, f"at: {name} - 2 weeks 08:30, who: all, zone: customer")
    assert before == Schedule(Named(name, day, 510, -14), "customer")
    assert schedule(tmp_path, f"at: {name} + 1 day 10:00, who: all") == Schedule(Named(name, day, 600, 1))


@pytest.mark.parametrize(
    ("written", "when"),
    [
        ("date: profile.birthday", Dated("profile.birthday")),
        ("date: profile.name_day, at: 10:30, before: 7 days", Dated("profile.name_day", 630, 7)),
        ("date: profile.first_order_at, before: 1 week", Dated("profile.first_order_at", 540, 7)),
    ],
)
def test_a_day_of_the_customers_own_goes_by_his_clock(tmp_path: Path, written: str, when: Dated) -> None:
    assert schedule(tmp_path, written) == Schedule(when, "customer")


@pytest.mark.parametrize(
    ("written", "place", "rule", "says"),
    [
        ("at: valentine 10:00, who: all", "2:13", "unknown-day", "there is no day 'valentine'"),
        ("at: valentines, who: all", "2:13", "bad-cron-or-time", "no day with a time"),
        ("at: valentines -7 days 10:00, who: all", "2:13", "bad-cron-or-time", "no day with a time"),
        ("date: profile.birtday", "2:23", "bad-condition", "birtday"),
        ("date: profile.orders_count", "2:15", "bad-condition", "number"),
        ("date: birthday", "2:15", "bad-value", "does not fit 'date'"),
        ("date: profile.birthday, at: noon", "2:37", "bad-cron-or-time", "'noon' is no time of day"),
        ("date: profile.birthday, at: 25:00", "2:37", "bad-cron-or-time", "25:00 is no time of day"),
        ("date: profile.birthday, before: 36 hours", "2:41", "bad-duration", "whole days"),
        ("date: profile.birthday, before: 301 days", "2:41", "bad-duration", "every year"),
        ("date: profile.birthday, pace: 5 per hour", "2:33", "bad-value", "'pace' belongs to"),
        ("at: valentines 10:00, who: all, before: 7 days", "2:41", "bad-value", "'before' belongs to 'date'"),
        ("date: profile.birthday, every: 0 9 * * *", "2:9", "bad-value", "'date' stands without 'every'"),
    ],
)
def test_what_is_wrong_with_a_day_is_said_at_its_place(
    tmp_path: Path, written: str, place: str, rule: str, says: str
) -> None:
    text = f"journey: hello\nenter: {{{written}}}\n{STEPS}"
    found = the(loaded(tmp_path, {"journeys/hello.yaml": text, "calendar.yaml": CALENDAR}).findings)
    assert (found.place, found.rule) == (f"journeys/hello.yaml:{place}", rule)
    assert says in found.message


def test_the_nearest_day_is_named_and_where_there_is_none_how_to_name_one(tmp_path: Path) -> None:
    text = f"journey: hello\nenter: {{at: valentine 10:00, who: all}}\n{STEPS}"
    for calendar, hint in (
        (CALENDAR, "write instead: valentines"),
        (None, "name it in calendar.yaml: valentine: 02-14"),
    ):
        files: dict[str, str | bytes] = {"journeys/hello.yaml": text}
        if calendar:
            files["calendar.yaml"] = calendar
        assert the(loaded(tmp_path / str(bool(calendar)), files).findings).hint == hint


@pytest.mark.parametrize(
    ("file", "text", "place"),
    [
        ("calendar.yaml", "some: 02-30\n", "1:7"), ("calendar.yaml", "some: the 4th friday of november\n", "1:7"),
        ("calendar.yaml", "some: 6th friday of november\n", "1:7"),
        ("calendar.yaml", "some: [2026-05-20, 2026-13-01]\n", "1:8"),
        ("calendar.yaml", "some: 14.02\n", "1:7"), ("calendar.yaml", "some: 2026-02-30\n", "1:7"),
        ("name-days.yaml", "Anna: 02-30\n", "1:7"), ("name-days.yaml", "Anna: 26.07\n", "1:7"),
    ],
)  # fmt: skip
def test_a_day_that_there_is_not_is_refused(tmp_path: Path, file: str, text: str, place: str) -> None:
    found = the(loaded(tmp_path, {file: text}).findings)
    assert (found.place, found.rule) == (f"{file}:{place}", "bad-cron-or-time")


def test_name_days_are_published_in_small_letters(tmp_path: Path) -> None:
    found = loaded(tmp_path, {"name-days.yaml": "Anna: 07-26\nŁukasz: 10-18\nBeata Maria: 02-29\n"})
    assert found.workspace is not None
    assert found.workspace.name_days == {"anna": "07-26", "łukasz": "10-18", "beata maria": "02-29"}


@pytest.mark.parametrize(
    ("written", "place"),
    [("date: profile.birthday, at: 21:00", "2:15"), ("at: valentines 21:00, who: all", "2:13")],
)
def test_a_day_at_an_hour_that_is_quiet_is_a_warning(tmp_path: Path, written: str, place: str) -> None:
    files: dict[str, str | bytes] = {
        "journeys/hello.yaml": f"journey: hello\nenter: {{{written}}}\n{STEPS}",
        "calendar.yaml": CALENDAR,
        "wici.yaml": SETTINGS + "policies: {quiet_hours: {email: 20:00-09:00}}\n",
    }
    found = loaded(tmp_path, files).findings
    assert (f"journeys/hello.yaml:{place}", "quiet-window") in [(one.place, one.rule) for one in found]
