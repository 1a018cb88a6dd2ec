"""How many went which way through each journey, counted from what the world tells."""

# ruff: noqa: ARG002, D102 -- watcher.py says what it is told, which is more than is counted

from __future__ import annotations

from collections import Counter
from datetime import datetime
from typing import Any

import msgspec

from services.contracts.journey import Branch, Split, WaitFor
from services.contracts.message import Message
from services.contracts.reasons import Reason
from services.trigger_engine.journeys.compiled import Compiled, Node
from services.trigger_engine.journeys.reaction import EntryRow, Walked
from services.trigger_engine.virtual import Watcher

ON, PAST, THEN, OTHERWISE = "on", "past", "then", "otherwise"
"""Ways out of a step: straight on, past what is inside it, and those of a `wait_for`."""


class Flow(msgspec.Struct):
    """What was counted in one journey, by step; the step is empty before the first.

    `ways` are by (step, way): `on`, `past`, `then`, `otherwise`, the number of a branch's arm, the name of a split's
    share. `ended` has those who ended at a step, by (step, reason); those who went on past the last are `completed`.
    Of each step as many `came` as have left it, ended there, or are still `inside`.
    """

    entered: int = 0
    completed: int = 0
    came: Counter[str] = msgspec.field(default_factory=Counter)
    ways: Counter[tuple[str, str]] = msgspec.field(default_factory=Counter)
    sent: Counter[tuple[str, str]] = msgspec.field(default_factory=Counter)
    skipped: Counter[tuple[str, str]] = msgspec.field(default_factory=Counter)
    delayed: Counter[tuple[str, str]] = msgspec.field(default_factory=Counter)
    ended: Counter[tuple[str, str]] = msgspec.field(default_factory=Counter)
    inside: Counter[str] = msgspec.field(default_factory=Counter)


class _Place(msgspec.Struct):
    """Where an entry stands: `until` when it sleeps, and the way out that is known, with where it leads."""

    flow: Flow
    compiled: Compiled
    step: str = ""
    until: datetime | None = None
    out: tuple[str, str | None] | None = None


class Flows(Watcher):
    """The flows of all journeys, by name."""

    def __init__(self, journeys: dict[str, Compiled]) -> None:
        self._journeys = journeys
        self._places: dict[bytes, _Place] = {}
        self.flows = {name: Flow() for name in journeys}

    def entered(self, entry: EntryRow, at: datetime) -> None:
        flow = self.flows[entry.journey]
        flow.entered += 1
        self._places[entry.id] = _Place(flow, self._journeys[entry.journey])

    def walked(self, entry_id: bytes, steps: list[Walked], at: datetime) -> None:
        place = self._places.get(entry_id)
        for one in steps:
            if place is not None and one.reason is not Reason.GOAL_REACHED:
                _go(place, one.step, at)
                _note(place, one)

    def sent(self, message: Message, at: datetime) -> None:
        self.flows[message.journey].sent[message.step, message.channel] += 1

    def stopped(self, message: Message, reason: Reason, at: datetime) -> None:
        self.flows[message.journey].skipped[message.step, reason.value] += 1

    def ended(self, entry: EntryRow, at: datetime) -> None:
        place = self._places.pop(entry.id)
        if entry.step:
            _go(place, entry.step, at)
        if entry.reason is Reason.COMPLETED:
            _go(place, None, at)
            place.flow.completed += 1
        else:
            place.flow.ended[place.step, entry.reason.value if entry.reason else ""] += 1

    def close(self) -> None:
        """Nothing more comes: count who is still inside."""
        for place in self._places.values():
            place.flow.inside[place.step] += 1
        self._places.clear()


def _go(place: _Place, to: str | None, at: datetime) -> None:
    """Count the steps between, up to `to` (None: past the last)."""
    if place.step == to:
        return
    for _ in range(len(place.compiled.nodes) + 1):
        way, onward = place.out or _out(place, at)
        place.flow.ways[place.step, way] += 1
        place.out = place.until = None
        if onward is None:
            return
        place.step = onward
        place.flow.came[onward] += 1
        if onward == to:
            return


def _out(place: _Place, at: datetime) -> tuple[str, str | None]:
    """The way out that nothing was said of. A `wait_for` that is left before its time is over has heard."""
    if not place.step:
        return ON, place.compiled.first
    node = place.compiled.nodes[place.step]
    if isinstance(node.step, WaitFor):
        late = place.until is not None and at >= place.until
        return (OTHERWISE, node.arms[1][1]) if late else (THEN, node.arms[0][1])
    return ON, node.next


def _note(place: _Place, one: Walked) -> None:
    seen, node, flow = one.seen or {}, place.compiled.nodes[one.step], place.flow
    if "until" in seen:
        place.until = seen["until"]
        if one.reason is not None:
            flow.delayed[one.step, one.reason.value] += 1
        return
    if one.reason is not None:
        flow.skipped[one.step, one.reason.value] += 1
    if one.reason is Reason.PASSED_OVER:
        place.out = (PAST if node.arms else ON), node.next
    elif "arm" in seen and isinstance(node.step, Branch | Split):  # a `wait_for` is told by when it is left
        place.out = _way(node, seen["arm"])


def _way(node: Node, arm: Any) -> tuple[str, str | None]:
    if isinstance(node.step, Branch) and isinstance(arm, int):
        return str(arm), node.arms[arm - 1][1]
    if isinstance(node.step, Split):
        for share, (_, to) in zip(node.step.shares, node.arms, strict=True):
            if share.name == arm:
                return share.name, to
    return PAST, node.next
