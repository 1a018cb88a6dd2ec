"""Publishing a workspace: an append-only version that every service follows.

A journey gets a new revision only where its graph changed, so that entries keep the one they entered by.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Any

import asyncpg
import msgspec

from services.contracts.journey import Journey, Send, Step, every_step
from services.contracts.workspace import CHANNEL, Workspace
from services.kit.errors import Misconfigured
from services.kit.notify import notify

_ONE_AT_A_TIME = 0x77696369_70756200
_NEWEST = "SELECT id, digest FROM workspace.versions ORDER BY id DESC LIMIT 1"
_INSERT = "INSERT INTO workspace.versions (published_at, author, digest, document) VALUES ($1, $2, $3, $4) RETURNING id"
_REVISIONS = (
    "SELECT DISTINCT ON (name) name, revision, digest, document FROM workspace.journeys"
    " WHERE name = ANY($1) ORDER BY name, revision DESC"
)
_INSERT_JOURNEY = "INSERT INTO workspace.journeys (name, revision, digest, document) VALUES ($1, $2, $3, $4)"


@dataclass(frozen=True)
class Published:
    """What publishing did. `journeys` has the revision of each; `changed_journeys` those with a new one."""

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
        journeys, changed = await _revise(connection, workspace.journeys)
        revised = msgspec.structs.replace(workspace, journeys=journeys, version=0)
        document = _document(revised)
        digest = sha256(document).digest()
        newest = await connection.fetchrow(_NEWEST)
        if newest and newest["digest"] == digest:
            return Published(newest["id"], changed=False, journeys=_numbers(journeys))
        version = await connection.fetchval(_INSERT, now, author, digest, document)
    await notify(connection, CHANNEL)
    return Published(version, changed=True, journeys=_numbers(journeys), changed_journeys=changed)


def graph_digest(journey: Journey) -> bytes:
    """SHA-256 of what decides where an entry goes: all but the words for people and the revision."""
    return sha256(_document(msgspec.structs.replace(journey, revision=0, title="", about="", owner=""))).digest()


def changed_meanings(old: Journey, new: Journey) -> list[str]:
    """Step ids that stand for something else in `new`: another kind of step, or a send of another template."""
    before, after = dict(_meanings(old.steps)), dict(_meanings(new.steps))
    return sorted(step for step in before.keys() & after.keys() if before[step] != after[step])


def _meanings(steps: tuple[Step, ...]) -> Iterator[tuple[str, tuple[str, ...]]]:
    for step in every_step(steps):
        yield step.id, (type(step).__name__, step.template if isinstance(step, Send) else "")


async def _revise(
    connection: asyncpg.Connection[Any], journeys: tuple[Journey, ...]
) -> tuple[tuple[Journey, ...], tuple[str, ...]]:
    """Number the journeys, storing those whose graph is new; and the names of these."""
    rows = await connection.fetch(_REVISIONS, [journey.name for journey in journeys])
    known = {row["name"]: row for row in rows}
    revised, changed = [], []
    for journey in journeys:
        before, digest = known.get(journey.name), graph_digest(journey)
        if before and before["digest"] == digest:
            revised.append(msgspec.structs.replace(journey, revision=before["revision"]))
            continue
        if before:
            _refuse_changed_meanings(msgspec.json.decode(before["document"], type=Journey), journey)
        numbered = msgspec.structs.replace(journey, revision=(before["revision"] if before else 0) + 1)
        await connection.execute(_INSERT_JOURNEY, numbered.name, numbered.revision, digest, _document(numbered))
        revised.append(numbered)
        changed.append(journey.name)
    return tuple(revised), tuple(changed)


def _refuse_changed_meanings(old: Journey, new: Journey) -> None:
    wrong = changed_meanings(old, new)
    if wrong:
        raise Misconfigured(
            f"journeys/{new.name}.yaml: step id {wrong[0]} means something else than in revision {old.revision}, and "
            "customers may stand at it. Give the changed step an id of its own."
        )


def _numbers(journeys: tuple[Journey, ...]) -> dict[str, int]:
    return {journey.name: journey.revision for journey in journeys}


def _document(value: Workspace | Journey) -> bytes:
    return msgspec.json.encode(value, order="deterministic")
