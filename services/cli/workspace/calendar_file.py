"""`calendar.yaml` and `name-days.yaml`: the days that have a name in this shop, and the days of first names."""

from __future__ import annotations

import re
from datetime import date

from services.cli.workspace.findings import Place, short
from services.cli.workspace.journeys.moments import WEEKDAYS
from services.cli.workspace.reading.positions import Mapping, Node, Sequence
from services.cli.workspace.reading.reader import read
from services.cli.workspace.reading.sheet import Sheet
from services.cli.workspace.shapes.journey import NAME_PATTERN
from services.cli.workspace.shapes.vocabulary import ByKind, ListOf, Names, Text
from services.contracts.schedule import AtEaster, Day, OnDate, OnDays, OnWeekday

MONTHS = ("january", "february", "march", "april", "may", "june", "july", "august", "september", "october", "november",
          "december")  # fmt: skip
ORDINALS = {"1st": 1, "2nd": 2, "3rd": 3, "4th": 4, "5th": 5, "last": -1}
SHIFT = r"(?:\s+(?P<sign>[+-])\s+(?P<number>\d{1,3}) (?P<unit>day|week)s?)?"
_DATE = re.compile(rf"(?P<month>\d\d)-(?P<day>\d\d){SHIFT}", re.ASCII)
_WEEKDAY = re.compile(
    rf"(?P<nth>{'|'.join(ORDINALS)}) (?P<weekday>{'|'.join(WEEKDAYS)}) of (?P<month>{'|'.join(MONTHS)}){SHIFT}",
    re.ASCII | re.IGNORECASE,
)
_EASTER = re.compile(rf"easter{SHIFT}", re.ASCII | re.IGNORECASE)
_HOW = "write it like 02-14, 4th thursday of november + 1 day, easter - 2 days, or 2026-05-20"
_ON = Text("a day of every year, such as 02-14, or one day, such as 2026-05-20", like="02-14", rule="bad-cron-or-time")

CALENDAR = Names(
    ByKind(_ON, ListOf(Text("one day", r"\d{4}-\d\d-\d\d", "2026-05-20", "bad-cron-or-time"), at_least=1),
           wanted="a day, or a list of days", like="02-14"),
    "calendar.yaml: days that have a name in this shop", NAME_PATTERN, "valentines",
)  # fmt: skip
NAME_DAYS = Names(
    Text("the day", r"\d\d-\d\d", "07-26", "bad-cron-or-time"),
    "name-days.yaml: the day of each first name",
    r"\w[\w' -]{0,59}",
    "Anna",
)


def read_calendar(node: Node, sheet: Sheet) -> dict[str, Day]:
    """The days of a `calendar.yaml`, by name. Where the sheet then has errors, the result has gaps."""
    rows = read(CALENDAR, node, sheet, "calendar.yaml") or {}
    found = {name: _day(name, value, node, sheet) for name, value in rows.items() if value is not None}
    return {name: day for name, day in found.items() if day is not None}


def read_name_days(node: Node, sheet: Sheet) -> dict[str, str]:
    """The days of a `name-days.yaml`, by name in small letters."""
    rows = read(NAME_DAYS, node, sheet, "name-days.yaml") or {}
    for name, day in rows.items():
        if day is not None and _date(f"2000-{day}") is None:
            sheet.error(_place(node, name), "bad-cron-or-time", f"there is no {short(day)}", "write it like 07-26")
    return {name.lower(): day for name, day in rows.items() if day is not None}


def shift_of(found: re.Match[str]) -> int:
    """The days that `+ 1 day` or `- 2 weeks` behind a day stands for."""
    number = int(found["number"] or 0) * (7 if found["unit"] == "week" else 1)
    return -number if found["sign"] == "-" else number


def _day(name: str, value: str | list[str | None], node: Node, sheet: Sheet) -> Day | None:
    if isinstance(value, list):
        days = [one for one in value if one is not None]
        if all(_date(one) for one in days):
            return OnDays(tuple(sorted(days)))
        wrong = next(one for one in days if not _date(one))
    elif (found := _rule(value)) is not None:
        return found
    else:
        wrong = value
    sheet.error(_place(node, name), "bad-cron-or-time", f"{short(wrong)} is no day", _HOW)
    return None


def _rule(text: str) -> Day | None:
    if _date(text):
        return OnDays((text,))
    if found := _DATE.fullmatch(text):
        there = _date(f"2000-{found['month']}-{found['day']}") is not None
        return OnDate(int(found["month"]), int(found["day"]), shift_of(found)) if there else None
    if found := _WEEKDAY.fullmatch(text):
        weekday, month = WEEKDAYS.index(found["weekday"].lower()), MONTHS.index(found["month"].lower()) + 1
        return OnWeekday(ORDINALS[found["nth"].lower()], weekday, month, shift_of(found))
    found = _EASTER.fullmatch(text)
    return AtEaster(shift_of(found)) if found else None


def _date(text: str) -> date | None:
    try:
        return date.fromisoformat(text) if len(text) == len("2026-05-20") else None
    except ValueError:
        return None


def _place(node: Node, name: str) -> Place:
    found = node.values[name] if isinstance(node, Mapping) else node
    return found.items[0].place if isinstance(found, Sequence) and found.items else found.place
