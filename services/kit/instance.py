"""A process's name among its equals, held by a session advisory lock on a connection of its own.

The name is the static member id in Kafka's group and the owner of leases: a process that restarts on the same host gets
the same name back and takes over at once what it held.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
import socket
from hashlib import blake2b
from typing import Any, Self

import asyncpg

from services.kit.clock import monotonic
from services.kit.database.pool import FAILURES, unreachable
from services.kit.errors import Misconfigured
from services.kit.telemetry.logs import Log, Logger

SLOTS = 256
PATIENCE_SECONDS = 30.0
_AGAIN_SECONDS = 0.5
_TRY = "SELECT pg_try_advisory_lock($1)"
_log = Logger()


class Instance:
    """A name that is ours until `release`, or until the database is lost; then it is taken again when it is back."""

    def __init__(self, name: str, url: str, connection: asyncpg.Connection[Any]) -> None:
        self.name = name
        self._url = url
        self._connection = connection
        self._lost = asyncio.Event()
        connection.add_termination_listener(self._set_lost)
        self._task = asyncio.create_task(self._keep())

    @classmethod
    async def take(cls, url: str, service: str, wanted: str = "") -> Self:
        """Take `wanted`, or the first free of `host-service-1`, `host-service-2`, ….

        A wanted name that another process holds is waited for, 30 s (a crashed one's session may linger); then
        Misconfigured.
        """
        try:
            connection = await asyncpg.connect(url, timeout=10)
        except (OSError, asyncpg.PostgresError) as error:
            raise Misconfigured(unreachable(url, error)) from error
        try:
            name = await _wait_for(connection, wanted) if wanted else await _first_free(connection, service)
        except BaseException:
            connection.terminate()
            raise
        return cls(name, url, connection)

    async def release(self) -> None:
        """Let others have the name."""
        self._task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._task
        self._connection.terminate()

    def _set_lost(self, _connection: object) -> None:
        self._lost.set()

    async def _keep(self) -> None:
        while True:
            await self._lost.wait()
            self._lost.clear()
            await self._take_again()

    async def _take_again(self) -> None:
        warned = False
        while True:
            with contextlib.suppress(*FAILURES):
                if self._connection.is_closed():
                    self._connection = await asyncpg.connect(self._url, timeout=10)
                    self._connection.add_termination_listener(self._set_lost)
                if await self._connection.fetchval(_TRY, _key(self.name)):
                    return
                if not warned:
                    _log.error(Log.INSTANCE_TAKEN, instance=self.name)
                    warned = True
            await asyncio.sleep(_AGAIN_SECONDS)


async def _wait_for(connection: asyncpg.Connection[Any], name: str) -> str:
    deadline = monotonic() + PATIENCE_SECONDS
    while not await connection.fetchval(_TRY, _key(name)):
        if monotonic() > deadline:
            raise Misconfigured(
                f"Another process runs as WICI_INSTANCE={name}. Stop it, or give this one another name."
            )
        await asyncio.sleep(_AGAIN_SECONDS)
    return name


async def _first_free(connection: asyncpg.Connection[Any], service: str) -> str:
    host = re.sub(r"[^A-Za-z0-9._-]", "-", socket.gethostname())[:60]
    for slot in range(1, SLOTS + 1):
        name = f"{host}-{service}-{slot}"
        if await connection.fetchval(_TRY, _key(name)):
            return name
    raise Misconfigured(f"{SLOTS} processes of {service} run on {host} already. Stop some, or set WICI_INSTANCE.")


def _key(name: str) -> int:
    return int.from_bytes(blake2b(name.encode(), person=b"wici-instance", digest_size=8).digest(), "big", signed=True)
