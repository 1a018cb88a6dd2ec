"""Plays the providers over HTTP/1.1 on loopback, fast enough to be flooded.

In a test: `with ProviderSink() as sink: … sink.url`. As a process: `python -m tests.support.provider_sink --port N
[--lean]`, with `GET /_messages[?after=N]`, `GET /_counts`, `POST /_faults {"next": […], "chances": {…}, "delay": s}`.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import socket
import struct
import threading
from collections import deque
from types import TracebackType
from typing import Self, cast
from urllib.parse import parse_qs

import msgspec
import uvloop

from tests.support.provider_ledger import PLAYERS, Answer, Counts, Fault, Ledger, Taken, fault_answer

_GARBAGE: Answer = (200, b"", b"<html>one moment</html>")
_RESET = struct.pack("ii", 1, 0)


class Faults(msgspec.Struct):
    """What goes wrong: the faults of the next calls in order, chances of faults afterwards, and a delay in seconds."""

    next: list[Fault] = []
    chances: dict[Fault, float] = {}
    delay: float = 0.0


class ProviderSink:
    """The played providers: in a thread of this process (`with`), or as a process of its own (`serve`)."""

    def __init__(self, port: int = 0, *, keep: bool = True) -> None:
        self.ledger = Ledger(keep=keep)
        self.faults: deque[Fault] = deque()
        self.chances: dict[Fault, float] = {}
        self.delay = 0.0
        self.random = random.Random(1)
        self._socket = socket.create_server(("127.0.0.1", port), backlog=512)
        self.port: int = self._socket.getsockname()[1]
        self._stop: asyncio.Event
        self._loop: asyncio.AbstractEventLoop

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def messages(self) -> list[Taken]:
        """What was taken so far, oldest first."""
        return list(self.ledger.messages)

    def counts(self) -> Counts:
        return self.ledger.counts()

    def fail(self, *faults: Fault) -> None:
        """The next calls go wrong in this order."""
        self.faults.extend(faults)

    def set(self, faults: Faults) -> None:
        self.faults.extend(faults.next)
        self.chances, self.delay = faults.chances, faults.delay

    def fault(self) -> Fault | None:
        """What goes wrong with the call that has just arrived."""
        if self.faults:
            return self.faults.popleft()
        return next((fault for fault, chance in self.chances.items() if self.random.random() < chance), None)

    async def serve(self, ready: threading.Event | None = None) -> None:
        """Serve until stopped."""
        self._loop, self._stop = asyncio.get_running_loop(), asyncio.Event()
        server = await self._loop.create_server(lambda: _Connection(self), sock=self._socket)
        if ready:
            ready.set()
        await self._stop.wait()
        server.close()

    def __enter__(self) -> Self:
        ready = threading.Event()
        self._thread = threading.Thread(target=lambda: uvloop.run(self.serve(ready)), daemon=True)
        self._thread.start()
        ready.wait(10)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(10)


class _Connection(asyncio.Protocol):
    """One keep-alive connection; requests with Content-Length only, one at a time."""

    def __init__(self, sink: ProviderSink) -> None:
        self._sink = sink
        self._buffer = bytearray()
        self._transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        while (end := self._buffer.find(b"\r\n\r\n")) >= 0:
            first, *lines = self._buffer[:end].decode("latin-1").split("\r\n")
            headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
            length = end + 4 + int(headers.get("content-length", 0))
            if len(self._buffer) < length:
                return
            body = bytes(self._buffer[end + 4 : length])
            del self._buffer[:length]
            method, target, _ = first.split(" ", 2)
            self._handle(method, target, headers, body)

    def _handle(self, method: str, target: str, headers: dict[str, str], body: bytes) -> None:
        path, _, query = target.partition("?")
        player = PLAYERS.get(path)
        if player is None or method != "POST":
            self._write(self._inspect(method, path, query, body))
            return
        sink, ledger = self._sink, self._sink.ledger
        ledger.requests += 1
        key = headers.get("idempotency-key", "")
        fault = "concurrent" if key in ledger.in_flight else sink.fault()
        answer = fault_answer(fault, path) if fault else None
        if answer is None and not headers.get("authorization", "").startswith(("Bearer ", "Basic ")):
            answer = fault_answer("unauthorized", path)
        if fault == "reset_lost":
            self._reset()
        elif sink.delay:
            if key and answer is None:
                ledger.in_flight.add(key)
            asyncio.get_running_loop().call_later(sink.delay, self._finish, fault, answer, path, headers, body)
        else:
            self._finish(fault, answer, path, headers, body)

    def _finish(
        self, fault: Fault | None, answer: Answer | None, path: str, headers: dict[str, str], body: bytes
    ) -> None:
        ledger = self._sink.ledger
        if answer is None:
            ledger.in_flight.discard(headers.get("idempotency-key", ""))
            answer = PLAYERS[path](ledger, headers, body)
        match fault:
            case "silent":
                return
            case "reset_taken":
                self._reset()
            case "garbage":
                self._write(_GARBAGE)
            case "server_error_taken":
                self._write((500, b"", b"{}"))
            case _:
                self._write(answer)

    def _inspect(self, method: str, path: str, query: str, body: bytes) -> Answer:
        match method, path:
            case "GET", "/_messages":
                after = int(parse_qs(query).get("after", ["0"])[0])
                return 200, b"", msgspec.json.encode(self._sink.ledger.messages[after:])
            case "GET", "/_counts":
                return 200, b"", msgspec.json.encode(self._sink.counts())
            case "POST", "/_faults":
                self._sink.set(msgspec.json.decode(body, type=Faults))
                return 204, b"", b""
            case _:
                return 404, b"", b'{"name":"not_found","message":"no such path"}'

    def _write(self, answer: Answer) -> None:
        status, more, body = answer
        head = b"HTTP/1.1 %d X\r\nContent-Type: application/json\r\nContent-Length: %d\r\n" % (status, len(body))
        self._transport.write(head + more + b"\r\n" + body)

    def _reset(self) -> None:
        self._transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
        self._transport.abort()


def main() -> None:
    """Serve until interrupted, and say where."""
    parser = argparse.ArgumentParser(description="Resend, SendGrid and SMSAPI on loopback")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--lean", action="store_true", help="forget bodies at once")
    options = parser.parse_args()
    sink = ProviderSink(options.port, keep=not options.lean)
    print(sink.url, flush=True)  # noqa: T201 -- whoever started it reads the address
    uvloop.run(sink.serve())


if __name__ == "__main__":
    main()
