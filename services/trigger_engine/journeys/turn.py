"""What one decision is made with, beside the customer's profile: passed whole through every layer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import msgspec

from services.trigger_engine.journeys.conditions import Condition
from services.trigger_engine.journeys.definitions import Definitions
from services.trigger_engine.journeys.reaction import Reaction
from services.trigger_engine.journeys.trying import Standing
from services.trigger_engine.profiles.state import Entry


class Past(msgspec.Struct, gc=False):
    """An event already recorded, for an entering event that comes late."""

    type: str
    time: datetime
    fields: dict[str, Any]


class Starting(msgspec.Struct, gc=False):
    """A journey to enter, on behalf of an entry at its step `step`; `depth` counts starts that led to one another."""

    entry: Entry
    step: str
    journey: str
    depth: int


class Turn(msgspec.Struct):
    """What one decision is made with.

    `now` is marketing time; `into` collects what follows. `past` holds recorded events of the customer that exits,
    goals and waits listen to; `held` is set where a timer was held too long; `starts` are yet to be done. `unclaimed`
    are queued messages that caps count, by send key, with their entries. `done` are the messages and entries that those
    who were moved to another revision have made before. `paused` are scopes as in
    `queue.pauses`, but `brake:NAME` for a journey that the brake has paused. `trials` are what splits have tried out so
    far, kept up to date while decisions are made; `moved` is set where days of the customer's own may have moved.
    `explains` is not set where notes need not say what was seen.
    """

    definitions: Definitions
    now: datetime
    into: Reaction
    past: Sequence[Past] = ()
    held: bool = False
    starts: list[Starting] = []
    depth: int = 0
    unclaimed: Mapping[bytes, bytes] = {}
    done: frozenset[bytes] = frozenset()
    paused: frozenset[str] = frozenset()
    trials: dict[bytes, Standing] = {}
    moved: bool = False
    explains: bool = True

    def seen(self, condition: Condition, env: Mapping[str, Any]) -> dict[str, Any] | None:
        """What a condition has read, to be noted with what it has refused; None where nobody asks."""
        return condition.seen(env) if self.explains else None

    def pauses(self, journey: str) -> bool:
        """Whether nothing of a journey goes on now."""
        return bool(self.paused) and not self.paused.isdisjoint(("all", f"journey:{journey}"))

    def brakes(self, journey: str) -> bool:
        """Whether nothing of a journey is said now that the brake counts; the rest goes on."""
        return bool(self.paused) and f"brake:{journey}" in self.paused
