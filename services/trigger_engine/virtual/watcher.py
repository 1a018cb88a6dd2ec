"""Who is told what happens in a virtual world."""

from __future__ import annotations

from datetime import datetime

from services.contracts.message import Message
from services.contracts.reasons import Reason
from services.trigger_engine.journeys.reaction import Derived, EntryRow, Note, Walked
from services.trigger_engine.profiles.arrival import Arrival
from services.trigger_engine.profiles.state import Profile


class Watcher:
    """Does nothing: a subclass says what to do with what it wants to know. `at` is the world's time.

    An entry is told before what it does: `entered`, then what it has `walked` and said, then `ended`, if it has.
    `explains` is whether the notes on events are to say what their conditions have seen.
    """

    explains = True

    def sent(self, message: Message, at: datetime) -> None:
        """A message leaves; webhooks are messages too."""

    def stopped(self, message: Message, reason: Reason, at: datetime) -> None:
        """A queued message does not leave: it was taken back, or the gate has refused it."""

    def entered(self, entry: EntryRow, at: datetime) -> None:
        """Somebody enters a journey; `held_out` entries say nothing and end at once."""

    def ended(self, entry: EntryRow, at: datetime) -> None:
        """An entry has ended, for `reason`."""

    def walked(self, entry_id: bytes, steps: list[Walked], at: datetime) -> None:
        """An entry has done otherwise than go straight on: arms taken, waits, what was not said and why."""

    def reached(self, entry_id: bytes, goal_at: datetime, at: datetime) -> None:
        """An entry's goal was reached at `goal_at` (source time)."""

    def noted(self, note: Note, event: Arrival | Derived, profile_id: bytes, at: datetime) -> None:
        """Why an event did nothing in a journey, or nothing at all (then the journey is empty)."""

    def derived(self, one: Derived, at: datetime) -> None:
        """An event follows from others."""

    def erased(self, profile: Profile, at: datetime) -> None:
        """A customer is erased, with everything that belongs to the profile."""

    def changed(self, profile: Profile, at: datetime) -> None:
        """Something has happened to a customer: this is the profile now, to be read, not kept."""
