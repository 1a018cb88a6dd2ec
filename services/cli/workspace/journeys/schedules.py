"""`enter` by schedule: `at`, `every`, and for whom → the published schedule, its cron, moments and names checked."""

from __future__ import annotations

import json
import re
from collections.abc import Container
from datetime import datetime
from typing import Literal, cast

from cronsim import CronSim, CronSimError

from services.cli.workspace.calendar_file import SHIFT, shift_of
from services.cli.workspace.findings import short, write_instead
from services.cli.workspace.journeys.moments import MomentError, clock, on_the_wall
from services.cli.workspace.reading.positions import Mapping
from services.cli.workspace.reading.row import Row
from services.cli.workspace.reading.sheet import Sheet
from services.cli.workspace.shapes.journey import NAME_PATTERN
from services.cli.workspace.surroundings import Surroundings
from services.contracts.schedule import DUE, Dated, Every, Named, Once, Schedule, When

SCHEDULED = ("at", "every", "date")
WAYS = ("on", "segment", *SCHEDULED)
FOR_MANY = ("zone", "pace")
NINE = 9 * 60
OCCURRENCE = "event.schedule.occurrence"
FURTHEST = 300  # days ahead of a day that comes back every year
_NAMED = re.compile(
    rf"(?P<name>[a-z]{NAME_PATTERN[len('[a-z0-9]') :]}){SHIFT}\s+(?P<clock>([01]\d|2[0-3]):[0-5]\d)", re.ASCII
)
_PACE = {"second": 1.0, "minute": 60.0, "hour": 3_600.0, "day": 86_400.0}
_SOME_DAY = datetime(2026, 1, 1)  # noqa: DTZ001 -- what a clock on a wall shows


def entering(written: Container[str], on: str) -> str:
    """The event type that enters: that of `on`, or of what its short forms stand for."""
    if "segment" in written:
        return "segment.entered"
    return DUE if any(word in written for word in SCHEDULED) else on


def words(row: Row) -> Container[str]:
    """The keys that are written, right or wrong."""
    return row.node.values if isinstance(row.node, Mapping) else ()


def check_way(row: Row, sheet: Sheet) -> None:
    """A journey is entered in one way, with the words that belong to it."""
    written = words(row)
    ways = [word for word in WAYS if word in written and not (word == "at" and "date" in written)]
    for word in ways[1:]:
        sheet.error(row.key_at(word), "bad-value", f"'{word}' stands without '{ways[0]}'", "write one of them")
    scheduled = any(word in written for word in SCHEDULED)
    own = "date" in written
    for word in (*FOR_MANY, "who"):
        if word in written and (not scheduled or (own and word != "who")):
            message, hint = f"'{word}' belongs to 'at' and 'every'", "leave it out, or write when: every: 0 10 * * tue"
            sheet.error(row.key_at(word), "bad-value", message, hint)
    if "before" in written and not own:
        hint = "write instead: at: the day itself" if scheduled else "leave it out"
        sheet.error(row.key_at("before"), "bad-value", "'before' belongs to 'date'", hint)
    if scheduled and "max_age" in written:
        message, hint = "a schedule has no 'max_age'", "write instead: policy: {max_lateness: 2 hours}"
        sheet.error(row.key_at("max_age"), "bad-value", message, hint)
    if scheduled and not own and "who" not in written:
        hint = "write who: all, or who: segment.NAME"
        sheet.error(row.node.place, "missing-key", "'enter' needs 'who': whom it is for", hint)


def read_schedule(row: Row, sheet: Sheet, around: Surroundings) -> Schedule | None:
    """The schedule of an `enter`; None where it has none, or a wrong one.

    `at` is a moment of the shop's unless it says otherwise: what begins then begins for all. `every` is the customer's,
    and so is `date`.
    """
    when = _when(row, sheet, around)
    who = _who(row, sheet, around)
    if when is None:
        return None
    whose = "shop" if isinstance(when, Once | Named) else "customer"
    zone = cast("Literal['customer', 'shop']", row.text("zone", whose))
    return Schedule(when, zone, who, _pace(row, sheet))


def membership(schedule: Schedule | None) -> str | None:
    """The condition that one whom the schedule is for must still meet when it is due."""
    return None if schedule is None or schedule.who is None else f"{json.dumps(schedule.who)} in profile.segments"


def _when(row: Row, sheet: Sheet, around: Surroundings) -> When | None:
    if row.maybe("date") is not None:
        return _date(row, sheet)
    if row.maybe("every") is not None:
        return _every(row, sheet)
    if row.maybe("at") is not None:
        return _at(row, sheet, around)
    return None


def _date(row: Row, sheet: Sheet) -> Dated | None:
    """A day that a fact gives, at a time of the customer's clock, whole days ahead."""
    before = row.number("before") or 0.0
    if before % _PACE["day"]:
        sheet.error(row.at("before"), "bad-duration", "'before' counts whole days", "write it like: 7 days")
    if before > FURTHEST * _PACE["day"]:
        sheet.error(row.at("before"), "bad-duration", "the day comes back every year", f"write {FURTHEST} days at most")
    minute = NINE
    if row.maybe("at") is not None:
        try:
            told = clock(row.text("at"))
        except MomentError as error:
            sheet.error(row.at("at"), "bad-cron-or-time", error.message, error.hint)
            return None
        if told is None or told.weekday is not None:
            message = f"{short(row.text('at'))} is no time of day"
            sheet.error(row.at("at"), "bad-cron-or-time", message, "write it like 09:00")
            return None
        minute = told.minute
    return Dated(row.text("date"), minute, round(before / _PACE["day"]))


def _at(row: Row, sheet: Sheet, around: Surroundings) -> Once | Named | None:
    """A moment, or a named day of the shop's with a time, some days before or after it."""
    found = _NAMED.fullmatch(row.text("at"))
    if found is not None and (told := clock(found["clock"])) is not None:
        day = around.days.get(found["name"])
        if day is None:
            hint = write_instead(found["name"], around.days, "days are")
            hint = hint or f"name it in calendar.yaml: {found['name']}: 02-14"
            sheet.error(row.at("at"), "unknown-day", f"there is no day {short(found['name'])}", hint)
            return None
        return Named(found["name"], day, told.minute, shift_of(found))
    try:
        return Once(on_the_wall(row.text("at")).isoformat(timespec="minutes"))
    except MomentError as error:
        sheet.error(row.at("at"), "bad-cron-or-time", error.message, error.hint)
        return None


def _every(row: Row, sheet: Sheet) -> Every | None:
    """A cron expression that comes now and then: one for each minute of an hour is a slip of the pen."""
    cron = row.text("every")
    message = f"{short(cron)} is no cron expression"
    hint = "write five fields: minute, hour, day, month, weekday, such as 0 10 * * tue for Tuesdays at 10:00"
    try:
        times = CronSim(cron, _SOME_DAY)
        next(times)
    except CronSimError as error:
        message = f"{message}: {str(error).lower()}"
    except StopIteration:
        message, hint = f"{short(cron)} never comes", "write a day that there is"
    else:
        if len(cron.split()) == 5 and len(times.minutes) == 1:
            return Every(" ".join(cron.split()))
        if len(cron.split()) == 5:
            message, hint = f"{short(cron)} comes more often than once an hour", "write one minute: 0 10 * * tue"
    sheet.error(row.at("every"), "bad-cron-or-time", message, hint)
    return None


def _who(row: Row, sheet: Sheet, around: Surroundings) -> str | None:
    name = row.text("who", "all").removeprefix("segment.")
    if name == "all":
        return None
    if around.segments is not None and name not in around.segments:
        hint = write_instead(name, around.segments, "segments are")
        hint = re.sub(r"^write instead: ", "write instead: segment.", hint)
        sheet.error(row.at("who"), "unknown-segment", f"there is no segment {short(name)}", hint)
    return name


def _pace(row: Row, sheet: Sheet) -> float | None:
    written = row.maybe("pace")
    if written is None:
        return None
    number, _, unit = written.split()
    if int(number) == 0:
        sheet.error(row.at("pace"), "bad-value", "so nobody would ever be told", "write it like: 1000 per minute")
        return None
    return int(number) / _PACE[unit]
