"""Who a batch is about: identifiers resolved and taken, profiles locked. Who is who, journeys/crowd.py decides.

Lock order: new identifiers are taken first, sorted; then profiles are locked, sorted by id; everything else is written
only under its profile's lock.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from services.contracts import ids
from services.kit.database.pool import Connection
from services.trigger_engine.journeys.crowd import Crowd
from services.trigger_engine.memory import Memory
from services.trigger_engine.profiles.arrival import Arrival
from services.trigger_engine.profiles.state import Identifier, Profile
from services.trigger_engine.store import profiles as store


class Stale(Exception):  # noqa: N818 -- what has happened
    """What was remembered of these profiles is no longer so: forget them and begin the batch again."""

    def __init__(self, profiles: Iterable[bytes]) -> None:
        super().__init__()
        self.profiles = set(profiles)


class People(Crowd):
    """The customers of one transaction."""

    def __init__(self, connection: Connection, memory: Memory, known: Mapping[Identifier, bytes]) -> None:
        super().__init__()
        self._connection = connection
        self._memory = memory
        self._known = known
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

    def _forget(self, names: Sequence[Identifier], profile: Profile) -> None:
        super()._forget(names, profile)
        for name in names:
            self._memory.owners.pop(name, None)
