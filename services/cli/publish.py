"""Publishing a workspace: an append-only version that every service follows.

A journey gets a new revision only where its graph was never published before, so that entries keep the one they entered
by; a graph that comes back has the number that it had.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Any

import asyncpg
import msgspec

from services.contracts.journey import Journey, every_step, meaning
from services.contracts.workspace import CHANNEL, Workspace
from services.kit.errors import Misconfigured
from services.kit.notify import notify
from services.trigger_engine.journeys.changes import removed

_ONE_AT_A_TIME = 0x77696369_70756200
_NEWEST = "SELECT id, digest, document FROM workspace.versions ORDER BY id DESC LIMIT 1"
_INSERT = "INSERT INTO workspace.versions (published_at, author, digest, document) VALUES ($1, $2, $3, $4) RETURNING id"
_REVISIONS = (
    "SELECT name, revision, digest, document FROM workspace.journeys WHERE name = ANY($1) ORDER BY name, revision"
)
_INSERT_JOURNEY = "INSERT INTO workspace.journeys (name, revision, digest, document) VALUES ($1, $2, $3, $4)"


@dataclass(frozen=True)
class Published:
    """What publishing did. `journeys` has the revision of each; `changed_journeys` those with another than before."""

    version: int
    changed: bool
    journeys: dict[str, int]
    changed_journeys: tuple[str, ...] = ()


async def publish(connection: asyncpg.Connection[Any], workspace: Workspace, author: str, now: datetime) -> Published:
    """Publish `workspace` unless the newest version says the same. `now` is real time.

    Misconfigured if a step id means something else than in the version before: entries stand at it.
    """
    async with connection.transaction():
        await connection.execute("SELECT pg_advisory_xact_lock($1)", _ONE_AT_A_TIME)
        newest = await connection.fetchrow(_NEWEST)
        before = msgspec.json.decode(newest["document"], type=Workspace) if newest else None
        revised = await revise(connection, workspace, before)
        document = _document(revised)
        digest = sha256(document).digest()
        if newest and newest["digest"] == digest:
            return Published(newest["id"], changed=False, journeys=_numbers(revised))
        version = await connection.fetchval(_INSERT, now, author, digest, document)
    await notify(connection, CHANNEL)
    known, numbers = _numbers(before) if before else {}, _numbers(revised)
    changed = tuple(name for name, number in numbers.items() if number != known.get(name))
    return Published(version, changed=True, journeys=numbers, changed_journeys=changed)


def graph_digest(journey: Journey) -> bytes:
    """SHA-256 of what decides where an entry goes: all but the words for people, in_flight and the revision."""
    return sha256(_document(msgspec.structs.replace(graph(journey), title="", about="", owner=""))).digest()


def graph(journey: Journey) -> Journey:
    """The journey without its number, and without what it says of those inside other revisions."""
    return msgspec.structs.replace(journey, revision=0, in_flight="pin", moves={})


def changed_meanings(old: Journey, new: Journey) -> list[str]:
    """Step ids that stand for something else in `new`: another kind of step, or a send of another template."""
    before, after = ({step.id: meaning(step) for step in every_step(one.steps)} for one in (old, new))
    return sorted(step for step in before.keys() & after.keys() if before[step] != after[step])


async def revise(connection: asyncpg.Connection[Any], workspace: Workspace, before: Workspace | None) -> Workspace:
    """Number the journeys of a workspace that follows `before`, storing the graphs that are new.

    Misconfigured if a step id of a new graph means something else than in the one in force, else the newest.
    """
    known: dict[str, list[asyncpg.Record]] = {}
    for row in await connection.fetch(_REVISIONS, [journey.name for journey in workspace.journeys]):
        known.setdefault(row["name"], []).append(row)
    journeys, in_force = [], {journey.name: journey for journey in before.journeys} if before else {}
    for journey in workspace.journeys:
        earlier, digest = known.get(journey.name, []), graph_digest(journey)
        revision: int | None = next((row["revision"] for row in earlier if row["digest"] == digest), None)
        if revision is None:
            old = in_force.get(journey.name)
            if old is None and earlier:
                old = msgspec.json.decode(earlier[-1]["document"], type=Journey)
            if old is not None:
                _refuse_changed_meanings(old, journey)
            revision = earlier[-1]["revision"] + 1 if earlier else 1
            numbered = msgspec.structs.replace(graph(journey), revision=revision)
            await connection.execute(_INSERT_JOURNEY, numbered.name, revision, digest, _document(numbered))
        journeys.append(msgspec.structs.replace(journey, revision=revision))
    gone = removed(before, (journey.name for journey in journeys)) if before else {}
    return msgspec.structs.replace(workspace, journeys=tuple(journeys), removed=gone, version=0)


def _refuse_changed_meanings(old: Journey, new: Journey) -> None:
    wrong = changed_meanings(old, new)
    if wrong:
        raise Misconfigured(
            f"journeys/{new.name}.yaml: step id {wrong[0]} means something else than in revision {old.revision}, and "
            "customers may stand at it. Give the changed step an id of its own."
        )


def _numbers(workspace: Workspace) -> dict[str, int]:
    return {journey.name: journey.revision for journey in workspace.journeys}


def _document(value: Workspace | Journey) -> bytes:
    return msgspec.json.encode(value, order="deterministic")
