"""Who an event is about, among the customers at hand: found, made, or made one from several. Pure.

The engine gives it the rows of one transaction (people.py), the virtual world everybody it knows.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from services.contracts import ids
from services.contracts.reasons import Reason
from services.trigger_engine.journeys import alarms
from services.trigger_engine.journeys.reaction import EntryRow, Reaction, Timer
from services.trigger_engine.profiles.arrival import Arrival
from services.trigger_engine.profiles.identifiers import beyond_caps, choose
from services.trigger_engine.profiles.merge import merge
from services.trigger_engine.profiles.state import Identifier, Profile

NOBODY = b""  # whom a name leads to that is new or was forgotten


class Crowd:
    """Customers, whose names are whose (`rows`), and what has changed about that.

    Whoever asks `who` has filled `rows` for every name of the event: the profile that bears it, one that is to be, or
    NOBODY.
    """

    def __init__(self) -> None:
        self.rows: dict[Identifier, bytes] = {}
        self.profiles: dict[bytes, Profile] = {}
        self.created: dict[bytes, Profile] = {}
        self.merged: dict[bytes, bytes] = {}
        self.moved: dict[Identifier, bytes] = {}
        self.robbed: dict[bytes, Profile] = {}
        self.forgotten: set[Identifier] = set()

    def who(self, arrival: Arrival, into: Reaction, now: datetime) -> Profile:
        """The profile that an event is about: found, made, or made one from several."""
        rows, profiles = self.rows, self.profiles
        names = arrival.identifiers
        first = profiles.get(rows[names[0]])
        if first is not None and all(map(first.identifiers.__contains__, names)):
            return first
        owners: dict[Identifier, Profile] = {}
        for name in names:
            profile = profiles.get(self.now(rows[name]))
            if profile is not None and name in profile.identifiers:  # what was only claimed for it leads to nobody
                owners[name] = profile
        keeper, others = choose(names, owners)
        if keeper is None:
            keeper = self._create(arrival)
        for other in others:
            self._merge(keeper, other, into, now)
        since = int(arrival.time.timestamp())
        for name in names:
            if name not in keeper.identifiers or rows[name] != keeper.id:
                self._give(name, keeper, since)
        self._forget(beyond_caps(keeper, names), keeper)
        return keeper

    def now(self, profile_id: bytes) -> bytes:
        """The id that a profile has after the merges so far."""
        if not self.merged:
            return profile_id
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
        """A profile at hand by an id that it has or had; None when there is none such any more."""
        return self.profiles.get(self.now(profile_id))

    def stored(self) -> None:
        """What has changed so far is stored."""
        for changed in (self.created, self.moved, self.robbed):
            changed.clear()
        self.forgotten.clear()

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
            row.ended_at, row.reason, row.held_out = now, Reason.MERGED_AWAY, entry.held
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
