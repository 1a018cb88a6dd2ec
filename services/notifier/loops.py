"""A loop that outlives whatever its work meets."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from services.kit.database.pool import FAILURES
from services.kit.telemetry.logs import Log, Logger
from services.kit.waiting import follow

_log = Logger()


def every(
    seconds: float, work: Callable[[], Awaitable[object]], sooner: asyncio.Event | None = None
) -> asyncio.Task[None]:
    """Run `work` every `seconds`, and as soon as `sooner` is set. A lost database is asked again at the next turn."""
    return asyncio.create_task(follow(sooner or asyncio.Event(), seconds, lambda: once(work)))


async def once(work: Callable[[], Awaitable[object]]) -> None:
    """Run `work`, and log what it meets instead of ending."""
    try:
        await work()
    except FAILURES as error:
        _log.warning(Log.BATCH_RETRIED, error=f"{type(error).__name__}: {error}")
    except Exception as error:  # noqa: BLE001 -- the loop goes on; an operator reads the traceback
        _log.error(Log.SERVICE_FAILED, error, service="notifier")
