"""Waiting for news, but not for ever: a hint may be lost, so that whoever waits for one looks again after a while."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable


async def until_news(news: asyncio.Event, seconds: float) -> None:
    """Return once `news` is set, at the latest after `seconds`."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await news.wait()


async def follow(news: asyncio.Event, seconds: float, look: Callable[[], Awaitable[object]]) -> None:
    """Look after each hint, and after `seconds` without one, until cancelled."""
    while True:
        await until_news(news, seconds)
        news.clear()
        await look()
