"""Which faults would happen again on the same input, and which pass by themselves.

By SQLSTATE class (PostgreSQL, appendix A): 22 data exception, 23 integrity violation and 54 limit exceeded are the
input's, and so is a value that cannot be encoded; 08 connection, 40 rollback, 53 resources, 55 state and 57
intervention pass.
"""

from __future__ import annotations

import asyncpg

from services.kit.errors import TryAgain

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
