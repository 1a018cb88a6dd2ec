"""What a reaction amounts to, told to a watcher."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from services.trigger_engine.journeys.reaction import EntryRow, Note, Reaction
from services.trigger_engine.profiles.arrival import Arrival
from services.trigger_engine.virtual.watcher import Watcher


class Told:
    """Tells what happens in the order that a reader expects; `live` are the entries that have not ended, by id."""

    def __init__(self, watcher: Watcher) -> None:
        self._watcher = watcher
        self.live: dict[bytes, EntryRow] = {}

    def tell_notes(self, notes: Iterable[Note], event: Arrival, profile_id: bytes, now: datetime) -> None:
        """Tell why an event did nothing."""
        for note in notes:
            self._watcher.noted(note, event, profile_id, now)

    def tell(self, into: Reaction, now: datetime) -> None:
        """Tell of derived events, and what entries did. Messages are told when they leave."""
        watcher = self._watcher
        for derived in into.derived:
            watcher.derived(derived, now)
            for note in derived.trace:
                watcher.noted(note, derived, derived.profile_id, now)
        for identity, row in into.entries.items():
            if identity not in self.live:
                watcher.entered(row, now)
            self.live[identity] = row
        for identity, steps in into.walked.items():
            watcher.walked(identity, steps, now)
        for identity, goal in into.goals.items():
            watcher.reached(identity, goal.at, now)

    def tell_ends(self, into: Reaction, now: datetime) -> None:
        """Tell whose entries have ended."""
        for identity, row in into.entries.items():
            if row.ended_at is not None:
                del self.live[identity]
                self._watcher.ended(row, now)
