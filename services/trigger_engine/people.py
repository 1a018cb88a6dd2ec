"""Who a batch is about: identifiers resolved, profiles locked, merged and moved.

Lock order: new identifiers are taken first, sorted; then profiles are locked, sorted by id; everything else is written
only under its profile's lock.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from services.contracts import ids
from services.contracts.reasons import Reason
from services.kit.database.pool import Connection
from services.trigger_engine.journeys import alarms
from services.trigger_engine.journeys.reaction import EntryRow, Reaction, Timer
from services.trigger_engine.memory import Memory
from services.trigger_engine.profiles.arrival import Arrival
from services.trigger_engine.profiles.identifiers import beyond_caps, choose
from services.trigger_engine.profiles.merge import merge
from services.trigger_engine.profiles.state import Identifier, Profile
from services.trigger_engine.store import profiles as store

NOBODY = b""  # whom a name leads to that was forgotten in this transaction


class Stale(Exception):  # noqa: N818 -- what has happened
    """What was remembered of these profiles is no longer so: forget them and begin the batch again."""

    def __init__(self, profiles: Iterable[bytes]) -> None:
        super().__init__()
        self.profiles = set(profiles)


class People:
    """The customers of one transaction."""

    def __init__(self, connection: Connection, memory: Memory, known: Mapping[Identifier, bytes]) -> None:
        self._connection = connection
        self._memory = memory
        self._known = known
        self.rows: dict[Identifier, bytes] = {}
        self.profiles: dict[bytes, Profile] = {}
        self.created: dict[bytes, Profile] = {}
        self.merged: dict[bytes, bytes] = {}
        self.moved: dict[Identifier, bytes] = {}
        self.robbed: dict[bytes, Profile] = {}
        self.forgotten: set[Identifier] = set()
        self._fresh: set[bytes] = set()
        self._claimed: set[Identifier] = set()

    def look_up(self, arrivals: Sequence[Arrival]) -> dict[Identifier, bytes]:
        """Find whose identifiers these are. Returns those that nobody has, with the profiles to take them."""
        new: dict[Identifier, bytes] = {}
        rows, owners, known = self.rows, self._memory.owners, self._known
        for arrival in arrivals:
            owner = None
            unknown = []
            for name in arrival.identifiers:
                found = rows.get(name)
                if found is None:
                    found = owners.get(name) or known.get(name)
                    if found is None:
                        unknown.append(name)
                        continue
                    rows[name] = found
                owner = owner or found
            if unknown:
                owner = owner or self._make_up(arrival)
                for name in unknown:
                    rows[name] = new[name] = owner
        return new

    async def claim(self, new: Mapping[Identifier, bytes]) -> None:
        """Take identifiers that nobody has."""
        rows = self.rows
        taken = await store.claim(self._connection, new)
        self._claimed = new.keys() - taken
        if taken:
            rows.update(await store.find(self._connection, taken))

    def _make_up(self, arrival: Arrival) -> bytes:
        profile_id = ids.profile(arrival.id, 0)
        self._fresh.add(profile_id)
        return profile_id

    async def lock(self, others: Iterable[bytes]) -> None:
        """Lock everybody known, and those of timers and receipts. Stale if somebody is no longer who they were."""
        mine = set(self.rows.values()) - self._fresh
        remembered = self._memory.profiles
        self.profiles = await store.lock(self._connection, {i: remembered.get(i) for i in mine | set(others)})
        wrong = {owner for owner in mine if owner not in self.profiles}
        for name, owner in self.rows.items():
            profile = self.profiles.get(owner)
            if profile is not None and name not in profile.identifiers and name not in self._claimed:
                wrong.add(owner)
        if wrong:
            raise Stale(wrong)

    def who(self, arrival: Arrival, into: Reaction, now: datetime) -> Profile:
        """The profile that an event is about: found, made, or made one from several."""
        rows, profiles = self.rows, self.profiles
        names = arrival.identifiers
        first = profiles.get(rows[names[0]])
        if first is not None and all(name in first.identifiers for name in names):
            return first
        owners: dict[Identifier, Profile] = {}
        for name in names:
            profile = profiles.get(self.now(rows[name]))
            if profile is not None:
                owners[name] = profile
        keeper, others = choose(names, owners)
        if keeper is None:
            keeper = self._create(arrival)
        for other in others:
            self._merge(keeper, other, into, now)
        for name in names:
            if name not in keeper.identifiers or rows[name] != keeper.id:
                self._give(name, keeper, int(arrival.time.timestamp()))
        self._forget(beyond_caps(keeper, names), keeper)
        return keeper

    def now(self, profile_id: bytes) -> bytes:
        """The id that a profile has after the merges of this batch."""
        found = profile_id
        while found in self.merged:
            found = self.merged[found]
        while profile_id != found:  # so that a long chain is walked once
            self.merged[profile_id], profile_id = found, self.merged[profile_id]
        return found

    def become(self) -> dict[bytes, bytes]:
        """Of every profile merged away, the id of the one that keeps it in the end."""
        return {old: self.now(old) for old in self.merged}

    def find(self, profile_id: bytes) -> Profile | None:
        """A profile of this transaction by an id that it has or had; None when there is none such any more."""
        return self.profiles.get(self.now(profile_id))

    def _create(self, arrival: Arrival) -> Profile:
        profile = Profile(ids.profile(arrival.id, 0), created_at=arrival.time)
        self.profiles[profile.id] = self.created[profile.id] = profile
        return profile

    def _forget(self, names: Sequence[Identifier], profile: Profile) -> None:
        """Let go of names that a profile has too many of: they are nobody's from now on."""
        for name in names:
            del profile.identifiers[name]
            self.rows[name] = NOBODY
            self.moved.pop(name, None)
            self.forgotten.add(name)
            self._memory.owners.pop(name, None)

    def _give(self, name: Identifier, keeper: Profile, since: int) -> None:
        """An identifier comes to a profile, from another one where it had one."""
        row = self.rows[name]
        before = self.profiles.get(self.now(row))
        if before is not None and before is not keeper:
            before.identifiers.pop(name, None)
            self.robbed[before.id] = before
        keeper.identifiers[name] = since
        self.forgotten.discard(name)
        if row != keeper.id:
            self.rows[name] = self.moved[name] = keeper.id

    def _merge(self, keeper: Profile, other: Profile, into: Reaction, now: datetime) -> None:
        for entry in merge(keeper, other):
            row = EntryRow(entry.id, keeper.id, entry.journey, entry.revision, entry.key, entry.entered_at, entry.step)
            row.ended_at, row.reason, row.held_out = now, Reason.MERGED_AWAY.value, entry.held
            into.entries[entry.id] = row
            into.timers[entry.id] = Timer(entry.id, keeper.id, None, entry.generation)
        for entry in keeper.entries:
            if entry.wake is not None:
                into.timers[entry.id] = Timer(entry.id, keeper.id, entry.wake, entry.generation)
        alarms.join(keeper, other, into)
        for name in other.identifiers:
            self.rows[name] = self.moved[name] = keeper.id
        if other.id in into.messages:
            into.messages.setdefault(keeper.id, []).extend(into.messages.pop(other.id))
        self.merged[other.id] = keeper.id
        del self.profiles[other.id]
        self.created.pop(other.id, None)
