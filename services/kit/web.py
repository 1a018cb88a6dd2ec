"""The HTTP surface that every process has: /healthz, /readyz, /metrics, and answers in JSON to whatever goes wrong.

Errors follow RFC 9457 (`application/problem+json`); an exception never shows itself to the client.
"""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta

import msgspec
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route
from starlette.types import ASGIApp, Receive, Scope, Send

from services.kit.errors import TryAgain
from services.kit.problems import MEDIA_TYPE, HttpProblem
from services.kit.telemetry import metrics
from services.kit.telemetry.logs import Log, Logger

_AGAIN = timedelta(seconds=1)
_TITLES = {404: "There is nothing at this address", 405: "This address does not take this method"}
_log = Logger()

Readiness = Callable[[], dict[str, tuple[bool, str]]]


def application(routes: Sequence[BaseRoute], readiness: Readiness, is_open: Callable[[], bool]) -> ASGIApp:
    """One app of all `routes`. While `is_open()` is false they answer 503; /healthz and its like always answer."""
    own = [
        Route("/healthz", _healthz),
        Route("/readyz", _readyz(readiness)),
        Route("/metrics", _metrics),
    ]
    # Starlette tries routes in their order: a service's own, the busy ones, come first.
    handlers = {HTTPException: _http_error, HttpProblem: _told, TryAgain: _try_again, Exception: _unexpected}
    served = Starlette(routes=[*routes, *own], exception_handlers=handlers)
    closed = Starlette(routes=[*own, Route("/{path:path}", _closed)], exception_handlers=handlers)
    return _Guard(served, closed, is_open)


def problem(status: int, title: str, headers: dict[str, str] | None = None) -> Response:
    """An RFC 9457 answer without details."""
    body = msgspec.json.encode({"status": status, "title": title})
    return Response(body, status, headers, media_type=MEDIA_TYPE)


class _Guard:
    """Chooses between open and closed, and notes what nobody expected; the connection, and the process, stay."""

    def __init__(self, served: ASGIApp, closed: ASGIApp, is_open: Callable[[], bool]) -> None:
        self._served, self._closed, self._is_open = served, closed, is_open

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await (self._served if self._is_open() else self._closed)(scope, receive, send)
        except Exception as error:  # noqa: BLE001 -- Starlette has answered with _unexpected, and raises again
            metrics.REQUESTS_FAILED.inc()
            _log.error(Log.REQUEST_FAILED, error, method=scope.get("method"), path=_safe_path(scope))


def _safe_path(scope: Scope) -> str:
    """The route as it was declared: the path itself may hold a token."""
    route = scope.get("route")
    return getattr(route, "path", "")


def _unavailable(after: timedelta | None) -> Response:
    seconds = max(1, math.ceil((after or _AGAIN).total_seconds()))
    return problem(503, "Not now; the same request will work later", {"Retry-After": str(seconds)})


async def _http_error(_request: Request, error: Exception) -> Response:
    if not isinstance(error, HTTPException):
        raise error
    headers = dict(error.headers) if error.headers else None
    return problem(error.status_code, _TITLES.get(error.status_code, error.detail), headers)


async def _told(_request: Request, error: Exception) -> Response:
    if not isinstance(error, HttpProblem):
        raise error
    return error.response()


async def _try_again(_request: Request, error: Exception) -> Response:
    return _unavailable(error.after if isinstance(error, TryAgain) else None)


async def _unexpected(_request: Request, _error: Exception) -> Response:
    return problem(500, "This failed unexpectedly and has been noted")


async def _closed(_request: Request) -> Response:
    return _unavailable(None)


async def _healthz(_request: Request) -> Response:
    return Response(b'{"status":"alive"}', media_type="application/json")


async def _metrics(_request: Request) -> Response:
    return Response(metrics.exposition(), media_type=metrics.CONTENT_TYPE)


def _readyz(readiness: Readiness) -> Callable[[Request], Awaitable[Response]]:
    async def answer(_request: Request) -> Response:
        states = readiness()
        ready = bool(states) and all(is_ready for is_ready, _ in states.values())
        services = {name: {"ready": is_ready, "state": state} for name, (is_ready, state) in states.items()}
        body = msgspec.json.encode({"ready": ready, "services": services})
        return Response(body, 200 if ready else 503, media_type="application/json")

    return answer
