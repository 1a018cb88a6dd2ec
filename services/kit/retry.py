"""Retry is a value, not a loop: when to try again is computed; the wait is a row or a caller's timer."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta


@dataclass(frozen=True)
class Retry:
    """Waits that grow by `factor` from `first` to at most `longest`; None attempts: for ever."""

    first: timedelta = timedelta(seconds=1)
    factor: float = 2.0
    longest: timedelta = timedelta(minutes=5)
    attempts: int | None = None

    def next_attempt(self, attempt: int, now: datetime, jitter: float) -> datetime | None:
        """When to try again after `attempt` failed (the first is 1), or None to give up.

        `jitter` in [0, 1) spreads equals: the wait is between half of it and all of it.
        """
        if self.attempts is not None and attempt >= self.attempts:
            return None
        # Beyond the longest wait the power would only overflow.
        growth = self.factor ** min(attempt - 1, 64)
        seconds = min(self.first.total_seconds() * growth, self.longest.total_seconds())
        return now + timedelta(seconds=seconds * (0.5 + jitter / 2))
