"""Connections: asyncpg, with ids as 16 bytes."""

from __future__ import annotations

from typing import Any, TypeAlias

import asyncpg

from services.kit.errors import Misconfigured

Connection: TypeAlias = "asyncpg.Connection[Any]"

type_identity = bytes

FAILURES = (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError)
"""What a statement may raise that the code cannot help. The last is asyncpg's word for a connection whose server has
died in the middle of an exchange."""


async def open_pool(url: str, *, minimum: int = 1, maximum: int = 10) -> asyncpg.Pool:
    """A pool of connections to `url`. Misconfigured, with what to do, when no server answers there."""
    try:
        return await asyncpg.create_pool(url, min_size=minimum, max_size=maximum, init=prepare, command_timeout=60)
    except (OSError, asyncpg.PostgresError) as error:
        raise Misconfigured(unreachable(url, error)) from error


async def prepare(connection: asyncpg.Connection[Any]) -> None:
    """Make a connection speak in our types: a uuid is 16 bytes, in binary, without a Python object around it."""
    await connection.set_type_codec(
        "uuid", schema="pg_catalog", encoder=type_identity, decoder=type_identity, format="binary"
    )


def unreachable(url: str, error: Exception) -> str:
    """What to tell an operator whose database does not answer; never shows the password."""
    place = url.rsplit("@", 1)[-1].split("?", maxsplit=1)[0]
    return (
        f"PostgreSQL at {place} does not answer ({type(error).__name__}: {error}). Start it, correct "
        "WICI_DATABASE_URL, or unset WICI_DATABASE_URL to use the embedded PostgreSQL."
    )
