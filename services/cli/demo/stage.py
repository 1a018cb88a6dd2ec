"""Where the demonstration runs: in this process, or as separate processes over a real Kafka."""

from __future__ import annotations

import asyncio
import secrets
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from services.cli.connect import POSTGRES_FOLDER
from services.cli.demo.shop import Addresses
from services.cli.init import init
from services.cli.services import EVERYTHING_PORT, PORTS
from services.cli.workspace.load import load
from services.contracts.workspace import Workspace
from services.kit.database.embedded import start_postgres
from services.kit.dev.kafka import start_kafka
from services.kit.dev.leash import Leash
from services.kit.errors import Misconfigured
from services.kit.runner import signals
from services.kit.settings import VARIABLES, Settings

_HOST = "127.0.0.1"
_STOP_SECONDS = 30
_LAST_WORDS = 10  # lines of a log


@dataclass(frozen=True)
class Stage:
    """A running wici. `play` runs the story beside it and ends when the story does, or at a signal."""

    addresses: Addresses
    database_url: str
    key: str
    play: Callable[[Coroutine[Any, Any, bool], bool], Coroutine[Any, Any, bool]]


@dataclass(frozen=True)
class Prepared:
    """What a stage is built from."""

    settings: Settings
    environ: Mapping[str, str]
    currency: str


def prepare(settings: Settings, environ: Mapping[str, str], folder: Path, language: str) -> Prepared:
    """A fresh workspace from the recipes, and an environment with a random value for each secret that it names."""
    workspace = folder / "workspace"
    init(workspace, language)
    loaded = load(workspace)
    if loaded.workspace is None:
        raise Misconfigured(f"The recipes in {language!r} have errors. `wici check` on a copy (wici init) names them.")
    _leave_out_dates(workspace, loaded.workspace)
    wanted = {reference.name: secrets.token_urlsafe(24) for reference in loaded.references}
    fresh = Settings(
        workspace=workspace, data=folder, port=settings.port, log=settings.log, clock="movable",
        secret_keys=(secrets.token_urlsafe(32),),
    )  # fmt: skip
    outside = {name: value for name, value in environ.items() if name.removesuffix("_FILE") not in VARIABLES}
    return Prepared(fresh, {**outside, **wanted}, loaded.workspace.settings.shop.currency)


def _leave_out_dates(folder: Path, workspace: Workspace) -> None:
    """Take out what a date enters: the same day is told whenever it is played, Black Friday's morning included."""
    for journey in workspace.journeys:
        if journey.enter.schedule is not None:
            for path in (folder / "journeys").glob(f"{journey.name}.*"):
                path.unlink()


@asynccontextmanager
async def one_process(settings: Settings, environ: Mapping[str, str]) -> AsyncIterator[Stage]:
    """Everything in this process, over the embedded database."""
    from services.cli.up import everything

    settings = replace(settings, port=settings.port or EVERYTHING_PORT)
    async with everything(settings, environ, _HOST) as (runner, made):

        async def play(story: Coroutine[Any, Any, bool], once: bool) -> bool:
            telling = asyncio.create_task(story)
            ending = asyncio.create_task(runner.ending())
            # What is told while wici drains could only fail; and to end twice would cut the drain short.
            ending.add_done_callback(lambda _: telling.cancel())
            telling.add_done_callback(
                lambda task: None if task.cancelled() or not (once or task.exception()) else runner.end()
            )
            try:
                await runner.run()
            finally:
                ending.cancel()
                telling.cancel()
            return await _outcome(telling)

        address = f"http://{_HOST}:{made.settings.port}"
        yield Stage(Addresses(address, address, address), made.settings.database_url, environ["BACKEND_KEY"], play)


@asynccontextmanager
async def processes(settings: Settings, environ: Mapping[str, str]) -> AsyncIterator[Stage]:
    """`wici run` for each service, over a Kafka and a PostgreSQL of their own."""
    async with AsyncExitStack() as stack:
        server = await asyncio.to_thread(start_postgres, settings.data / POSTGRES_FOLDER)
        stack.callback(server.stop)
        broker = await asyncio.to_thread(start_kafka, settings.data / "kafka")
        stack.callback(broker.stop)
        ports = {
            name: (settings.port + number if settings.port else port)
            for number, (name, port) in enumerate(PORTS.items())
        }
        shared = {
            **environ,
            "WICI_WORKSPACE": str(settings.workspace),
            "WICI_DATABASE_URL": server.url,
            "WICI_KAFKA": broker.bootstrap,
            "WICI_SECRET_KEY": settings.secret_keys[0],
            "WICI_PUBLIC_URL": f"http://{_HOST}:{ports['notifier']}",
            "WICI_CLOCK": "movable",
            "WICI_LOG": settings.log,
        }
        await _command(shared, "migrate")
        await _command(shared, "apply", "--yes")
        running: dict[Path, subprocess.Popen[bytes]] = {}
        for name, port in ports.items():
            log = settings.data / f"{name}.log"
            running[log], leash = _start(name, {**shared, "WICI_PORT": str(port)}, log)
            stack.callback(_stop, running[log], leash)
        addresses = Addresses(*(f"http://{_HOST}:{ports[name]}" for name in ("gateway", "trigger-engine", "notifier")))
        yield Stage(addresses, server.url, environ["BACKEND_KEY"], partial(play_beside, running))


def folder() -> tempfile.TemporaryDirectory[str]:
    """A folder for all that a demonstration leaves behind; it goes with it."""
    return tempfile.TemporaryDirectory(prefix="wici-demo-", ignore_cleanup_errors=True)


async def play_beside(
    running: Mapping[Path, subprocess.Popen[bytes]], story: Coroutine[Any, Any, bool], once: bool
) -> bool:
    """Play the story beside processes, given by their logs; Misconfigured, with its last words, if one of them ends."""
    told = asyncio.Event()
    with signals(told.set):
        telling, waiting = asyncio.create_task(story), asyncio.create_task(told.wait())
        watching = asyncio.create_task(_watch(running))
        await asyncio.wait({telling, waiting, watching}, return_when=asyncio.FIRST_COMPLETED)
        if not once and telling.done() and not telling.exception():
            await asyncio.wait({waiting, watching}, return_when=asyncio.FIRST_COMPLETED)
        for task in (telling, waiting, watching):
            task.cancel()
        if not waiting.done():
            _look(running)
        return await _outcome(telling)


async def _watch(running: Mapping[Path, subprocess.Popen[bytes]]) -> None:
    while all(process.poll() is None for process in running.values()):  # noqa: ASYNC110 -- a process sets no event
        await asyncio.sleep(0.2)


def _look(running: Mapping[Path, subprocess.Popen[bytes]]) -> None:
    for log, process in running.items():
        if process.poll() is not None:
            said = log.read_text(errors="replace").strip().splitlines()[-_LAST_WORDS:]
            raise Misconfigured("\n".join((f"The {log.stem} ended, exit code {process.returncode}:", *said)))


async def _outcome(telling: asyncio.Task[bool]) -> bool:
    try:
        return await telling
    except asyncio.CancelledError:
        return True


async def _command(environ: Mapping[str, str], *typed: str) -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "services.cli.main", *typed, env=environ, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    said, _ = await process.communicate()
    if process.returncode:
        raise Misconfigured(f"`wici {' '.join(typed)}` failed: {said.decode(errors='replace').strip()}")


def _start(name: str, environ: Mapping[str, str], log: Path) -> tuple[subprocess.Popen[bytes], Leash]:
    command = [sys.executable, "-m", "services.cli.main", "run", name, "--host", _HOST]
    with log.open("wb") as file:
        process = subprocess.Popen(command, env=environ, stdout=file, stderr=file, start_new_session=True)  # noqa: S603 -- ourselves
    return process, Leash(process.pid)


def _stop(process: subprocess.Popen[bytes], leash: Leash) -> None:
    leash.release()
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
