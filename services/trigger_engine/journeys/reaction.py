"""What a decision amounts to: values that the engine stores in one transaction. No I/O happens here."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec

from services.contracts.message import Message
from services.contracts.reasons import Reason
from services.trigger_engine.profiles.consent import NEEDS_CONSENT


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
    reason: str | None = None
    held_out: bool | None = None


class Timer(msgspec.Struct, gc=False):
    """When to wake; `due` None takes the timer away. A firing counts only for the generation that it was set with."""

    id: bytes
    profile_id: bytes
    due: datetime | None
    generation: int


class Revocation(msgspec.Struct, frozen=True, gc=False):
    """Unsent messages of a profile to take back: those of one entry, or all on a channel (`topic` narrows it)."""

    reason: Reason
    profile_id: bytes
    entry_id: bytes | None = None
    channel: str | None = None
    topic: str | None = None

    def covers(self, message: Message) -> bool:
        """Whether this takes back the message."""
        if self.entry_id is not None:
            return message.entry_id == self.entry_id
        told = message.klass in NEEDS_CONSENT and message.channel == self.channel
        return told and self.topic in (None, message.topic)


class Derived(msgspec.Struct, gc=False):
    """An event that follows from facts, applied at once and published to `wici.outcomes`."""

    id: bytes
    type: str
    time: datetime
    profile_id: bytes
    data: dict[str, Any]


class Reaction(msgspec.Struct):
    """All that follows from one input, or from a batch of them.

    `messages` are by profile; `goals` has, by entry, when its goal was reached, in source time; `joined` are profiles
    that others have become one with, whose alarms must be set anew.
    """

    messages: dict[bytes, list[Message]] = msgspec.field(default_factory=dict)
    revocations: list[Revocation] = msgspec.field(default_factory=list)
    entries: dict[bytes, EntryRow] = msgspec.field(default_factory=dict)
    timers: dict[bytes, Timer] = msgspec.field(default_factory=dict)
    derived: list[Derived] = msgspec.field(default_factory=list)
    goals: dict[bytes, datetime] = msgspec.field(default_factory=dict)
    ended: list[Reason] = msgspec.field(default_factory=list)
    trace: list[tuple[str, Reason]] = msgspec.field(default_factory=list)
    joined: set[bytes] = msgspec.field(default_factory=set)

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
        """Note why a journey or step did nothing."""
        self.trace.append((journey, reason))
