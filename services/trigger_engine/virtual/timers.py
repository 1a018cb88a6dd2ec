"""Timers in memory: one of each id, the earliest first. What was set anew or taken away stays in the heap unheard."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from heapq import heappop, heappush

from services.trigger_engine.journeys.reaction import Timer
from services.trigger_engine.journeys.trials import woken
from services.trigger_engine.journeys.trying import Standing


class Timers:
    """What `engine.timers` holds. Those that a pause holds are due only once they are `resumed`."""

    def __init__(self) -> None:
        self._timers: dict[bytes, Timer] = {}
        self._heap: list[tuple[datetime, bytes, int]] = []

    def __len__(self) -> int:
        return len(self._timers)

    def take(self, timers: Iterable[Timer]) -> None:
        """Set timers, anew where they are known; those without a moment are taken away."""
        for timer in timers:
            if timer.due is None:
                self._timers.pop(timer.id, None)
            else:
                self._timers[timer.id] = timer
                if timer.paused is None:
                    heappush(self._heap, (timer.due, timer.id, timer.generation))

    def remove(self, ids: Iterable[bytes]) -> None:
        """Take timers away."""
        for one in ids:
            self._timers.pop(one, None)

    def resume(self, pauses: Callable[[str], bool]) -> None:
        """Let those go on whose journeys nothing pauses any more."""
        for timer in self._timers.values():
            if timer.paused is not None and timer.due is not None and not pauses(timer.paused):
                timer.paused = None
                heappush(self._heap, (timer.due, timer.id, timer.generation))

    def wake(self, trials: Mapping[bytes, Standing], now: datetime) -> None:
        """Let those go on whom a trial has held back that is decided."""
        for timer in woken(self._timers.values(), trials):
            if timer.due is not None and timer.due > now:
                timer.due = now
                heappush(self._heap, (now, timer.id, timer.generation))

    def next(self) -> datetime | None:
        """When the earliest timer is due."""
        while self._heap:
            due, identity, generation = self._heap[0]
            timer = self._timers.get(identity)
            if timer is not None and timer.generation == generation and timer.due == due:
                return due
            heappop(self._heap)
        return None

    def pop(self, due: datetime) -> list[Timer]:
        """Take out every timer that is due at this moment, which is that of `next`."""
        found = []
        while self.next() == due:
            found.append(self._timers.pop(heappop(self._heap)[1]))
        return found
