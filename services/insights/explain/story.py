"""All that is on record of what was done for a customer, as `wici explain` tells it: read in one go, decided on later.

Values of events and conditions are as they came; times are UTC.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

import asyncpg
import msgspec

from services.contracts.journey import Journey
from services.contracts.message import State
from services.contracts.policies import braked
from services.contracts.workspace import Workspace
from services.insights.explain import hold
from services.insights.find import Person
from services.kit.database_clock import read_offset
from services.notifier.statuses import KEPT
from services.notifier.suppressions import fingerprints
from services.trigger_engine.journeys.conditions import ConditionError
from services.trigger_engine.journeys.definitions import Definitions, define
from services.trigger_engine.journeys.reaction import Note, Walked
from services.trigger_engine.profiles.state import Profile, load
from services.trigger_engine.store.entries import noted

_PROFILE = "SELECT version, state FROM engine.v_profiles WHERE id = $1"
_EVENTS = """
    SELECT * FROM (
        SELECT id, type, time, received_at, source, data, trace FROM engine.v_events
        WHERE profile_id = ANY($1) AND ($2::timestamptz IS NULL OR time BETWEEN $2 AND $3)
        ORDER BY received_at DESC LIMIT $4) newest
    ORDER BY received_at, time"""
_ENTRIES = """
    SELECT id, journey, revision, key, entered_at, step, ended_at, reason, trace FROM engine.v_entries
    WHERE profile_id = ANY($1) ORDER BY entered_at"""
_TIMERS = "SELECT id, due FROM engine.v_timers WHERE profile_id = ANY($1) ORDER BY due"
_PARKED = "SELECT id, due, reason FROM engine.v_parked WHERE profile_id = ANY($1) ORDER BY due"
_MESSAGES = f"""
    SELECT o.send_key, o.seq, o.entry_id, o.journey, o.step, o.class, o.topic, o.channel, o.template, o.recipient,
        o.created_at, o.expires_at, o.quiet, o.bound_to, o.state, o.reason, o.attempts, o.settled_at,
        a.id AS attempt, coalesce(d.account, a.account) AS account, a.claimed_at, a.turn, a.outcome, a.version,
        d.provider_id, d.status, d.at AS status_at, {", ".join(f"d.{word}_at" for word in KEPT)}
    FROM queue.outbound o
    LEFT JOIN notifier.v_attempts a ON a.id = o.attempt_id
    LEFT JOIN notifier.v_deliveries d ON d.send_key = o.send_key
    WHERE o.profile_id = ANY($1) ORDER BY o.seq"""
_OF_THE_QUEUE = frozenset({"seq", "quiet", "bound_to"})
_PAUSES = "SELECT scope, since, by FROM queue.pauses"
_VERSIONS = "SELECT id, published_at FROM workspace.versions ORDER BY id"
_REVISIONS = """
    SELECT j.document FROM workspace.journeys j JOIN unnest($1::text[], $2::int[]) AS w (name, revision)
    USING (name, revision)"""
_DOCUMENT = "SELECT document FROM workspace.versions WHERE id = $1"
_SUPPRESSIONS = "SELECT channel, address, reason, at FROM notifier.v_suppressions WHERE address = ANY($1)"


class Happened(msgspec.Struct, frozen=True):
    """An event on record. `word` says whose it is and what became of it."""

    id: bytes
    type: str
    time: datetime
    received_at: datetime
    source: str
    data: dict[str, Any]
    trace: list[Note]
    version: int


class Inside(msgspec.Struct, frozen=True):
    """An entry, as far as it went."""

    id: bytes
    journey: str
    revision: int
    key: str
    entered_at: datetime
    step: str | None
    ended_at: datetime | None
    reason: str | None
    walked: list[Walked]
    wakes: datetime | None
    failed: str | None


class Said(msgspec.Struct, frozen=True):
    """A message and what became of it; `blocked` is the suppression that stopped it.

    `heard` has when each word of the provider's came first; `version` is the workspace's that it was composed with.
    `held` is what holds one that waits: a pause, quiet hours, an older message, an account that gave it back.
    """

    send_key: bytes
    entry_id: bytes
    journey: str
    step: str
    klass: str
    topic: str | None
    channel: str
    template: str
    recipient: str
    created_at: datetime
    expires_at: datetime | None
    state: str
    reason: str | None
    attempts: int
    settled_at: datetime | None
    attempt: bytes | None
    account: str | None
    claimed_at: datetime | None
    turn: int | None
    outcome: str | None
    version: int | None
    provider_id: str | None
    status: str | None
    status_at: datetime | None
    heard: dict[str, datetime] = {}
    held: str | None = None
    blocked: list[str] = []


class Story(msgspec.Struct):
    """Everything about one customer. `definitions` by version of the workspace; `published` when each one was."""

    person: Person
    profile: Profile
    now: datetime
    events: list[Happened]
    entries: list[Inside]
    messages: list[Said]
    definitions: dict[int, Definitions]
    published: dict[int, datetime]
    alarms: list[datetime]

    @property
    def current(self) -> Definitions | None:
        """The definitions in force."""
        return self.definitions.get(max(self.published, default=0))


async def read(
    opened: asyncpg.Connection[Any],
    person: Person,
    now: datetime,
    *,
    keys: Sequence[str] = (),
    between: tuple[datetime, datetime] | None = None,
    most: int = 500,
) -> Story:
    """Read the newest `most` events, those of `between` if given, and everything else."""
    mine = person.every
    row = await opened.fetchrow(_PROFILE, person.profile)
    assert row is not None  # noqa: S101 -- find() has seen it
    published = {r["id"]: r["published_at"] for r in await opened.fetch(_VERSIONS)}
    since, until = between or (None, None)
    events = [_event(r, published) for r in await opened.fetch(_EVENTS, mine, since, until, most)]
    timers = {r["id"]: r["due"] for r in await opened.fetch(_TIMERS, mine)}
    failed = {r["id"]: r["reason"] for r in await opened.fetch(_PARKED, mine)}
    entries = [_entry(r, timers, failed) for r in await opened.fetch(_ENTRIES, mine)]
    definitions = await _definitions(opened, {e.version for e in events} | {max(published, default=0)}, entries)
    known = {entry.id for entry in entries}
    ahead = await read_offset(opened)
    current = definitions.get(max(published, default=0))
    classes = braked(current.settings.policies.brake if current else None)
    return Story(
        person=person, profile=load(row["state"], row["version"]), now=now, events=events, entries=entries,
        messages=await _messages(opened, mine, keys, classes, now + ahead), definitions=definitions,
        published=published, alarms=[due for timer, due in timers.items() if timer not in known],
    )  # fmt: skip


def _event(row: Any, published: Mapping[int, datetime]) -> Happened:
    trace = msgspec.msgpack.decode(row["trace"], type=list[Note]) if row["trace"] else []
    version = max((v for v, at in published.items() if at <= row["received_at"]), default=0)
    return Happened(
        row["id"], row["type"], row["time"], row["received_at"], row["source"],
        msgspec.json.decode(row["data"] or b"{}"), trace, version,
    )  # fmt: skip


def _entry(row: Any, timers: Mapping[bytes, datetime], failed: Mapping[bytes, str]) -> Inside:
    return Inside(
        row["id"], row["journey"], row["revision"], row["key"], row["entered_at"], row["step"], row["ended_at"],
        row["reason"], noted(row["trace"]), timers.get(row["id"]), failed.get(row["id"]),
    )  # fmt: skip


async def _definitions(
    opened: asyncpg.Connection[Any], versions: set[int], entries: Sequence[Inside]
) -> dict[int, Definitions]:
    """The versions of the workspace that were in force, with the revisions that entries pin in each of them."""
    pinned = sorted({(entry.journey, entry.revision) for entry in entries})
    names, numbers = [name for name, _ in pinned], [number for _, number in pinned]
    older = [msgspec.json.decode(r[0], type=Journey) for r in await opened.fetch(_REVISIONS, names, numbers)]
    found = {}
    for version in sorted(versions - {0}):
        document = await opened.fetchval(_DOCUMENT, version)
        workspace = msgspec.structs.replace(msgspec.json.decode(document, type=Workspace), version=version)
        try:
            found[version] = define(workspace, older)
        except ConditionError:
            found[version] = define(workspace)
    return found


async def _messages(
    opened: asyncpg.Connection[Any], mine: Sequence[bytes], keys: Sequence[str], classes: Collection[str], now: datetime
) -> list[Said]:
    """The messages, oldest first; `classes` are what the brake holds, `now` is marketing time."""
    rows = await opened.fetch(_MESSAGES, mine)
    pauses = {r["scope"]: r for r in await opened.fetch(_PAUSES)}
    addresses = {r["send_key"]: fingerprints(r["channel"], r["recipient"], keys) for r in rows if r["recipient"]}
    asked = [one for found in addresses.values() for one in found]
    blocks = await opened.fetch(_SUPPRESSIONS, asked) if asked else []
    waits = {row["send_key"]: hold.itself(row, pauses, classes, now) for row in rows if row["state"] == State.QUEUED}
    said = []
    for row in rows:
        fields = {name: value for name, value in row.items() if name not in _OF_THE_QUEUE}
        heard = {word: at for word in KEPT if (at := fields.pop(f"{word}_at")) is not None}
        fields["klass"], fields["state"] = fields.pop("class"), State(row["state"]).name.lower()
        held = waits.get(row["send_key"]) or hold.before(row, rows, waits) or hold.account(row)
        blocked = [
            f"{b['reason']} at {b['at']:%Y-%m-%d %H:%M}"
            for b in blocks
            if b["channel"] == row["channel"] and b["address"] in addresses.get(row["send_key"], ())
        ]
        said.append(Said(**fields, heard=heard, held=held, blocked=blocked))
    return said
