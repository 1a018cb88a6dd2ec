"""What was said to whom and when, and why events entered nothing, beside the flows: all that the report asks for."""

# ruff: noqa: ARG002, D102 -- watcher.py says what it is told, which is more than is kept

from __future__ import annotations

from collections import Counter
from datetime import datetime
from typing import NamedTuple

from services.cli.simulate.flow import Flows
from services.contracts.message import Message
from services.trigger_engine.journeys.compiled import Compiled
from services.trigger_engine.journeys.reaction import Derived, Note
from services.trigger_engine.profiles.arrival import Arrival


class Said(NamedTuple):
    """A message as it has left."""

    at: datetime
    message: Message


class Seen(Flows):
    """The flows; the messages, in order; why events did nothing, by (journey, reason)."""

    def __init__(self, journeys: dict[str, Compiled]) -> None:
        super().__init__(journeys)
        self.said: list[Said] = []
        self.unheard: Counter[tuple[str, str]] = Counter()

    def sent(self, message: Message, at: datetime) -> None:
        super().sent(message, at)
        self.said.append(Said(at, message))

    def noted(self, note: Note, event: Arrival | Derived, profile_id: bytes, at: datetime) -> None:
        self.unheard[note.journey, note.reason.value] += 1
