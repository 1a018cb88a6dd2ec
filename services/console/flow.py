"""The whole route of this service: a question in, one snapshot of the database, an answer out.

    who asks? → may this key ask now? → what is asked? → read → tell

Nothing is changed. Every step raises HttpProblem to answer otherwise.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from services.console import asking
from services.console.problems import answering
from services.insights.explain.answer import Explained, explained
from services.insights.report.model import Report
from services.insights.report.reading import report as made
from services.kit.clock import monotonic

if TYPE_CHECKING:
    from starlette.requests import Request

    from services.console.app import Console


async def explain(request: Request, console: Console) -> Explained:
    """Why a customer got, or did not get, something."""
    async with _question(request, console) as opened:
        asked = asking.explanation(request)
        return await explained(opened, asked, console.clock.real(), console.secret_keys, console.seconds)


async def report(request: Request, console: Console) -> Report:
    """What journeys were good for."""
    async with _question(request, console) as opened:
        return await made(opened, asking.report(request), console.seconds)


@asynccontextmanager
async def _question(request: Request, console: Console) -> AsyncIterator[Any]:
    """A connection to answer one question with, for who may ask it now."""
    key = console.keys.admit(request.headers.get("authorization"))
    with console.limits.question(key, monotonic()):
        async with answering(), console.pool.acquire() as opened:
            yield opened
