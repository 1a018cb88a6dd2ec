"""Moments as people write them: `until tuesday 18:00`, and the days between which a journey is live."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from services.contracts.journey import Clock, Wait

WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_CLOCK = re.compile(r"(?:(?P<day>[A-Za-z]+)\s+)?(?P<hour>\d{1,2}):(?P<minute>\d\d)", re.ASCII)
_DAY = re.compile(r"(\d{4}-\d\d-\d\d)(?:[ T](\d\d:\d\d))?", re.ASCII)


class MomentError(ValueError):
    """A moment that cannot be read. `hint` says what to write instead."""

    def __init__(self, message: str, hint: str) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


def clock(text: str) -> Clock | None:
    """`10:00` or `tuesday 18:00`; None for anything else, MomentError for a time that no clock shows."""
    if text.lower() in WEEKDAYS:
        raise MomentError(f"{text!r} has no time", f"write it like: until {text.lower()} 10:00")
    found = _CLOCK.fullmatch(text)
    if found is None:
        return None
    day, hour, minute = found["day"], int(found["hour"]), int(found["minute"])
    if hour > 23 or minute > 59 or len(found["hour"]) == 1:
        raise MomentError(
            f"{found['hour']}:{found['minute']} is no time of day", "write it like 09:30; midnight is 00:00"
        )
    if day is not None and day not in WEEKDAYS:
        raise MomentError(f"{day[:40]!r} is no weekday", f"write one of: {', '.join(WEEKDAYS)}")
    return Clock(hour * 60 + minute, None if day is None else WEEKDAYS.index(day))


def wait_words(step: Wait) -> str:
    """How long a step waits, as it is written: `12 hours`, `until tuesday 18:00`, `until event.…`."""
    if isinstance(step.until, Clock):
        day = "" if step.until.weekday is None else f"{WEEKDAYS[step.until.weekday]} "
        return f"until {day}{step.until.minute // 60:02}:{step.until.minute % 60:02}"
    if step.until is not None:
        return f"until {step.until}"
    return f"{step.amount:g} {step.unit[:-1] if step.amount == 1 else step.unit}"


def on_the_wall(text: str) -> datetime:
    """`2026-11-20 10:00` as a clock shows it. Raises MomentError."""
    found = _DAY.fullmatch(text)
    try:
        if found is not None and found[2] is not None:
            return datetime.fromisoformat(f"{found[1]} {found[2]}")
    except ValueError:
        pass
    problem = f"{text[:40]!r} is no day with a time" if found is None or found[2] else f"{text[:40]!r} has no time"
    raise MomentError(problem, "write it like 2026-12-01 10:00")


def instant(text: str, zone: str, *, end: bool = False) -> datetime:
    """`2026-11-20` or `2026-11-20 10:00` on the clocks of `zone`, in UTC; with `end` a day counts to its end.

    Raises MomentError.
    """
    found = _DAY.fullmatch(text)
    wrong = MomentError(f"{text[:40]!r} is no day or time", "write it like 2026-11-20, or 2026-11-20 10:00")
    if found is None:
        raise wrong
    try:
        local = datetime.fromisoformat(f"{found[1]} {found[2] or '00:00'}")
        if end and found[2] is None:
            local += timedelta(days=1)
        return local.replace(tzinfo=ZoneInfo(zone)).astimezone(UTC)
    except (ValueError, OverflowError):
        raise wrong from None
