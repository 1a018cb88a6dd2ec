"""A whole installation as separate processes: gateway, trigger engine, two notifiers, over a played provider."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
import urllib.error
import urllib.request
import uuid
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple
from urllib.parse import urlsplit, urlunsplit

import asyncpg
import msgspec

from benchmarks.support.driver import Address
from benchmarks.support.machine import Machine
from benchmarks.support.processes import busy_seconds, cpu_seconds, listener, parent
from services.cli.publish import Origin, publish
from services.contracts.workspace import Workspace
from services.kit.clock import SystemClock
from services.kit.database.migrate import migrate
from services.kit.dev.files import free_port

KEY = "benchmark-key-0123456789abcdef0123456789"
SECRETS = {"BACKEND_KEY": KEY, "MAIL_KEY": "mail-key"}
SERVICES = ("gateway", "trigger-engine", "notifier", "notifier 2")
SINK, OTHERS = "provider", "others"
_PATIENCE_SECONDS = 60


class Stage(NamedTuple):
    """What runs: where to post, where to look, and the processes by name."""

    url: str
    prefix: str
    gateway: Address
    sink: str
    pids: dict[str, int]

    def taken(self, after: int) -> list[dict[str, Any]]:
        """What the provider has taken beyond its first `after` messages; `at` is in Unix seconds."""
        with urllib.request.urlopen(f"{self.sink}/_messages?after={after}") as answer:  # noqa: S310 -- loopback
            found: list[dict[str, Any]] = json.load(answer)
        return found

    def cpu(self) -> dict[str, float]:
        """CPU seconds of each process so far; `others` is what this machine did beside all of them and the driver."""
        spent = {name: cpu_seconds(pid) for name, pid in self.pids.items()}
        return spent | {OTHERS: busy_seconds() - sum(spent.values()) - time.process_time()}


async def database(parts: Machine) -> str:
    """A new database with the whole schema; its address."""
    name = f"bench_{uuid.uuid4().hex[:8]}"
    server = await asyncpg.connect(parts.database)
    await server.execute(f"CREATE DATABASE {name}")
    await server.close()
    url = urlunsplit(urlsplit(parts.database)._replace(path=f"/{name}"))
    await migrate(url)
    return url


async def drop(parts: Machine, url: str) -> None:
    """Remove a database and what it holds."""
    server = await asyncpg.connect(parts.database)
    await server.execute(f"DROP DATABASE {urlsplit(url).path[1:]} WITH (FORCE)")
    await server.close()


async def publish_to(url: str, workspace: Workspace) -> None:
    """Make `workspace` the one in force."""
    connection = await asyncpg.connect(url)
    await publish(connection, workspace, Origin("benchmark"), SystemClock().real())
    await connection.close()


async def servers(parts: Machine) -> dict[str, int]:
    """The first process of PostgreSQL and that of Kafka."""
    connection = await asyncpg.connect(parts.database)
    postgres = parent(connection.get_server_pid())
    await connection.close()
    return {"PostgreSQL": postgres, "Kafka": listener(int(parts.kafka.rsplit(":", 1)[1]))}


@contextmanager
def sink() -> Iterator[str]:
    """The played provider as a process of its own; its address."""
    line = [sys.executable, "-m", "tests.support.provider_sink", "--lean"]
    with subprocess.Popen(line, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        try:
            yield process.stdout.readline().strip()
        finally:
            process.kill()


@contextmanager
def stage(parts: Machine, url: str, provider: str, others: dict[str, int]) -> Iterator[Stage]:
    """Run the services over this database until the end of the block; `others` are counted beside them."""
    prefix = urlsplit(url).path[1:] + "."
    ports = {name: free_port() for name in SERVICES}
    with ExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory(prefix="wici-bench-")))
        environ = {name: value for name, value in os.environ.items() if not name.startswith("WICI_")} | {
            **SECRETS,
            "WICI_DATABASE_URL": url,
            "WICI_KAFKA": parts.kafka,
            "WICI_TOPIC_PREFIX": prefix,
            "WICI_SECRET_KEY": "benchmark-secret-key-of-thirty-two-characters",
            "WICI_DATA": str(folder),
            "WICI_LOG": "json",
            "WICI_PUBLIC_URL": f"http://127.0.0.1:{ports['notifier']}",
        }
        _command(environ, "migrate")
        running = {name: stack.enter_context(_running(name, port, environ, folder)) for name, port in ports.items()}
        for name, port in ports.items():
            _wait_until_ready(port, running[name], folder / f"{name}.log")
        pids = {name: process.pid for name, process in running.items()} | others
        pids[SINK] = listener(urlsplit(provider).port or 0)
        yield Stage(url, prefix, Address(ports["gateway"], KEY), provider, pids)


def with_accounts(workspace: Workspace, accounts: tuple[Any, ...]) -> Workspace:
    """The same shop, sending by these accounts."""
    settings = msgspec.structs.replace(workspace.settings, accounts=accounts)
    return msgspec.structs.replace(workspace, settings=settings)


def _command(environ: dict[str, str], *typed: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "services.cli.main", *typed], env=environ, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


@contextmanager
def _running(name: str, port: int, environ: dict[str, str], folder: Path) -> Iterator[subprocess.Popen[bytes]]:
    line = [sys.executable, "-m", "services.cli.main", "run", name.split(maxsplit=1)[0]]
    with (folder / f"{name}.log").open("wb") as log:
        process = subprocess.Popen(line, env=environ | {"WICI_PORT": str(port)}, stdout=log, stderr=log)
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(_PATIENCE_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _wait_until_ready(port: int, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while True:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz"):
                return
        except (urllib.error.URLError, OSError):
            still = process.poll() is None and time.monotonic() < deadline
            assert still, log.read_text()[-3000:]
            time.sleep(0.1)
