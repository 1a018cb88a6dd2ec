"""Connections: asyncpg, with ids as 16 bytes."""

from __future__ import annotations

import struct
from datetime import UTC, datetime, timedelta
from typing import Any, TypeAlias

import asyncpg

from services.kit.errors import Misconfigured

Connection: TypeAlias = "asyncpg.Connection[Any]"

type_identity = bytes
_EPOCH = datetime(2000, 1, 1, tzinfo=UTC)  # PostgreSQL's own
_MICROSECONDS = struct.Struct("!q")

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
    """Make a connection speak in our types: a uuid is 16 bytes, in binary, without a Python object around it.

    A moment is as asyncpg has it, but takes a third of the time: each is not compared with infinity first.
    """
    await connection.set_type_codec(
        "uuid", schema="pg_catalog", encoder=type_identity, decoder=type_identity, format="binary"
    )
    await connection.set_type_codec(
        "timestamptz", schema="pg_catalog", encoder=_microseconds, decoder=_moment, format="binary"
    )


def _microseconds(moment: datetime) -> bytes:
    since = moment - _EPOCH
    return _MICROSECONDS.pack((since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds)


def _moment(microseconds: bytes) -> datetime:
    return _EPOCH + timedelta(microseconds=_MICROSECONDS.unpack(microseconds)[0])


def unreachable(url: str, error: Exception) -> str:
    """What to tell an operator whose database does not answer; never shows the password."""
    place = url.rsplit("@", 1)[-1].split("?", maxsplit=1)[0]
    return (
        f"PostgreSQL at {place} does not answer ({type(error).__name__}: {error}). Start it, correct "
        "WICI_DATABASE_URL, or unset WICI_DATABASE_URL to use the embedded PostgreSQL."
    )
