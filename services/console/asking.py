"""What a request asks for. Pure; HttpProblem 422 says which parameter is wrong, and what to write."""

from __future__ import annotations

from datetime import datetime
from difflib import get_close_matches
from http import HTTPStatus
from typing import get_args

from starlette.requests import Request

from services.insights.explain.answer import Asked, moment
from services.insights.report.model import Attribution
from services.insights.report.reading import Wanted
from services.kit.errors import Misconfigured
from services.kit.problems import HttpProblem

LONGEST = 300  # characters of a name; an e-mail address has 254 at most


def explanation(request: Request) -> Asked:
    """Whose story, of which journey, around which moment."""
    given = parameters(request, ("journey", "at"))
    who = text(request.path_params["customer"], "customer")
    return Asked(who, given.get("journey"), when(given.get("at")))


def report(request: Request) -> Wanted:
    """What to report on. The days are read where the shop's time zone is known."""
    given = parameters(request, ("journey", "from", "to", "attribution"))
    model = given.get("attribution", "last_touch")
    found = next((one for one in get_args(Attribution) if one == model), None)
    if found is None:
        raise _wrong(f"There is no attribution {model[:40]!r}. Write one of {', '.join(get_args(Attribution))}.")
    return Wanted(given.get("journey"), given.get("from"), given.get("to"), found)


def parameters(request: Request, known: tuple[str, ...]) -> dict[str, str]:
    """The parameters of the query, each once; those that are empty count as not given."""
    found: dict[str, str] = {}
    for name, value in request.query_params.multi_items():
        if name not in known:
            nearest = get_close_matches(name, known, 1)
            write = f"Write {nearest[0]}." if nearest else f"There are {', '.join(known)}."
            raise _wrong(f"There is no parameter {name[:40]!r}. {write}")
        if name in found:
            raise _wrong(f"The parameter {name} stands twice. Write it once.")
        found[name] = text(value, name)
    return {name: value for name, value in found.items() if value}


def text(value: str, name: str) -> str:
    """A value as PostgreSQL takes it."""
    if len(value) > LONGEST or "\0" in value:
        raise _wrong(f"{name} is no name: it is longer than {LONGEST} characters, or holds a NUL. Write it as it is.")
    return value


def when(value: str | None) -> datetime | None:
    """A moment, where one is given."""
    try:
        return moment(value) if value else None
    except Misconfigured as problem:
        raise _wrong(str(problem)) from None


def _wrong(detail: str) -> HttpProblem:
    return HttpProblem(HTTPStatus.UNPROCESSABLE_ENTITY, detail)
