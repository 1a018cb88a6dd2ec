"""`wici clock`: show or move marketing time, where WICI_CLOCK=movable allows it."""

from __future__ import annotations

import re
from datetime import timedelta

from services.cli.connect import connection, database
from services.cli.terminal import Answer
from services.kit.clock import SystemClock
from services.kit.database_clock import move, read_offset, reset
from services.kit.errors import Misconfigured
from services.kit.settings import Settings

_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
_PART = re.compile(r"(\d{1,6})\s*(seconds?|minutes?|hours?|days?|weeks?|[smhdw])\s*")
_LONGEST = timedelta(days=3650)


async def clock(settings: Settings, change: str | None) -> Answer:
    """Move by `+45m` (or `+2h 30m`, `+3 days`), `reset`, or with None only show."""
    if settings.clock != "movable":
        raise Misconfigured(
            "Time is real here. Write WICI_CLOCK=movable for this command and for every service, on a test "
            "installation, to move it."
        )
    by = None if change in {None, "reset"} else parse(change or "")
    with database(settings) as found:
        async with connection(found) as opened:
            if change == "reset":
                await reset(opened)
            elif by is not None:
                await move(opened, by)
            offset = await read_offset(opened)
    now = SystemClock().real() + offset
    text = f"Marketing time is {now:%Y-%m-%d %H:%M:%S} UTC, {offset or 'no time'} ahead of real time."
    return Answer(text, {"now": now.isoformat(), "offset_seconds": offset.total_seconds()})


def parse(text: str) -> timedelta:
    """`+45m` as a duration. Misconfigured, with what to write, if it is none."""
    found, position = timedelta(), 1
    while part := _PART.match(text, position):
        found += timedelta(**{_UNITS[part[2][0]]: int(part[1])})
        position = part.end()
    if not text.startswith("+") or position != len(text) or not timedelta() < found <= _LONGEST:
        raise Misconfigured(
            f"{text!r} is no way to move the clock. Write +45m, +2h, '+3 days' or reset; it goes forward."
        )
    return found
