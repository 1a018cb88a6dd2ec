"""How much may be asked: every question reads a good deal of the database, which the route needs too.

A key has so many questions a minute, all keys together so many at once. Times are seconds of a monotonic clock.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus

from services.kit.problems import HttpProblem

A_MINUTE = 120
AT_ONCE = 4
SECONDS = 30.0
"""How long one statement may take."""


class Limits:
    """What is left to each key of this process."""

    def __init__(self, a_minute: int = A_MINUTE, at_once: int = AT_ONCE) -> None:
        self._a_minute, self._at_once = a_minute, at_once
        self._under_way = 0
        self._left: dict[bytes, tuple[float, float]] = {}

    @contextmanager
    def question(self, key: bytes, now: float) -> Iterator[None]:
        """While a question is answered. HttpProblem 429, with Retry-After, for one too many."""
        self._take(key, now)
        if self._under_way >= self._at_once:
            raise _busy(f"{self._at_once} questions are being answered. Ask one after the other.", 1)
        self._under_way += 1
        try:
            yield
        finally:
            self._under_way -= 1

    def _take(self, key: bytes, now: float) -> None:
        left, since = self._left.get(key, (float(self._a_minute), now))
        left = min(float(self._a_minute), left + (now - since) * self._a_minute / 60)
        if left < 1:
            self._left[key] = (left, now)
            raise _busy(f"A key may ask {self._a_minute} questions a minute.", (1 - left) * 60 / self._a_minute)
        self._left[key] = (left - 1, now)


def _busy(detail: str, seconds: float) -> HttpProblem:
    after = str(max(1, math.ceil(seconds)))
    return HttpProblem(HTTPStatus.TOO_MANY_REQUESTS, detail, headers={"Retry-After": after})
