"""Waiting for a condition with a deadline, in place of a bare sleep."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar, overload

from services.kit.clock import monotonic

T = TypeVar("T")
BUSY = 4


@overload
async def eventually(
    condition: Callable[[], Awaitable[T]], seconds: float = 10, *, every: float = 0.02, message: str = ""
) -> T: ...
@overload
async def eventually(
    condition: Callable[[], T], seconds: float = 10, *, every: float = 0.02, message: str = ""
) -> T: ...
async def eventually(
    condition: Callable[[], Any], seconds: float = 10, *, every: float = 0.02, message: str = ""
) -> Any:
    """Return the first true value of `condition` (plain or async), asked every `every` seconds.

    Fails the test, with `message` and the last value, long after the `seconds` that an idle machine may need: busy
    is not wrong. An AssertionError inside counts as not yet.
    """
    deadline = monotonic() + seconds * BUSY
    while True:
        last: object
        try:
            answer = condition()
            value = await answer if inspect.isawaitable(answer) else answer
        except AssertionError as failure:
            last = failure
        else:
            if value:
                return value
            last = value
        if monotonic() > deadline:
            raise AssertionError(f"not within {seconds * BUSY:g} s: {message or condition}; last: {last!r}")
        await asyncio.sleep(every)
