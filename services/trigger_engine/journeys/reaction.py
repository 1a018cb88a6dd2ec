"""What a decision amounts to: values that the engine stores in one transaction. No I/O happens here."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from itertools import chain
from typing import Any, Literal

import msgspec

from services.contracts.message import Message
from services.contracts.reasons import Reason
from services.trigger_engine.journeys.trying import TrialChange
from services.trigger_engine.profiles.consent import NEEDS_CONSENT

Rule = Literal["enter", "exit", "goal"]


class EntryRow(msgspec.Struct, gc=False):
    """An enrolment as the row of `engine.entries` shows it. `held_out` is None where no holdout was asked."""

    id: bytes
    profile_id: bytes
    journey: str
    revision: int
    key: str
    entered_at: datetime
    step: str | None
    ended_at: datetime | None = None
    reason: Reason | None = None
    held_out: bool | None = None


class Note(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """Why an event did nothing in a journey. `rule` is where: enter, exit or goal; `seen` what its condition read, by
    path, beside the event itself, which is on record.
    """  # noqa: D205 -- one thought

    journey: str
    reason: Reason
    rule: Rule = "enter"
    seen: dict[str, Any] | None = None


class Walked(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """What an entry did at a step, at a moment of marketing time: went on otherwise than straight, and why."""

    at: datetime
    step: str
    reason: Reason | None = None
    seen: dict[str, Any] | None = None


class Timer(msgspec.Struct, gc=False):
    """When to wake; `due` None takes the timer away. A firing counts only for the generation that it was set with.

    `paused` is the journey whose pause it waits for, although it is due; `trial` what it waits for to be decided.
    """

    id: bytes
    profile_id: bytes
    due: datetime | None
    generation: int
    paused: str | None = None
    trial: bytes | None = None


class Goal(msgspec.Struct, frozen=True, gc=False):
    """A goal that was reached `at` (source time) by what is called `key`: an order, else the event.

    Of an order, `amount` is its total in ten-thousandths, and `currency` says of what.
    """

    at: datetime
    key: bytes
    amount: int | None = None
    currency: str | None = None


class Revocation(msgspec.Struct, frozen=True, gc=False):
    """Unsent messages of a profile to take back: those of one entry, or all on a channel (`topic` narrows it)."""

    reason: Reason
    profile_id: bytes
    entry_id: bytes | None = None
    channel: str | None = None
    topic: str | None = None

    def covers(self, message: Message) -> bool:
        """Whether this takes back the message."""
        return self.reaches(message.entry_id, message.klass, message.channel, message.topic)

    def reaches(self, entry_id: bytes, klass: str, channel: str, topic: str | None) -> bool:
        """Whether this takes back a message of that entry, class, channel and topic."""
        if self.entry_id is not None:
            return entry_id == self.entry_id
        return klass in NEEDS_CONSENT and channel == self.channel and self.topic in (None, topic)


class Derived(msgspec.Struct, gc=False):
    """An event that follows from facts, applied at once and published to `wici.outcomes`.

    `since` is when its story began, where that is earlier than its time; `trace` is what was noted on it.
    """

    id: bytes
    type: str
    time: datetime
    profile_id: bytes
    data: dict[str, Any]
    since: datetime | None = None
    trace: list[Note] = []


class Reaction(msgspec.Struct):
    """All that follows from one input, or from a batch of them.

    `messages` are by profile, `walked` by entry; `trace` is that of the event being looked at. `goals` has, by entry,
    the earliest goal that was reached, `drawn` the draws that were made and how they fell, `step=way`; `joined` are
    profiles that others have become one with, whose alarms must be set anew. `given_back` are send keys of queued
    messages that do not count under caps any more, if they are taken back in time.
    """

    messages: dict[bytes, list[Message]] = msgspec.field(default_factory=dict)
    revocations: list[Revocation] = msgspec.field(default_factory=list)
    entries: dict[bytes, EntryRow] = msgspec.field(default_factory=dict)
    timers: dict[bytes, Timer] = msgspec.field(default_factory=dict)
    derived: list[Derived] = msgspec.field(default_factory=list)
    goals: dict[bytes, Goal] = msgspec.field(default_factory=dict)
    drawn: dict[bytes, list[str]] = msgspec.field(default_factory=dict)
    ended: list[Reason] = msgspec.field(default_factory=list)
    trace: list[Note] = msgspec.field(default_factory=list)
    walked: dict[bytes, list[Walked]] = msgspec.field(default_factory=dict)
    joined: set[bytes] = msgspec.field(default_factory=set)
    given_back: set[bytes] = msgspec.field(default_factory=set)
    trials: dict[bytes, TrialChange] = msgspec.field(default_factory=dict)

    def say(self, message: Message) -> None:
        """Queue a message."""
        self.messages.setdefault(message.profile_id, []).append(message)

    def revoke(self, revocation: Revocation) -> None:
        """Take back what is unsent: rows of the queue, and what this very batch was about to queue."""
        self.revocations.append(revocation)
        mine = self.messages.get(revocation.profile_id)
        if mine:
            self.messages[revocation.profile_id] = [m for m in mine if not revocation.covers(m)]

    def skip(self, journey: str, reason: Reason) -> None:
        """Note why an event did not enter a journey, or took no effect (no journey)."""
        self.trace.append(Note(journey, reason))

    def note(self, entry_id: bytes, walked: Walked) -> None:
        """Note what an entry did at a step."""
        self.walked.setdefault(entry_id, []).append(walked)

    def reasons(self) -> Iterator[Reason]:
        """Every reason noted or given, to be counted."""
        yield from self.ended
        for note in chain(self.trace, *(one.trace for one in self.derived)):
            yield note.reason
        for walked in chain(*self.walked.values()):
            if walked.reason is not None:
                yield walked.reason
