"""How fast an account may be called: free slots, a fixed rate if configured, and what its answers ask for. Pure.

Slots grow by one per round of good answers and halve when the provider throttles (as TCP does with congestion). An
account that refuses, cannot be reached or stays silent again and again is *down*: one probe at a time until it answers.
Behind webhooks there are many hosts: what one answers, or fails to, is no word about the others.
"""

from __future__ import annotations

from collections import deque

from services.notifier.providers.base import Answered, NotSent, Result, Throttled, Unanswered, Unauthorized

SLOTS = 128
SLOTS_WITHOUT_IDEMPOTENCY = 16
"""What a crash can make unknown, at most."""
SILENT = 5
"""Calls in a row that stay unanswered before the account counts as down."""
RECENT, SICK = 20, 10
"""Of so many calls so many without an answer: down too, though others are answered in between."""
FIRST_PAUSE, LONGEST_PAUSE = 1.0, 60.0
PATIENCE = 30.0
"""Seconds for which a throttled account is waited for before the next one takes over."""


class Pace:
    """The pace of one account in this process. Times are seconds of a monotonic clock.

    An account that reaches `many` receivers keeps its slots whatever one of them says.
    """

    def __init__(self, slots: int = SLOTS, rate: float | None = None, *, many: bool = False) -> None:
        self.rate = rate
        self.in_flight = 0
        self.down = False
        self.not_before = 0.0
        self._many = many
        self._most = slots
        self._slots = float(slots)
        self._tokens = 0.0
        self._refilled = 0.0
        self._silent = 0
        self._recent: deque[bool] = deque(maxlen=RECENT)
        self._pause = FIRST_PAUSE

    def free(self, now: float) -> int:
        """How many calls may begin now."""
        if now < self.not_before:
            return 0
        free = (1 if self.down else int(self._slots)) - self.in_flight
        if self.rate is not None:
            self._refill(now, self.rate)
            free = min(free, int(self._tokens))
        return max(0, free)

    def passes(self, now: float) -> bool:
        """Whether the next account may take over meanwhile."""
        return self.down or self.not_before - now > PATIENCE

    def wakes_in(self, now: float) -> float:
        """Seconds until a call may begin that may not now; 0 when only an answer can free a slot."""
        if now < self.not_before:
            return self.not_before - now
        if self.rate is not None and self._tokens < 1.0:
            return (1.0 - self._tokens) / self.rate
        return 0.0

    def begin(self, calls: int = 1) -> None:
        """`calls` calls begin."""
        self.in_flight += calls
        self._tokens = max(0.0, self._tokens - calls)

    def end(self) -> None:
        """A call and all that follows from it is over."""
        self.in_flight -= 1

    def learn(self, result: Result, now: float) -> None:
        """Let an answer set the pace."""
        if self._many:
            return
        match result:
            case Throttled(after):
                if now >= self.not_before:  # once per round: the calls beside this one are throttled too
                    self._slots = max(1.0, self._slots / 2)
                self._rest(now, after)
            case NotSent() | Unauthorized():
                self._fail(now)
            case Unanswered():
                self._silent += 1
                self._recent.append(True)
                if self._silent >= SILENT or sum(self._recent) >= SICK:
                    self._fail(now)
            case _:
                self._recover()
                self._slots = min(float(self._most), self._slots + 1.0 / self._slots)
                if isinstance(result, Answered) and result.rate and result.rate.remaining == 0 and result.rate.reset:
                    self.not_before = max(self.not_before, now + result.rate.reset)

    def _recover(self) -> None:
        if self.down:
            self._recent.clear()
        self._recent.append(False)
        self.down = False
        self._silent = 0
        self._pause = FIRST_PAUSE

    def _fail(self, now: float) -> None:
        """Go down; calls of the same round that fail too do not make the pause longer."""
        if not self.down or now >= self.not_before:
            self.down = True
            self._rest(now, None)

    def _rest(self, now: float, after: float | None) -> None:
        pause = self._pause if after is None else after
        self.not_before = max(self.not_before, now + pause)
        if after is None:
            self._pause = min(LONGEST_PAUSE, self._pause * 2)

    def _refill(self, now: float, rate: float) -> None:
        self._tokens = min(max(1.0, rate), self._tokens + (now - self._refilled) * rate)
        self._refilled = now
