"""The whole route of this service: a question in, one snapshot of the database, an answer out.

    who asks? → may this key ask now? → what is asked? → read → tell

Nothing is changed. Every step raises HttpProblem to answer otherwise.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from services.console.asking import explanation
from services.console.problems import answering
from services.insights.explain.answer import Explained, explained
from services.kit.clock import monotonic

if TYPE_CHECKING:
    from starlette.requests import Request

    from services.console.app import Console


async def explain(request: Request, console: Console) -> Explained:
    """Why a customer got, or did not get, something."""
    key = console.keys.admit(request.headers.get("authorization"))
    with console.limits.question(key, monotonic()):
        asked = explanation(request)
        async with answering(), console.pool.acquire() as opened:
            return await explained(opened, asked, console.clock.real(), console.secret_keys, console.seconds)
