"""What the gateway uses of the published workspace, followed from version to version without a restart."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Mapping
from typing import Any, NamedTuple

import asyncpg
import jsonschema_rs
import msgspec

from services.contracts.settings import Settings
from services.contracts.workspace import CHANNEL, Workspace, current
from services.gateway.keys import Keys, read_keys
from services.gateway.segment.words import normal
from services.gateway.translation import Connected, connect
from services.gateway.validation import DataCheck
from services.kit.database.pool import FAILURES
from services.kit.errors import Misconfigured
from services.kit.notify import Listener
from services.kit.telemetry.logs import Log, Logger
from services.kit.waiting import follow

POLL_SECONDS = 1.0

_log = Logger(service="gateway")


class Vocabulary(NamedTuple):
    """What a version says about events: its settings, and the shop's own types with their checks.

    `own_names` are these types by name as Segment's clients may write it.
    """

    settings: Settings
    own_types: Mapping[str, DataCheck]
    own_names: Mapping[str, str]


class Published(NamedTuple):
    """One version, ready for use."""

    version: int
    sources: Mapping[str, str]  # name to storefront
    keys: Keys
    storefronts: Mapping[str, Connected]
    words: Vocabulary


def prepare(workspace: Workspace, environ: Mapping[str, str]) -> Published:
    """Resolve the keys and compile the schemas. Misconfigured, with what to change, if any cannot be."""
    words = vocabulary(workspace)
    settings = workspace.settings
    sources = {name: source.storefront for name, source in settings.sources.items()}
    return Published(workspace.version, sources, read_keys(settings, environ), connect(settings, environ), words)


def vocabulary(workspace: Workspace) -> Vocabulary:
    """Compile the schemas. Misconfigured if one is none."""
    checks = {name: _data_check(name, schema) for name, schema in workspace.event_schemas.items()}
    return Vocabulary(workspace.settings, checks, {normal(name): name for name in checks})


def _data_check(name: str, schema: dict[str, Any]) -> DataCheck:
    try:
        validator = jsonschema_rs.validator_for(schema, mask="the value")  # which may be somebody's address
    except ValueError as error:
        raise Misconfigured(f"events/{name}.schema.json is no JSON Schema: {str(error).splitlines()[0]}") from None

    def wrong(data: Any) -> str | None:
        for error in validator.iter_errors(data):
            return f"{error.message[:200]} at data{''.join(f'[{part!r}]' for part in error.instance_path)}."
        return None

    return wrong


class Follower:
    """Keeps `published` at the newest good version: NOTIFY is a hint, polling every second is the truth.

    A version that cannot be prepared never replaces a good one; `problem` says what is wrong with it.
    """

    def __init__(
        self, pool: asyncpg.Pool, url: str, environ: Mapping[str, str], poll_seconds: float = POLL_SECONDS
    ) -> None:
        self.published: Published | None = None
        self.problem: str | None = None
        self._pool = pool
        self._environ = environ
        self._poll_seconds = poll_seconds
        self._hint = asyncio.Event()
        self._listener = Listener(url)
        self._listener.on(CHANNEL, self._hint.set)
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Look once, then follow in the background."""
        await self._listener.start()
        await self.refresh()
        following = follow(self._hint, self._poll_seconds, self.refresh)
        self._task = asyncio.create_task(following, name="gateway-workspace")

    async def stop(self) -> None:
        """Stop following."""
        if self._task:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task
        await self._listener.stop()

    async def refresh(self) -> None:
        """Take a newer version, if there is one and it is good."""
        try:
            newer = await current(self._pool, self.published.version if self.published else 0)
            if newer is not None:
                self.published = prepare(newer, self._environ)
                _log.info(Log.WORKSPACE_APPLIED, version=newer.version, journeys=len(newer.journeys))
        except (Misconfigured, msgspec.MsgspecError) as error:
            self._refuse(f"The newest workspace cannot be used: {error}")
        except FAILURES as error:
            self.problem = f"The database does not answer ({type(error).__name__})."
        else:
            self.problem = None

    def _refuse(self, problem: str) -> None:
        if problem != self.problem:
            _log.warning(Log.WORKSPACE_REJECTED, errors=problem)
        self.problem = problem
