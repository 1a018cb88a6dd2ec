"""What a service is given, and what it promises in return. The runner (runner.py) serves one or several."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import aiohttp
import asyncpg
from starlette.routing import BaseRoute

from services.kit.bus import Bus
from services.kit.clock import Clock
from services.kit.settings import Settings


@dataclass(frozen=True)
class Context:
    """Everything a service is built from: `build(context) -> Service`. Nothing connects at import.

    `settings` are resolved: `database_url`, `port`, `public_url` and `secret_keys` are always set.
    `instance` is this process's name among its equals. `environ` is where `$NAME` references of the workspace are
    looked up. `http` is a client to share; a service that gets none opens its own.
    """

    settings: Settings
    pool: asyncpg.Pool
    bus: Bus
    clock: Clock
    instance: str
    environ: Mapping[str, str]
    http: aiohttp.ClientSession | None = None


class Service(Protocol):
    """One part of the route, in one process with others or alone."""

    name: str

    async def start(self) -> None:
        """Begin to work; return when work has begun. Errors of kit.errors end the process with their message."""
        ...

    async def stop(self) -> None:
        """Take nothing new, finish what is in hand, and return; called at most once, also after a failed start."""
        ...

    def routes(self) -> Sequence[BaseRoute]:
        """The HTTP routes of this service; asked for once, before `start`. They are served once it has started."""
        ...

    def ready(self) -> tuple[bool, str]:
        """Whether it does its work now, and in one sentence why not (or what it does). Must not block."""
        ...
