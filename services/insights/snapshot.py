"""Reading much at one moment: in a transaction that writes nothing and sees what was committed when it began."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import asyncpg


@asynccontextmanager
async def snapshot(
    opened: asyncpg.Connection[Any], seconds: float | None = None, megabytes: int | None = None
) -> AsyncIterator[None]:
    """All statements of the block see one state.

    Each may take `seconds`, and of memory `megabytes` for each sort and hash, where these are given.
    """
    async with opened.transaction(isolation="repeatable_read", readonly=True):
        if seconds is not None:
            await opened.execute(f"SET LOCAL statement_timeout = {round(seconds * 1000)}")
        if megabytes is not None:
            await opened.execute(f"SET LOCAL work_mem = '{megabytes}MB'")
        yield
