"""Serves one or several services in one process: one HTTP server, signals, start and drain in the right order."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import socket
from collections.abc import Callable, Iterator, Sequence

import uvicorn

from services.kit import collector
from services.kit.clock import monotonic
from services.kit.errors import Misconfigured
from services.kit.service import Service
from services.kit.telemetry import metrics
from services.kit.telemetry.logs import Log, Logger
from services.kit.web import application

DRAIN_SECONDS = 25.0
_REQUESTS_SECONDS = 8
_log = Logger()


class Runner:
    """Runs `services`, named in the order of the path of an event.

    They start from the end of the path, so that nothing arrives where nobody listens, and drain from its beginning, so
    that what is in hand flows out; within DRAIN_SECONDS in all.
    """

    def __init__(self, services: Sequence[Service], *, port: int, host: str = "0.0.0.0") -> None:  # noqa: S104 -- a server in a container
        self._services = list(services)
        self._started: list[Service] = []
        self._open = False
        self._told, self._stopped = asyncio.Event(), False
        self._work: asyncio.Task[None] | None = None
        self._host, self._port = host, port
        routes = [route for service in services for route in service.routes()]
        self._app = application(routes, self.readiness, lambda: self._open)
        self._server: _Server | None = None
        self._serving: asyncio.Task[None] | None = None

    def readiness(self) -> dict[str, tuple[bool, str]]:
        """Each service by name: whether it does its work, and in words."""
        states = {s.name: s.ready() if s in self._started else (False, "starting") for s in self._services}
        if self._started and not self._open:
            states = dict.fromkeys(states, (False, "draining"))
        for name, (is_ready, _) in states.items():
            metrics.SERVICE_READY.labels(name).set(is_ready)
        return states

    async def run(self) -> None:
        """Start, serve until SIGTERM, SIGINT or `end`, drain. A second signal cuts the drain short."""
        with signals(self.end):
            self._work = asyncio.create_task(self.start())
            with contextlib.suppress(asyncio.CancelledError):
                await self._work
                collector.settle()
                await self._told.wait()
            self._work = asyncio.create_task(self.stop())
            with contextlib.suppress(asyncio.CancelledError):
                await self._work

    def end(self) -> None:
        """Drain now; a start or a drain under way is given up."""
        self._told.set()
        if self._work:
            self._work.cancel()

    async def ending(self) -> None:
        """Return once it is to end, before anything has."""
        await self._told.wait()

    async def start(self) -> None:
        """Open the port, then start every service. Where one fails, those that run are stopped and its error raised."""
        await self._serve()
        try:
            for service in reversed(self._services):
                await service.start()
                self._started.append(service)
                _log.info(Log.SERVICE_STARTED, service=service.name)
        except BaseException:
            await self.stop()
            raise
        self._open = True

    async def stop(self) -> None:
        """Finish the requests in hand, then stop each service in the order of the path."""
        if self._stopped:
            return
        self._stopped = True
        began = monotonic()
        deadline = began + DRAIN_SECONDS
        self._open = False
        await self._close_port()
        for service in self._services:
            await self._stop_one(service, deadline)
        self._started.clear()
        _log.info(Log.PROCESS_STOPPED, seconds=round(monotonic() - began, 3))

    async def _stop_one(self, service: Service, deadline: float) -> None:
        began = monotonic()
        try:
            async with asyncio.timeout(max(0.1, deadline - began)):
                await service.stop()
        except TimeoutError:
            _log.error(Log.DRAIN_TIMED_OUT, service=service.name)
        except Exception as error:  # noqa: BLE001 -- the services behind it must drain all the same
            _log.error(Log.SERVICE_FAILED, error, service=service.name)
        else:
            _log.info(Log.SERVICE_STOPPED, service=service.name, seconds=round(monotonic() - began, 3))

    async def _serve(self) -> None:
        config = uvicorn.Config(
            self._app,
            lifespan="off",
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=False,
            ws="none",
            timeout_graceful_shutdown=_REQUESTS_SECONDS,
        )
        self._server = _Server(config)
        sockets = [_listen(self._host, self._port)]
        self._serving = asyncio.create_task(self._server.serve(sockets=sockets))
        await self._server.up.wait()

    async def _close_port(self) -> None:
        if self._server and self._serving:
            self._server.should_exit = True
            await self._serving
            self._server = None


class _Server(uvicorn.Server):
    """Leaves signals to the runner, and says when it is up."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.up = asyncio.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.up.set()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def _listen(host: str, port: int) -> socket.socket:
    listener = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except OSError as error:
        listener.close()
        raise Misconfigured(
            f"Port {port} cannot be used: {error.strerror}. Stop what listens there, or set WICI_PORT."
        ) from error
    listener.setblocking(False)
    return listener


@contextlib.contextmanager
def signals(tell: Callable[[], None]) -> Iterator[None]:
    """Call `tell` at SIGTERM and SIGINT while this is open."""
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, tell)
    try:
        yield
    finally:
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.remove_signal_handler(number)
