"""PostgreSQL's errors, in the words of who must act."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import asyncpg

from services.kit.database.pool import FAILURES
from services.kit.errors import Misconfigured, Problem, TryAgain


@contextmanager
def translated(what: str) -> Iterator[None]:
    """Turn PostgreSQL's errors in the block into ours; `what` says what was tried."""
    try:
        yield
    except FAILURES as error:
        raise translate(what, error) from error


def translate(what: str, error: Exception) -> Problem:
    """Return our error: Misconfigured where tables or rights are missing, else TryAgain."""
    if isinstance(error, asyncpg.UndefinedTableError | asyncpg.InvalidSchemaNameError):
        return Misconfigured(f"{what}: the tables of the bus are missing; run `wici migrate`")
    if isinstance(error, asyncpg.InsufficientPrivilegeError):
        return Misconfigured(f"{what}: {error}; grant this user the schema bus")
    return TryAgain(f"{what}: PostgreSQL does not answer now ({error!r})")
