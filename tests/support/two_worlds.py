"""The same story told twice: to the engine's transactions on PostgreSQL, and to the virtual world in memory."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import msgspec

from services.contracts import topics
from services.contracts.message import Message, State
from services.contracts.reasons import Reason
from services.contracts.workspace import Workspace
from services.kit.bus import Batch, Record
from services.trigger_engine.changed import Changed
from services.trigger_engine.fan_out import FanOuts
from services.trigger_engine.intake import decode
from services.trigger_engine.journeys.definitions import define
from services.trigger_engine.journeys.reaction import EntryRow
from services.trigger_engine.journeys.segments import digest_of
from services.trigger_engine.memory import Memory
from services.trigger_engine.people import Stale
from services.trigger_engine.profiles.state import Profile, load
from services.trigger_engine.schedule import Schedules
from services.trigger_engine.store import entries, profiles, trials
from services.trigger_engine.transaction import Work
from services.trigger_engine.virtual import Watcher, World
from tests.support.engine import LogRecord
from tests.support.town import SECRET, TOPICS, Desk, Town

SHARDS = tuple(range(12))
NEXT = """
    SELECT min(due) FROM engine.timers t
    WHERE NOT EXISTS (
        SELECT FROM queue.pauses p WHERE t.paused IS NOT NULL AND p.scope IN ('all', 'journey:' || t.paused))
    """
TABLES = (
    "engine.profiles", "engine.identifiers", "engine.aliases", "engine.consents", "engine.entries", "engine.timers",
    "engine.events", "engine.products", "engine.interests", "engine.fan_outs", "engine.schedules", "engine.erased",
    "engine.outcomes", "engine.trials", "engine.trial_arms",
    "workspace.journeys", "queue.pauses", "queue.outbound", "queue.receipts",
)  # fmt: skip


class Live:
    """The engine, one transaction after the other; whatever is queued leaves when `leaves` says so."""

    def __init__(self, place: Town, workspace: Workspace, *, first: int, holds: bool) -> None:
        self._place, self._holds = place, holds
        self._workspace = workspace
        self._memory = Memory()
        self._desk = Desk(place, msgspec.structs.replace(workspace, version=1), self._memory)
        self._schedules = Schedules(place.pool, place.clock, lambda: self._desk.definitions)
        self.offset = first
        self._read: dict[int, int] = {}

    async def begin(self) -> None:
        """Nobody has ever been here."""
        for table in TABLES:
            await self._place.pool.execute(f"DELETE FROM {table}")
        await self._publish(self._workspace)
        await self._schedules.look()
        await self._new_records()

    async def tell(self, *told: tuple[bytes, tuple[tuple[str, bytes], ...]]) -> None:
        """Take in records as one batch, and what it has caused for others."""
        await self._take_in(*told)
        await self._fan_out()

    async def _take_in(self, *told: tuple[bytes, tuple[tuple[str, bytes], ...]]) -> None:
        now = int(self._place.clock.now().timestamp() * 1000)
        records: list[Any] = [
            LogRecord(value, 0, self.offset + i, now, headers=headers) for i, (value, headers) in enumerate(told)
        ]
        await self._commit(
            await self._desk.prepare_batch(Batch(records, {0: self.offset + len(records)}), {0: self.offset})
        )
        self.offset += len(records)

    async def until(self, end: datetime, *, inclusive: bool) -> None:
        """Let time pass, from timer to timer."""
        while True:
            timer, campaign = await self._place.pool.fetchval(NEXT), await self._next_campaign()
            due = min((one for one in (timer, campaign) if one is not None), default=None)
            if due is None or due > end or (due == end and not inclusive):
                break
            self._move(due)
            if due != timer:
                await self._schedules.look()
                await self._fan_out()
                continue
            async with self._place.pool.acquire() as connection:
                found = await entries.due(connection, SHARDS, None, due, 1_000)
                found += [one for one in await entries.resumed(connection, SHARDS, 1_000) if one.due <= due]
            await self._commit(Work(timers=found))
        self._move(end)

    async def _next_campaign(self) -> datetime | None:
        """When a time of a schedule comes, or customers are to be told of one that has come."""
        due = await self._place.pool.fetchval("SELECT min(due_at) FROM engine.fan_outs")
        coming = self._schedules.next if self._desk.definitions.campaigns else None
        return min((one for one in (due, coming) if one is not None), default=None)

    async def receipt(self, key: bytes, kind: str, **data: Any) -> None:
        """Hear what became of a message."""
        await self._leave(key, kind, data)
        await self._hear()

    async def follow(self, workspace: Workspace) -> None:
        """Other definitions are published: what they say of those inside is done, and everybody is visited."""
        version = self._desk.definitions.version + 1
        self._desk.definitions = definitions = define(msgspec.structs.replace(workspace, version=version))
        await self._publish(workspace)
        await self._schedules.look()
        changed = Changed(
            self._place.pool, self._place.clock, lambda: definitions, TOPICS, (SECRET,), lambda _: self._memory.clear()
        )
        while await changed.step():
            await self._released()
        rows = await self._place.pool.fetch("SELECT id FROM engine.profiles ORDER BY id")
        await self._commit(Work(visits={row[0]: () for row in rows}))

    async def pause(self, scopes: Sequence[str]) -> None:
        """These are paused and nothing else."""
        await self._place.pool.execute("DELETE FROM queue.pauses")
        await self._place.pool.executemany(
            "INSERT INTO queue.pauses VALUES ($1, $2, 'test')", [(one, self._place.clock.now()) for one in scopes]
        )

    async def _publish(self, workspace: Workspace) -> None:
        await self._place.pool.executemany(
            "INSERT INTO workspace.journeys (name, revision, digest, document) VALUES ($1, $2, '', $3)",
            [(one.name, one.revision, msgspec.json.encode(one)) for one in workspace.journeys],
        )

    async def release(self) -> None:
        """Let every queued message leave, the oldest first."""
        while True:
            rows = await self._place.pool.fetch(
                "UPDATE queue.outbound SET state = $1 WHERE state = 0 RETURNING send_key, seq", State.ACCEPTED
            )
            if not rows:
                return
            for key, _ in sorted(rows, key=lambda row: row[1]):
                await self._leave(key, "accepted", {})
            await self._hear()

    async def outcome(self) -> dict[str, Any]:
        """Everything that is to be the same."""
        fetch = self._place.pool.fetch
        people = await fetch("SELECT id, state FROM engine.profiles")
        messages = await fetch(
            "SELECT send_key, journey, step, channel, class, template, recipient, created_at, context, state, reason"
            " FROM queue.outbound"
        )
        ended = await fetch(
            "SELECT id, journey, revision, key, step, entered_at, ended_at, reason, held_out FROM engine.entries"
        )
        timers = await fetch("SELECT id, due, generation FROM engine.timers")
        return {
            "messages": sorted((*row[:8], msgspec.json.decode(row[8] or b"null") if row[9] < 13 else None, row[9] < 13,
                                row[10]) for row in messages),
            "entries": sorted(tuple(row) for row in ended),
            "profiles": {row[0]: comparable(load(row[1], 0)) for row in people},
            "timers": sorted(tuple(row) for row in timers),
        }  # fmt: skip

    async def _commit(self, work: Work) -> None:
        async with self._place.pool.acquire() as connection:
            work.paused = await entries.paused(connection)
        try:
            await self._desk.commit(work)
        except Stale:  # as the engine does: forget, look up again, begin anew
            self._memory.clear()
            names = {name for arrival in work.arrivals for name in arrival.identifiers}
            async with self._place.pool.acquire() as connection:
                work.known = await profiles.find(connection, names)
            await self._desk.commit(work)
        async with self._place.pool.acquire() as connection:
            await trials.wake(connection, self._place.clock.now(), 1_000)
        await self._released()

    async def _released(self) -> None:
        if not self._holds:
            await self.release()

    def _move(self, to: datetime) -> None:
        if to > self._place.clock.now():
            self._place.clock.move(to - self._place.clock.now())

    async def _leave(self, key: bytes, kind: str, data: dict[str, Any]) -> None:
        await self._place.pool.execute(
            "INSERT INTO queue.receipts (send_key, profile_id, entry_id, journey, step, channel, kind, at, data)"
            " SELECT send_key, profile_id, entry_id, journey, step, channel, $1, $2, $3 FROM queue.outbound"
            " WHERE send_key = $4", kind, self._place.clock.now(), msgspec.json.encode(data), key,
        )  # fmt: skip

    async def _hear(self) -> None:
        while await self._place.count("queue.receipts"):
            await self._commit(Work(hear=True, shards=SHARDS))

    async def _fan_out(self) -> None:
        """Work off what is due; its records are taken in as they stand in the log, all before the next chunk."""
        fan_outs = FanOuts(
            self._place.pool, await self._place.bus.producer(), self._place.clock, lambda: self._desk.definitions,
            topics.EVENTS, (SECRET,),
        )  # fmt: skip
        while await self._place.count("engine.fan_outs WHERE due_at <= $1", self._place.clock.now()):
            async with self._place.pool.acquire() as connection:
                await fan_outs.chunk(connection)
            for one in await self._new_records():
                await self._take_in((one.value or b"", tuple(one.headers)))

    async def _new_records(self) -> list[Record]:
        found: list[Record] = []
        for partition in range(self._place.partitions):
            new = await self._place.bus.read(topics.EVENTS, partition, self._read.get(partition, 0), 10_000)
            self._read[partition] = self._read.get(partition, 0) + len(new)
            found += new
        return found


class Pure(Watcher):
    """The virtual world, and all that it has told."""

    def __init__(self, workspace: Workspace, start: datetime, *, first: int, holds: bool) -> None:
        self.world = World(define(workspace), start, self, holds=holds, keeps_all=True)
        self.sent_: list[Message] = []
        self._stopped: dict[bytes, tuple[Message, Reason]] = {}
        self._entries: dict[bytes, EntryRow] = {}
        self._offset = first
        self._gone: set[bytes] = set()

    def erased(self, profile: Profile, at: datetime) -> None:  # noqa: ARG002
        gone = {profile.id, *profile.formerly}
        self._entries = {key: row for key, row in self._entries.items() if row.profile_id not in gone}
        told = [*self.sent_, *(message for message, _ in self._stopped.values())]
        self._gone |= {one.send_key for one in told if one.profile_id in gone}

    def sent(self, message: Message, at: datetime) -> None:
        assert at == self.world.now
        self.sent_.append(message)

    def stopped(self, message: Message, reason: Reason, at: datetime) -> None:  # noqa: ARG002
        self._stopped[message.send_key] = (message, reason)

    def entered(self, entry: EntryRow, at: datetime) -> None:
        assert entry.id not in self._entries
        assert entry.entered_at == at
        self._entries[entry.id] = entry

    def ended(self, entry: EntryRow, at: datetime) -> None:
        assert entry.ended_at == at
        self._entries[entry.id] = entry

    def tell(self, value: bytes) -> None:
        """Take in a record."""
        world = self.world
        record = LogRecord(value, 0, self._offset, int(world.now.timestamp() * 1000))
        self._offset += 1
        world.tell(decode(record, (), world.definitions.schemas, world.now, world.definitions.region))

    def follow(self, workspace: Workspace) -> None:
        """Other definitions are published, and everybody is visited."""
        world, before = self.world, self.world.definitions
        world.follow(define(workspace))
        if digest_of(before) == digest_of(world.definitions):
            for one in list(world.profiles.values()):
                world.visit(one)

    def outcome(self) -> dict[str, Any]:
        """Everything that is to be the same."""
        told = [(m, None) for m in self.sent_] + list(self._stopped.values())
        told += [(m, None) for m in self.world.queue.values()]
        rows = {**self._entries, **self.world.live}
        return {
            "messages": sorted(
                (m.send_key, m.journey, m.step, m.channel, m.klass, m.template,
                 "" if m.send_key in self._gone else m.recipient, m.created_at,
                 None if reason or m.send_key in self._gone else plain(m.context), reason is None,
                 reason and reason.value)
                for m, reason in told
            ),
            "entries": sorted(
                (r.id, r.journey, r.revision, r.key, r.step, r.entered_at, r.ended_at, r.reason, r.held_out)
                for r in rows.values()
            ),
            "profiles": {one.id: comparable(one) for one in self.world.profiles.values()},
            "timers": sorted((t.id, t.due, t.generation) for t in self.world._timers._timers.values()),
        }  # fmt: skip


def comparable(profile: Profile) -> Any:
    """A profile's whole state."""
    return msgspec.to_builtins(msgspec.structs.replace(profile, version=0))


def plain(context: dict[str, Any]) -> Any:
    """What a message carries, as it is stored."""
    return msgspec.json.decode(msgspec.json.encode(context))
