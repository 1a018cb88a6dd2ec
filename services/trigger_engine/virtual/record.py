"""What has happened, in memory, as far as later events may ask for it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from itertools import chain

from services.trigger_engine.journeys import deriving, in_flight, looking_back
from services.trigger_engine.journeys.definitions import Definitions
from services.trigger_engine.journeys.reaction import Reaction, Timer
from services.trigger_engine.journeys.turn import Past
from services.trigger_engine.profiles import windows
from services.trigger_engine.profiles.arrival import Arrival
from services.trigger_engine.profiles.state import Profile


class Record:
    """What `engine.events` holds: by profile, everything with `keeps_all`, else what exits, goals and waits hear.

    Where entries may be moved to another revision, also which messages and entries each customer had.
    """

    def __init__(self, *, keeps_all: bool) -> None:
        self._keeps_all = keeps_all
        self._events: dict[bytes, list[Arrival]] = {}
        self._done: dict[bytes, set[bytes]] = {}

    def put(self, profile_id: bytes, event: Arrival, definitions: Definitions) -> None:
        """Put an event on record."""
        if self._keeps_all or event.type in definitions.listened:
            self._events.setdefault(profile_id, []).append(event)

    def begin(self, profile: Profile, past: Iterable[Arrival]) -> None:
        """Put on record what happened to a customer before."""
        self._events[profile.id] = list(past)

    def forget(self, profile: Profile) -> None:
        """Forget a customer's events."""
        for one in (profile.id, *profile.formerly):
            self._events.pop(one, None)
            self._done.pop(one, None)

    def note_done(self, into: Reaction, definitions: Definitions) -> None:
        """Remember what was said and entered."""
        if self._keeps_all or definitions.changes:
            for profile_id, messages in into.messages.items():
                self._done.setdefault(profile_id, set()).update(one.send_key for one in messages)
            for row in into.entries.values():
                self._done.setdefault(row.profile_id, set()).add(row.id)

    def done(self, profile: Profile, definitions: Definitions) -> frozenset[bytes]:
        """What was said and entered by a customer of whom an entry has come from another revision; mostly none has."""
        if not self._done or not profile.entries or not in_flight.moves(profile, definitions):
            return frozenset()
        return frozenset().union(*(self._done.get(one, ()) for one in (profile.id, *profile.formerly)))

    def before(self, profile: Profile, event: Arrival, definitions: Definitions) -> list[Past]:
        """What an event that comes late must know."""
        ends = definitions.overtakers.get(event.type)
        types = looking_back.overtaken_by(ends, profile, event.time) if ends is not None else None
        return self._past(profile, types, event.time) if types else []

    def behind(self, profile: Profile, timer: Timer, definitions: Definitions) -> list[Past]:
        """What an alarm must know that derives something whose story began earlier."""
        story = deriving.since(profile, timer.id, timer.generation, definitions.rules)
        if story is None or story[0] not in definitions.overtakers:
            return []
        types = looking_back.overtaken_by(definitions.overtakers[story[0]], profile, story[1])
        return self._past(profile, types, story[1])

    def catch_up(self, profile: Profile, definitions: Definitions, now: datetime) -> None:
        """Begin numbers over windows that have come into use."""
        uses = definitions.uses
        if not uses.measures or not windows.is_behind(profile, uses):
            return
        since = now - timedelta(seconds=max(one.unit * (width + 1) for one, width in uses.measures.items()))
        past = [one for one in self._of(profile) if one.type in uses.by_type and one.time >= since]
        windows.catch_up(profile, sorted(past, key=lambda one: (one.time, one.id)), uses, now)

    def _past(self, profile: Profile, types: set[str], since: datetime) -> list[Past]:
        mine = (one for one in self._of(profile) if one.type in types and one.time >= since)
        return [Past(one.type, one.time, one.fields) for one in mine]

    def _of(self, profile: Profile) -> Iterator[Arrival]:
        return chain.from_iterable(self._events.get(one, ()) for one in (profile.id, *profile.formerly))
