"""Which faults pass by themselves, and which would happen again on the same input."""

from __future__ import annotations

import asyncpg
import pytest

from services.kit.errors import TryAgain
from services.trigger_engine import faults
from services.trigger_engine.faults import is_deterministic, is_passing, until_it_passes


@pytest.mark.parametrize(
    "error",
    [
        TryAgain("the broker is away"),
        ConnectionRefusedError(),
        TimeoutError(),
        asyncpg.ConnectionDoesNotExistError("the server closed the connection"),
        asyncpg.CannotConnectNowError("the database system is starting up"),
        asyncpg.DeadlockDetectedError("deadlock detected"),
        asyncpg.InterfaceError("the connection is closed"),
        # A server that dies between two messages of one statement leaves asyncpg in the middle of its protocol.
        asyncpg.InternalClientError("cannot switch to state 11; another operation (2) is in progress"),
    ],
)
def test_what_a_lost_server_raises_is_tried_again(error: Exception) -> None:
    assert is_passing(error)
    assert not is_deterministic(error)


@pytest.mark.parametrize(
    "error",
    [asyncpg.StringDataRightTruncationError("too long"), asyncpg.NotNullViolationError("null"), ValueError("no date")],
)
def test_what_the_input_causes_is_not_tried_again(error: Exception) -> None:
    assert is_deterministic(error)
    assert not is_passing(error)


def test_what_nobody_expects_is_neither() -> None:
    assert not is_passing(KeyError("x"))
    assert not is_deterministic(KeyError("x"))


class Server:
    """Answers once it has raised these."""

    def __init__(self, *errors: Exception) -> None:
        self.errors = list(errors)

    async def ask(self) -> str:
        if self.errors:
            raise self.errors.pop(0)
        return "here"


async def test_what_passes_is_tried_until_it_has(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(faults, "AGAIN_SECONDS", 0)
    assert await until_it_passes(Server(TryAgain("away"), ConnectionRefusedError()).ask) == "here"


async def test_what_does_not_pass_is_raised_at_once() -> None:
    server = Server(asyncpg.DataError("out of range"), TryAgain("never reached"))
    with pytest.raises(asyncpg.DataError):
        await until_it_passes(server.ask)
    assert len(server.errors) == 1
