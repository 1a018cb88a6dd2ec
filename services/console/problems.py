"""What went wrong with a question, as the answer says it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from http import HTTPStatus

import asyncpg

from services.insights.explain.answer import Gone
from services.insights.find import Nobody
from services.insights.report.reading import NoJourney
from services.kit.database.pool import FAILURES
from services.kit.errors import Misconfigured
from services.kit.problems import HttpProblem

RETRY_AFTER = {"Retry-After": "2"}


@asynccontextmanager
async def answering() -> AsyncIterator[None]:
    """Turn what reading raises into an answer: 404, 410, 422 with what to write instead, or 503."""
    try:
        yield
    except Gone as gone:
        raise HttpProblem(HTTPStatus.GONE, str(gone)) from None
    except (Nobody, NoJourney) as nothing:
        raise HttpProblem(HTTPStatus.NOT_FOUND, str(nothing)) from None
    except Misconfigured as problem:
        raise HttpProblem(HTTPStatus.UNPROCESSABLE_ENTITY, str(problem)) from None
    except (asyncpg.QueryCanceledError, TimeoutError):
        detail = "It took too long. Ask for less: one journey, or fewer days."
        raise HttpProblem(HTTPStatus.SERVICE_UNAVAILABLE, detail, headers=RETRY_AFTER) from None
    except FAILURES:
        detail = "The database does not answer. Ask again in a moment."
        raise HttpProblem(HTTPStatus.SERVICE_UNAVAILABLE, detail, headers=RETRY_AFTER) from None
