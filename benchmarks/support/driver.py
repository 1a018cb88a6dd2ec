"""Posts events over keep-alive connections, with as little CPU as Python allows."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from typing import NamedTuple

SINGLE = "application/cloudevents+json"
BATCH = "application/cloudevents-batch+json"


class Address(NamedTuple):
    """Where to post, and with which key."""

    port: int
    key: str


class Connection:
    """One connection; one request at a time."""

    def __init__(self, address: Address) -> None:
        self._address = address
        self._reader: asyncio.StreamReader
        self._writer: asyncio.StreamWriter

    async def open(self) -> None:
        """Connect."""
        self._reader, self._writer = await asyncio.open_connection("127.0.0.1", self._address.port)

    async def post(self, events: Sequence[bytes]) -> None:
        """Post one event, or several as one batch, and read the answer. AssertionError if it is not 202."""
        kind, body = (SINGLE, events[0]) if len(events) == 1 else (BATCH, b"[" + b",".join(events) + b"]")
        head = (
            f"POST /v1/events HTTP/1.1\r\nHost: 127.0.0.1:{self._address.port}\r\n"
            f"Authorization: Bearer {self._address.key}\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        self._writer.write(head.encode() + body)
        answer = await self._reader.readuntil(b"\r\n\r\n")
        length = int(answer.lower().split(b"content-length:", 1)[1].split(b"\r\n", 1)[0])
        said = await self._reader.readexactly(length)
        assert answer.startswith(b"HTTP/1.1 202"), answer + said

    def close(self) -> None:
        """Disconnect."""
        self._writer.close()


async def flood(address: Address, events: Iterable[bytes], *, size: int, connections: int) -> None:
    """Post `events` in requests of `size` over so many connections at once, as fast as they are answered."""
    left = iter(events)

    async def work(connection: Connection) -> None:
        while chunk := [event for _, event in zip(range(size), left, strict=False)]:
            await connection.post(chunk)

    opened = [Connection(address) for _ in range(connections)]
    for connection in opened:
        await connection.open()
    await asyncio.gather(*(work(connection) for connection in opened))
    for connection in opened:
        connection.close()
