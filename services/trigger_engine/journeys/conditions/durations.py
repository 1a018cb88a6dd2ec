"""Durations as people write them: `45 minutes`, `1 day`, `1.5 hours`.

Units are second, minute, hour, day and week, singular or plural. As an exact length a day is 24 hours; where a calendar
day is meant, `parse_duration_parts` keeps the unit for the one who knows the customer's time zone.
"""

from __future__ import annotations

import difflib
import re
from datetime import timedelta
from typing import Literal

from services.kit.errors import Misconfigured

Unit = Literal["second", "minute", "hour", "day", "week"]

LONGEST = timedelta(days=36_525)
"""A hundred years; anything longer is a slip of the pen."""

_UNITS: dict[str, Unit] = {
    word: unit for unit in ("second", "minute", "hour", "day", "week") for word in (unit, f"{unit}s")
}
_SECONDS: dict[Unit, int] = {"second": 1, "minute": 60, "hour": 3600, "day": 86_400, "week": 604_800}
_ABBREVIATIONS: dict[str, Unit] = {
    "s": "second",
    "sec": "second",
    "min": "minute",
    "h": "hour",
    "d": "day",
    "w": "week",
}
_LONG_UNITS = {"month": 30, "months": 30, "year": 365, "years": 365}

_WRITTEN = re.compile(r"\s*([^\sA-Za-z]\S*?)\s*([A-Za-z]+)\s*", re.ASCII)
_COUNT = re.compile(r"\d{1,12}(\.\d{1,9})?", re.ASCII)
_GO_STYLE = re.compile(r"(\d{1,12}(?:\.\d{1,9})?)(ms|h|m|s)", re.ASCII)
_GO_SECONDS = {"h": 3600.0, "m": 60.0, "s": 1.0, "ms": 0.001}
_EXAMPLE = "write a number and a unit, such as 45 minutes, 36 hours or 7 days"


class DurationError(Misconfigured):
    """A duration that cannot be read. `hint` says what to write instead."""

    def __init__(self, message: str, hint: str) -> None:
        super().__init__(f"{message}, {hint}")
        self.message = message
        self.hint = hint


def parse_duration(text: str) -> timedelta:
    """Read `45 minutes` as an exact length (a day is 24 hours); DurationError if it is no duration above zero."""
    count, unit = parse_duration_parts(text)
    return length(count, unit)


def parse_duration_parts(text: str) -> tuple[float, Unit]:
    """Read `2 days` as (2.0, "day"), keeping the unit; DurationError if it is no duration above zero."""
    written = _WRITTEN.fullmatch(text) if len(text) <= 100 else None
    if written is None:
        raise DurationError(f"{text[:100]!r} is no duration", _EXAMPLE)
    count, unit = written[1], unit_named(written[2], written[1])
    if not _COUNT.fullmatch(count):
        raise DurationError(f"{count!r} is no number", f"write {_repaired(count)} {unit}s")
    if float(count) == 0:
        raise DurationError(f"{text.strip()!r} is no time at all", "write a number above 0")
    length(float(count), unit)
    return float(count), unit


def unit_named(word: str, count: str = "") -> Unit:
    """Return the unit that a word means; DurationError with the nearest unit, behind its `count`, if it is none."""
    if word in _UNITS:
        return _UNITS[word]
    raise DurationError(f"unknown unit {word!r}", _unit_hint(word.lower(), count))


def length(count: float, unit: Unit) -> timedelta:
    """Return count times unit as an exact length; DurationError above a hundred years."""
    if count * _SECONDS[unit] > LONGEST.total_seconds():
        raise DurationError(f"{count:g} {unit}s is too long", "write at most 36525 days (a hundred years)")
    return timedelta(seconds=count * _SECONDS[unit])


def parse_cel_duration(text: str) -> timedelta:
    """Read the text inside CEL's `duration("1h30m")`: h, m, s and ms, or the long form `36 hours`."""
    parts = _GO_STYLE.findall(text) if len(text) <= 100 else []
    if not parts or "".join(count + unit for count, unit in parts) != text:
        return parse_duration(text)
    seconds = sum(float(count) * _GO_SECONDS[unit] for count, unit in parts)
    return length(seconds, "second")


def _unit_hint(word: str, count: str) -> str:
    if word in _LONG_UNITS:
        return f"a {word.removesuffix('s')} has no fixed length: write {_LONG_UNITS[word]} days"
    near = [_ABBREVIATIONS[word]] if word in _ABBREVIATIONS else difflib.get_close_matches(word, _UNITS, n=1)
    if not near:
        return "write seconds, minutes, hours, days or weeks"
    unit = near[0].removesuffix("s")
    return f"write {count} {unit}{'' if count == '1' else 's'}" if count else f"write {unit}s"


def _repaired(count: str) -> str:
    repaired = count.replace(",", ".").replace("_", "").lstrip("+-")
    return repaired if _COUNT.fullmatch(repaired) else "45"
