"""What changed segments do, tried on a sample of the customers by the very code that will do it. Nothing is written."""

from __future__ import annotations

from collections import Counter
from datetime import datetime
from typing import Any

import asyncpg
import msgspec

from services.contracts.workspace import Workspace
from services.trigger_engine import history
from services.trigger_engine.journeys import react
from services.trigger_engine.journeys.definitions import Definitions, define
from services.trigger_engine.journeys.reaction import Reaction
from services.trigger_engine.journeys.segments import ENTERED, LEFT, digest_of
from services.trigger_engine.journeys.turn import Turn
from services.trigger_engine.profiles.state import Profile, load

MOST = 1_000
# Ids are hashes, so that the first of them are as good as any others.
_SAMPLE = "SELECT state, version FROM engine.profiles ORDER BY id LIMIT $1"
_ALL = "SELECT greatest(reltuples, 0)::bigint FROM pg_class WHERE oid = 'engine.profiles'::regclass"


class Tried(msgspec.Struct, frozen=True):
    """About how many of all `customers` enter and leave which segment, and enter which journey because of that."""

    customers: int = 0
    entered: dict[str, int] = {}
    left: dict[str, int] = {}
    journeys: dict[str, int] = {}


async def try_segments(
    connection: asyncpg.Connection[Any], old: Workspace | None, new: Workspace, now: datetime, paused: frozenset[str]
) -> Tried | None:
    """Look at a sample as everybody will be looked at; None where segments are as before. `now` is marketing time."""
    definitions = define(new)
    if digest_of(definitions) == (digest_of(define(old)) if old else digest_of(define(Workspace(new.settings)))):
        return None
    sample = [load(row["state"], row["version"]) for row in await connection.fetch(_SAMPLE, MOST)]
    everybody = len(sample) if len(sample) < MOST else max(MOST, await connection.fetchval(_ALL))
    await history.catch_up(connection, sample, definitions.uses, now)
    return scaled(visited(sample, definitions, now, paused), len(sample), everybody)


def visited(sample: list[Profile], definitions: Definitions, now: datetime, paused: frozenset[str]) -> Tried:
    """What visits do to these customers, whose profiles are changed by it."""
    into = Reaction()
    for profile in sample:
        react.on_visit(profile, Turn(definitions, now, into, paused=paused))
    fresh = (row for row in into.entries.values() if row.entered_at == now and not row.held_out)
    return Tried(
        len(sample),
        Counter(one.data["segment"] for one in into.derived if one.type == ENTERED),
        Counter(one.data["segment"] for one in into.derived if one.type == LEFT),
        Counter(row.journey for row in fresh),
    )


def scaled(tried: Tried, sample: int, everybody: int) -> Tried:
    """The same for everybody, as far as the sample tells."""

    def scale(counts: dict[str, int]) -> dict[str, int]:
        return {name: -(-number * everybody // sample) for name, number in sorted(counts.items())}

    return Tried(everybody, scale(tried.entered), scale(tried.left), scale(tried.journeys))
