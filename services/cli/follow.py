"""Following a workspace's files: changes are published a moment after they are saved; broken files change nothing."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import asyncpg

from services.cli.audit import author, commit_of
from services.cli.publish import Origin, Published, publish
from services.cli.workspace.findings import Finding, errors
from services.cli.workspace.load import Loaded, load
from services.kit.clock import Clock
from services.kit.database.pool import FAILURES
from services.kit.errors import Misconfigured, Problem
from services.kit.telemetry.logs import Log, Logger

POLL_SECONDS = 1.0
_log = Logger(service="workspace")

Snapshot = Mapping[str, tuple[int, int]]


def snapshot(folder: Path) -> Snapshot:
    """Size and modification time of each file that a workspace is made of."""
    found = {}
    for path in (
        *folder.glob("*.yaml"),
        *(p for name in ("journeys", "groups", "templates", "events") for p in (folder / name).rglob("*")),
    ):
        try:
            about = path.stat()
        except OSError:
            continue
        found[str(path)] = (about.st_mtime_ns, about.st_size)
    return found


class Follower:
    """Publishes a folder when it starts, and again whenever its files have changed and are good."""

    def __init__(self, folder: Path, pool: asyncpg.Pool, clock: Clock) -> None:
        self._folder, self._pool, self._clock = folder, pool, clock
        self._applied: Snapshot = {}

    async def begin(self) -> Published | None:
        """Publish the folder as it is.

        With errors in it, an earlier version stays in force (None); Misconfigured if there is none.
        """
        self._applied = snapshot(self._folder)
        loaded = await asyncio.to_thread(load, self._folder)
        if loaded.workspace is None and not await self.is_published():
            found = "\n".join(finding.render() for finding in errors(loaded.findings))
            raise Misconfigured(f"The workspace in {self._folder} has errors:\n{found}\nCorrect them and start again.")
        return await self._apply(loaded)

    async def is_published(self) -> bool:
        """Whether there is a version, of whatever files."""
        return bool(await self._pool.fetchval("SELECT EXISTS (SELECT FROM workspace.versions)"))

    async def follow(self) -> None:
        """Look at the files each second, for ever. A change counts once nobody has written for a second."""
        before = self._applied
        while True:
            await asyncio.sleep(POLL_SECONDS)
            seen = await asyncio.to_thread(snapshot, self._folder)
            if seen == before and seen != self._applied:
                self._applied = seen
                await self._try_to_apply()
            before = seen

    async def _try_to_apply(self) -> None:
        try:
            await self._apply(await asyncio.to_thread(load, self._folder))
        except Problem as error:
            _log.warning(Log.WORKSPACE_REJECTED, errors=str(error))
        except FAILURES as error:
            # Looked at again at the next tick: nothing was published.
            self._applied = {}
            _log.warning(Log.DATABASE_LOST, why=str(error))

    async def _apply(self, loaded: Loaded) -> Published | None:
        _say(loaded.findings)
        if loaded.workspace is None:
            _log.warning(Log.WORKSPACE_REJECTED, errors=len(errors(loaded.findings)))
            return None
        origin = Origin(author(), commit=await asyncio.to_thread(commit_of, self._folder))
        async with self._pool.acquire() as connection:
            done = await publish(_plain(connection), loaded.workspace, origin, self._clock.real())
        _log.info(Log.WORKSPACE_APPLIED, version=done.version, journeys=len(done.journeys), changed=done.changed)
        return done


def _plain(connection: Any) -> asyncpg.Connection[Any]:
    """A pool's connection behaves as a connection; its class does not say so."""
    plain: asyncpg.Connection[Any] = connection
    return plain


def _say(findings: list[Finding]) -> None:
    for one in findings:
        place = f"{one.file}:{one.line}:{one.column}"
        _log.warning(Log.WORKSPACE_FINDING, place=place, message=one.message, hint=one.hint, severity=one.severity)
