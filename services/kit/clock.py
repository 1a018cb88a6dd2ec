"""The only place that reads the wall clock.

Two times are kept apart. *Real* time serves leases, retries, rates and signature bounds. *Marketing* time serves
timers, waits and windows; with `WICI_CLOCK=movable` it is real time plus an offset that `wici clock` moves.
SQL never calls now(): both times are arguments.
"""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from typing import Protocol


class Clock(Protocol):
    """Tells both times, always in UTC."""

    def now(self) -> datetime:
        """Marketing time."""
        ...

    def real(self) -> datetime:
        """Wall-clock time."""
        ...


class SystemClock:
    """The machine's clock, with the offset that `wici clock` has set (zero unless movable)."""

    def __init__(self) -> None:
        self.offset = timedelta()

    def now(self) -> datetime:
        """Real time and the offset."""
        return datetime.now(UTC) + self.offset

    def real(self) -> datetime:
        """What the machine says."""
        return datetime.now(UTC)


class FixedClock:
    """Stands still until moved: for tests, and for replaying history."""

    def __init__(self, at: datetime) -> None:
        self.at = at

    def now(self) -> datetime:
        """Where it stands."""
        return self.at

    def real(self) -> datetime:
        """The same."""
        return self.at

    def move(self, by: timedelta) -> None:
        """Move both times forward by `by`."""
        self.at += by


def monotonic() -> float:
    """Seconds on a clock that never goes back, for measuring durations."""
    return time.monotonic()
