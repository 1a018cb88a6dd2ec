"""Which faults would happen again on the same input, and which pass by themselves.

By SQLSTATE class (PostgreSQL, appendix A): 22 data exception, 23 integrity violation and 54 limit exceeded are the
input's, and so is a value that cannot be encoded; 08 connection, 40 rollback, 53 resources, 55 state and 57
intervention pass.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

import asyncpg

from services.kit.errors import TryAgain
from services.kit.telemetry.logs import Log, Logger

AGAIN_SECONDS = 0.5
T = TypeVar("T")
_log = Logger()
_DETERMINISTIC = ("22", "23", "54")
_PASSING = ("08", "40", "53", "55", "57")


def is_deterministic(error: BaseException) -> bool:
    """Whether the same batch would fail again."""
    if isinstance(error, ValueError | TypeError | OverflowError):
        return True
    return isinstance(error, asyncpg.PostgresError) and (error.sqlstate or "")[:2] in _DETERMINISTIC


def is_passing(error: BaseException) -> bool:
    """Whether it is worth trying again after a while."""
    if isinstance(error, TryAgain | OSError | asyncpg.InterfaceError | asyncpg.InternalClientError):
        return True
    return isinstance(error, asyncpg.PostgresError) and (error.sqlstate or "")[:2] in _PASSING


async def until_it_passes(work: Callable[[], Awaitable[T]]) -> T:
    """What `work` gives once bus and database answer: what passes is tried again, the rest is raised."""
    lost = False
    while True:
        try:
            found = await work()
        except Exception as error:
            if not is_passing(error):
                raise
            if not lost:
                _log.warning(Log.BUS_LOST, problem=str(error))
            lost = True
            await asyncio.sleep(AGAIN_SECONDS)
        else:
            if lost:
                _log.info(Log.BUS_BACK)
            return found
