"""`wici pause` and `wici resume`: what leaves, from the next claim on."""

from __future__ import annotations

from difflib import get_close_matches
from typing import Any

import asyncpg

from services.cli.audit import Entry, add, author
from services.cli.connect import connection, database
from services.cli.terminal import Answer
from services.contracts.message import ROUTES
from services.contracts.policies import BRAKED
from services.contracts.workspace import current
from services.kit.clock import SystemClock
from services.kit.errors import Misconfigured
from services.kit.settings import Settings

# What the brake has paused lets some pass: a person's pause takes its place.
_PAUSE = f"""
    INSERT INTO queue.pauses AS p (scope, since, by) VALUES ($1, $2, $3)
    ON CONFLICT (scope) DO UPDATE SET since = excluded.since, by = excluded.by WHERE p.by = '{BRAKED}'"""
_ANEW = """
    DELETE FROM notifier.spent s USING queue.pauses p
    WHERE s.scope = p.scope AND (p.scope = $1 OR $1 = 'all')"""
_RESUME = "DELETE FROM queue.pauses WHERE scope = $1 OR $1 = 'all'"
_WAITING = "SELECT count(*) FROM engine.timers WHERE paused IS NOT NULL AND ($1 = 'all' OR 'journey:' || paused = $1)"
_NOW = "SELECT scope, since, by FROM queue.pauses ORDER BY scope"


async def pause(settings: Settings, what: str) -> Answer:
    """Pause a journey, a channel or `all`. Messages and those inside wait as rows; nothing is lost."""
    with database(settings) as found:
        async with connection(found) as opened:
            scope = await _scope(opened, what)
            now, who = SystemClock().real(), author()
            async with opened.transaction():
                done = await opened.execute(_PAUSE, scope, now, who)
                if done.endswith("1"):
                    await add(opened, Entry(now, who, "pause", scope))
            return await _state(opened, f"Paused: {scope}.")


async def resume(settings: Settings, what: str) -> Answer:
    """Lift one pause, or with `all` every one. What the brake counts of it begins anew.

    Those whom it has held inside journeys go on at the engine's catch-up rate, each as late as he then is.
    """
    with database(settings) as found:
        async with connection(found) as opened:
            scope = what if what == "all" else await _paused_scope(opened, what)
            # Before the pause is lifted: no claim may meet the old count and pause again.
            await opened.execute(_ANEW, scope)
            async with opened.transaction():
                done = await opened.execute(_RESUME, scope)
                lifted = int(done.split()[-1])
                if lifted:
                    await add(opened, Entry(SystemClock().real(), author(), "resume", scope))
            waiting = await opened.fetchval(_WAITING, scope) if lifted else 0
            goes_on = f" {waiting} customers go on where they stand, 100 a second." if waiting else ""
            return await _state(opened, f"Resumed: {scope}.{goes_on}" if lifted else f"{scope} was not paused.")


async def _scope(opened: asyncpg.Connection[Any], what: str) -> str:
    """`all`, `channel:NAME` or `journey:NAME`, written in full or by the name alone."""
    workspace = await current(opened)
    journeys = [journey.name for journey in workspace.journeys] if workspace else []
    known = ["all", *(f"channel:{name}" for name in ROUTES), *(f"journey:{name}" for name in journeys)]
    for scope in known:
        if what in {scope, scope.partition(":")[2]}:
            return scope
    near = get_close_matches(what, [scope.rpartition(":")[2] for scope in known], 1)
    instead = f"Write instead: {near[0]}." if near else f"Write one of {', '.join(known)}."
    raise Misconfigured(f"There is no journey or channel {what!r}. {instead}")


async def _paused_scope(opened: asyncpg.Connection[Any], what: str) -> str:
    """A scope that is paused may be lifted although its journey is gone."""
    for row in await opened.fetch(_NOW):
        if what in {row["scope"], row["scope"].partition(":")[2]}:
            return str(row["scope"])
    return await _scope(opened, what)


async def _state(opened: asyncpg.Connection[Any], done: str) -> Answer:
    rows = [dict(row) for row in await opened.fetch(_NOW)]
    paused = ", ".join(row["scope"] for row in rows) or "nothing"
    return Answer(f"{done} Paused now: {paused}.", {"paused": rows})
