"""What an entry that stands at a `wait_for` has heard: one bit for each rule."""

from __future__ import annotations

from typing import Any

from services.contracts.journey import WaitFor
from services.trigger_engine.journeys.compiled import Compiled
from services.trigger_engine.journeys.situation import Situation


def is_fulfilled(step: WaitFor, bits: int) -> bool:
    """Whether enough was heard: any rule, or all of them."""
    return bits == (1 << len(step.rules)) - 1 if step.every else bits != 0


def heard(compiled: Compiled, step: str, kind: str, env: dict[str, Any]) -> int:
    """The rules that an event of type `kind`, `received` in `env`, fulfils."""
    bits = 0
    for number, condition in compiled.awaited[step].get(kind, ()):
        if condition is None or condition.evaluate(env) is True:
            bits |= 1 << number
    return bits


def recorded(situation: Situation) -> int:
    """What was taken in before the entry's own event came, late, and would have been heard after it."""
    entry, bits = situation.entry, 0
    for one in situation.turn.past:
        if one.time > entry.since or (one.time == entry.since and one.type != entry.event_type):
            bits |= heard(situation.compiled, entry.step, one.type, {**situation.env, "received": one.fields})
    return bits
