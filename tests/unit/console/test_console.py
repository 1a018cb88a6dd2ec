"""Who may ask the console, how much, and what a request may ask for; its description is that of the code."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import asyncpg
import pytest
from starlette.requests import Request

from services.console import openapi
from services.console.asking import explanation
from services.console.keys import Keys
from services.console.limits import Limits
from services.console.problems import answering
from services.kit.problems import HttpProblem

ROOT = Path(__file__).parents[3]
KEY, OTHER = "the-first-key-of-at-least-32-characters", "the-other-key-of-at-least-32-characters"


def asked(query: str = "", customer: str = "c-1") -> Request:
    return Request({"type": "http", "query_string": query.encode(), "path_params": {"customer": customer}})


def refused(query: str, customer: str = "c-1") -> str:
    with pytest.raises(HttpProblem) as problem:
        explanation(asked(query, customer))
    assert problem.value.status == 422
    return problem.value.detail


def test_the_stored_description_is_that_of_the_code() -> None:
    assert (ROOT / openapi.PATH).read_text() == openapi.text()
    assert json.loads(openapi.text())["openapi"] == "3.1.0"


def test_each_of_several_keys_is_admitted() -> None:
    keys = Keys((KEY, OTHER))
    assert keys.admit(f"Bearer {KEY}") != keys.admit(f"bearer {OTHER}")


@pytest.mark.parametrize(
    ("given", "says"),
    [
        (None, "Authorization: Bearer KEY"),
        ("Bearer", "Authorization: Bearer KEY"),
        (f"Token {KEY}", "Authorization: Bearer KEY"),
        (f"Bearer {KEY}x", "none of WICI_CONSOLE_KEYS"),
        (f"Bearer {KEY[:-1]}", "none of WICI_CONSOLE_KEYS"),
    ],
)
def test_whoever_has_no_key_of_ours_is_refused_and_told_what_to_write(given: str | None, says: str) -> None:
    with pytest.raises(HttpProblem) as problem:
        Keys((KEY,)).admit(given)
    assert problem.value.status == 401
    assert says in problem.value.detail
    assert problem.value.headers["WWW-Authenticate"].startswith("Bearer")
    assert KEY not in problem.value.detail


def test_without_keys_nobody_is_admitted() -> None:
    for given in (None, "Bearer ", f"Bearer {KEY}"):
        with pytest.raises(HttpProblem, match="WICI_CONSOLE_KEYS is not set"):
            Keys(()).admit(given)


def test_a_key_has_so_many_questions_a_minute_and_another_key_its_own() -> None:
    limits = Limits(a_minute=2)
    for key in (b"a", b"a", b"b"):
        with limits.question(key, 0.0):
            pass
    with pytest.raises(HttpProblem) as problem, limits.question(b"a", 1.0):
        pass
    assert (problem.value.status, problem.value.headers["Retry-After"]) == (429, "29")
    with limits.question(b"a", 30.0):
        pass


def test_only_so_many_questions_are_answered_at_once() -> None:
    limits = Limits(at_once=1)
    one, other = limits.question(b"a", 0.0), limits.question(b"b", 0.0)
    with one, pytest.raises(HttpProblem, match="one after the other"), other:
        pass
    with limits.question(b"b", 0.0):
        pass


def test_a_question_has_a_name_a_journey_and_a_moment() -> None:
    found = explanation(asked("journey=thanks&at=2026-11-22T11:00%2B01:00", "anna@example.com"))
    assert (found.who, found.journey, found.at) == (
        "anna@example.com",
        "thanks",
        datetime(2026, 11, 22, 10, tzinfo=UTC),
    )
    assert explanation(asked("journey=&at=")).at is None


def test_what_cannot_be_asked_is_refused_with_what_to_write() -> None:
    assert "Write journey." in refused("jorney=thanks")
    assert "Write it once." in refused("journey=a&journey=b")
    assert "Write it like 2026-11-22" in refused("at=yesterday")
    assert "no name" in refused("", "a\0b")
    assert "no name" in refused("", "a" * 301)


@pytest.mark.parametrize(
    ("error", "status"),
    [(asyncpg.QueryCanceledError("late"), 503), (ConnectionResetError(), 503), (asyncpg.InterfaceError("gone"), 503)],
)
async def test_a_database_that_is_late_or_away_is_not_now(error: Exception, status: int) -> None:
    with pytest.raises(HttpProblem) as problem:
        async with answering():
            raise error
    assert (problem.value.status, problem.value.headers) == (status, {"Retry-After": "2"})
