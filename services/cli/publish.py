"""Publishing a workspace: an append-only version that every service follows.

A journey gets a new revision only where its graph was never published before, so that entries keep the one they entered
by; a graph that comes back has the number that it had.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Any, Literal, NamedTuple

import asyncpg
import msgspec

from services.cli.audit import Commit, Entry, add
from services.contracts.journey import Journey, every_step, meaning
from services.contracts.workspace import CHANNEL, Workspace, current
from services.kit.errors import Misconfigured
from services.kit.notify import notify
from services.trigger_engine.journeys.changes import removed

_ONE_AT_A_TIME = 0x77696369_70756200
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


@dataclass(frozen=True)
class Origin:
    """Who publishes, by which act, and from which commit; `base` is the version that must still be the newest."""

    who: str
    act: Literal["publish", "rollback"] = "publish"
    commit: Commit | None = None
    base: int | None = None


async def publish(
    connection: asyncpg.Connection[Any], workspace: Workspace, origin: Origin, now: datetime
) -> Published:
    """Publish `workspace` unless the newest version says the same, and put it on record. `now` is real time.

    Misconfigured if a step id means something else than before, as entries stand at it, or another version came first.
    """
    async with connection.transaction():
        await connection.execute("SELECT pg_advisory_xact_lock($1)", _ONE_AT_A_TIME)
        before = await current(connection)
        version = before.version if before else 0
        if origin.base is not None and origin.base != version:
            raise Misconfigured(f"Version {version} was published after the plan, which is for version {origin.base}.")
        next_ = number(workspace, before, await earlier(connection, names_of(workspace)))
        if next_.problems:
            raise Misconfigured(next_.problems[0])
        document = encode(next_.workspace)
        digest = sha256(document).digest()
        numbers, known = _numbers(next_.workspace), _numbers(before) if before else {}
        if before and digest == digest_of(before):
            return Published(version, changed=False, journeys=numbers)
        for journey in next_.graphs:
            row = (journey.name, journey.revision, graph_digest(journey), encode(journey))
            await connection.execute(_INSERT_JOURNEY, *row)
        version = await connection.fetchval(_INSERT, now, origin.who, digest, document)
        entry = Entry(now, origin.who, origin.act, version=version, digest=digest)
        if origin.commit:
            entry = msgspec.structs.replace(entry, commit_id=origin.commit.id, dirty=origin.commit.dirty)
        await add(connection, entry)
    await notify(connection, CHANNEL)
    changed = tuple(name for name, revision in numbers.items() if revision != known.get(name))
    return Published(version, changed=True, journeys=numbers, changed_journeys=changed)


async def at(connection: asyncpg.Connection[Any], version: int) -> Workspace:
    """A version that was published. Misconfigured if there is none of this number."""
    document = await connection.fetchval("SELECT document FROM workspace.versions WHERE id = $1", version)
    if document is None:
        raise Misconfigured(f"There is no version {version}. `wici log` lists those that were published.")
    return msgspec.structs.replace(msgspec.json.decode(document, type=Workspace), version=version)


def graph_digest(journey: Journey) -> bytes:
    """SHA-256 of what decides where an entry goes: all but the words for people, in_flight and the revision."""
    return sha256(encode(msgspec.structs.replace(graph(journey), title="", about="", owner=""))).digest()


def graph(journey: Journey) -> Journey:
    """The journey without its number, and without what it says of those inside other revisions."""
    return msgspec.structs.replace(journey, revision=0, in_flight="pin", moves={})


def changed_meanings(old: Journey, new: Journey) -> list[str]:
    """Step ids that stand for something else in `new`: another kind of step, or a send of another template."""
    before, after = ({step.id: meaning(step) for step in every_step(one.steps)} for one in (old, new))
    return sorted(step for step in before.keys() & after.keys() if before[step] != after[step])


class Revision(NamedTuple):
    """A graph that was published."""

    number: int
    digest: bytes
    journey: Journey


@dataclass(frozen=True)
class Numbered:
    """A workspace whose journeys have their revisions; `graphs` are those never published before.

    `problems` say which step ids have changed their meaning, and what to do.
    """

    workspace: Workspace
    graphs: tuple[Journey, ...]
    problems: tuple[str, ...]


async def earlier(connection: asyncpg.Connection[Any], names: Iterable[str]) -> dict[str, list[Revision]]:
    """Every revision of these journeys, the oldest first."""
    found: dict[str, list[Revision]] = {}
    for row in await connection.fetch(_REVISIONS, list(names)):
        journey = msgspec.json.decode(row["document"], type=Journey)
        found.setdefault(row["name"], []).append(Revision(row["revision"], row["digest"], journey))
    return found


def number(workspace: Workspace, before: Workspace | None, known: Mapping[str, Sequence[Revision]]) -> Numbered:
    """Number the journeys of a workspace that follows `before`. A graph that is known has its number again."""
    in_force = {journey.name: journey for journey in before.journeys} if before else {}
    journeys, graphs, problems = [], [], []
    for journey in workspace.journeys:
        mine, digest = known.get(journey.name, ()), graph_digest(journey)
        revision = next((one.number for one in mine if one.digest == digest), None)
        if revision is None:
            revision = mine[-1].number + 1 if mine else 1
            graphs.append(msgspec.structs.replace(graph(journey), revision=revision))
            old = in_force.get(journey.name) or (mine[-1].journey if mine else None)
            problems += _changed_meanings(old, journey) if old else []
        journeys.append(msgspec.structs.replace(journey, revision=revision))
    gone = removed(before, (journey.name for journey in journeys)) if before else {}
    made = msgspec.structs.replace(workspace, journeys=tuple(journeys), removed=gone, version=0, published_at=None)
    return Numbered(made, tuple(graphs), tuple(problems))


def _changed_meanings(old: Journey, new: Journey) -> list[str]:
    return [
        f"journeys/{new.name}.yaml: step id {step} means something else than in revision {old.revision}, and "
        "customers may stand at it. Give the changed step an id of its own."
        for step in changed_meanings(old, new)
    ]


def digest_of(workspace: Workspace) -> bytes:
    """SHA-256 of a workspace as it is published."""
    return sha256(encode(msgspec.structs.replace(workspace, version=0, published_at=None))).digest()


def names_of(workspace: Workspace) -> list[str]:
    """The names of its journeys."""
    return [journey.name for journey in workspace.journeys]


def _numbers(workspace: Workspace) -> dict[str, int]:
    return {journey.name: journey.revision for journey in workspace.journeys}


def encode(value: Workspace | Journey) -> bytes:
    """The JSON that is stored, always the same for the same value: what is read back is written alike."""
    read = msgspec.json.decode(msgspec.json.encode(value), type=type(value))
    return msgspec.json.encode(read, order="deterministic")
